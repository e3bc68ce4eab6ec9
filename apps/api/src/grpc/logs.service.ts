import { status } from '@grpc/grpc-js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { EVERYTHING } from '@millrace/access';
import type { logsProto } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { TryLogs } from '../rest/logs/try-logs.js';
import { withScope } from '../rest/security/request-scope.js';
import { isInternalCall, refusal, toServiceError } from './bundles.service.js';

/** Bytes of one try's log, following it while the task runs. */
export function logsService(parts: { readonly logs: TryLogs; readonly internalToken: string; readonly logger: Logger }): logsProto.LogsServiceServer {
  return {
    readLog: (call) => {
      if (!isInternalCall(call.metadata.get('authorization')[0], parts.internalToken)) {
        call.emit('error', refusal(status.UNAUTHENTICATED, 'the internal token is missing or wrong (security.internal_token)'));
        return;
      }
      // Who asks is a service of ours; whose log it may see was asked where it got the request.
      withScope({ actor: null, scope: EVERYTHING }, () => send(call, parts.logs)).catch((error: unknown) => call.emit('error', toServiceError(error, call.getPath(), parts.logger)));
    },
  };
}

async function send(call: ServerWritableStream<logsProto.ReadLogRequest, logsProto.ReadLogResponse>, logs: TryLogs): Promise<void> {
  const { dagId, runId, taskId, mapIndex, tryNumber, offset, follow } = call.request;
  const stop = new AbortController();
  call.once('cancelled', () => stop.abort());
  const reading = await logs.open({ dagId, runId, taskId, mapIndex, tryNumber }, { offset, follow, signal: stop.signal });
  for await (const chunk of reading.chunks) {
    const more = call.write({ chunk: Buffer.from(chunk), nextOffset: reading.nextOffset, source: reading.source, end: false });
    if (!more) await new Promise<void>((resolve) => call.once('drain', resolve).once('close', resolve));
    if (stop.signal.aborted) return;
  }
  call.write({ chunk: Buffer.alloc(0), nextOffset: reading.nextOffset, source: reading.source, end: true });
  call.end();
}
