import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { bearerOf } from '@millrace/access';
import type { Action, Actor, ResourceKind } from '@millrace/access';
import type { workflowsProto } from '@millrace/contracts';
import type { LiveUpdates } from '@millrace/live-updates';
import type { InstancesReader, RunsReader } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import type { Logger } from '@millrace/telemetry';
import { MillraceError, RUN_STATES } from '@millrace/vocabulary';
import type { Lookups } from '../../rest/lookups.js';
import type { TryLogs } from '../../rest/logs/try-logs.js';
import type { Actors } from '../../rest/security/actors.js';
import { scoped, withScope } from '../../rest/security/request-scope.js';
import type { RequestScope } from '../../rest/security/request-scope.js';
import { toServiceError } from '../bundles.service.js';
import { nextToken, pageOf } from './page-token.js';
import { instanceMessage, runMessage } from './run-message.js';
import { watchRun } from './watch-run.js';

export interface WorkflowParts {
  readonly actors: Actors;
  readonly commands: Commands;
  readonly runs: RunsReader;
  readonly instances: InstancesReader;
  readonly lookups: Lookups;
  readonly logs: TryLogs;
  readonly liveUpdates: LiveUpdates;
  readonly pageLimitMax: number;
  readonly logger: Logger;
}

interface Need {
  readonly action: Action;
  readonly resource: ResourceKind;
}

const READ_RUNS: Need = { action: 'read', resource: 'dag_run' };

/** The gRPC of programs: `millrace.v1`. Thin: what is asked goes to the same readers and commands as REST, under the same rules. */
export function workflowsService(parts: WorkflowParts): workflowsProto.WorkflowServiceServer {
  const { commands, runs, instances, lookups, logs, liveUpdates, pageLimitMax } = parts;
  return {
    triggerRun: unary(parts, { action: 'create', resource: 'dag_run' }, async (request: workflowsProto.TriggerRunRequest, actor) => {
      required(request, 'dagId');
      const run = await commands.trigger({
        dagId: request.dagId,
        runId: request.runId === '' ? undefined : request.runId,
        logicalDate: request.logicalDate ?? null,
        runAfter: request.runAfter,
        conf: request.conf,
        note: request.note === '' ? null : request.note,
        partitionKey: request.partitionKey === '' ? null : request.partitionKey,
        triggeredBy: 'rest_api',
        actor: actor.name,
      });
      return runMessage(await lookups.madeRun(run.id, request.dagId, run.runId));
    }),
    getRun: unary(parts, READ_RUNS, async (request: workflowsProto.GetRunRequest) => runMessage(await lookups.run(request.dagId, request.runId))),
    listRuns: unary(parts, READ_RUNS, async (request: workflowsProto.ListRunsRequest) => {
      const unknown = request.states.find((state) => !(RUN_STATES as readonly string[]).includes(state));
      if (unknown !== undefined) throw new MillraceError('invalid', `states: "${unknown}" is none of ${RUN_STATES.join(', ')}`);
      if (request.dagId !== '') await lookups.dag(request.dagId);
      const { limit, offset } = pageOf(request.pageSize, request.pageToken, pageLimitMax);
      const page = await runs.list({ dagId: request.dagId === '' ? undefined : request.dagId, states: request.states.length === 0 ? undefined : request.states }, { limit, offset, orderBy: ['-run_after'] });
      return { runs: page.rows.map(runMessage), nextPageToken: nextToken(offset, page.rows.length, page.total), total: page.total };
    }),
    cancelRun: unary(parts, { action: 'edit', resource: 'dag_run' }, async (request: workflowsProto.CancelRunRequest, actor) => {
      const run = await lookups.run(request.dagId, request.runId);
      await commands.cancelRun(run.id, actor.name);
      return runMessage(await lookups.run(request.dagId, request.runId));
    }),
    listTaskInstances: unary(parts, { action: 'read', resource: 'task_instance' }, async (request: workflowsProto.ListTaskInstancesRequest) => {
      await lookups.run(request.dagId, request.runId);
      const { limit, offset } = pageOf(request.pageSize, request.pageToken, pageLimitMax);
      const page = await instances.list({ dagId: request.dagId, runId: request.runId }, { limit, offset, orderBy: [] });
      return { taskInstances: page.rows.map(instanceMessage), nextPageToken: nextToken(offset, page.rows.length, page.total), total: page.total };
    }),
    watchRun: streaming(parts, READ_RUNS, (request: workflowsProto.WatchRunRequest, signal) =>
      watchRun(
        {
          run: () => lookups.run(request.dagId, request.runId),
          instances: (limit, offset) => instances.list({ dagId: request.dagId, runId: request.runId }, { limit, offset, orderBy: [] }),
        },
        liveUpdates,
        { withInstances: request.taskInstances, signal },
      ),
    ),
    followLog: streaming(parts, { action: 'read', resource: 'task_log' }, (request: workflowsProto.FollowLogRequest, signal) => followLog(logs, request, signal)),
  };
}

async function* followLog(logs: TryLogs, request: workflowsProto.FollowLogRequest, signal: AbortSignal): AsyncGenerator<workflowsProto.FollowLogResponse, void, undefined> {
  const { dagId, runId, taskId, mapIndex, tryNumber, offset, follow } = request;
  if (offset < 0) throw new MillraceError('invalid', `offset must be 0 or more, got ${offset}`);
  const reading = await logs.open({ dagId, runId, taskId, mapIndex, tryNumber }, { offset, follow, signal });
  let told = 0;
  const news = (): string[] => reading.messages.slice(told, (told = reading.messages.length));
  for await (const chunk of reading.chunks) yield { chunk: Buffer.from(chunk), nextOffset: reading.nextOffset, source: reading.source, messages: news() };
  const last = news();
  if (last.length > 0) yield { chunk: Buffer.alloc(0), nextOffset: reading.nextOffset, source: reading.source, messages: last };
}

function unary<Request extends object, Response>(parts: WorkflowParts, need: Need, answer: (request: Request, actor: Actor) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    allowed(parts, call, need)
      .then((scope) => withScope(scope, () => answer(call.request, scope.actor)))
      .then((response) => callback(null, response))
      .catch((error: unknown) => callback(toServiceError(error, call.getPath(), parts.logger)));
  };
}

function streaming<Request extends object, Response>(parts: WorkflowParts, need: Need, answer: (request: Request, signal: AbortSignal) => AsyncIterable<Response>) {
  return (call: ServerWritableStream<Request, Response>): void => {
    const stop = new AbortController();
    // Also when the caller's deadline has passed.
    call.once('cancelled', () => stop.abort());
    const send = async (): Promise<void> => {
      const scope = await allowed(parts, call, need);
      for await (const response of withScope(scope, () => scoped(answer(call.request, stop.signal)))) {
        if (stop.signal.aborted) return;
        if (!call.write(response)) await new Promise<void>((resolve) => call.once('drain', resolve).once('close', resolve).once('cancelled', resolve));
      }
      call.end();
    };
    send().catch((error: unknown) => {
      if (!stop.signal.aborted) call.emit('error', toServiceError(error, call.getPath(), parts.logger));
    });
  };
}

interface Call {
  readonly metadata: { get(name: string): readonly (string | Buffer)[] };
  readonly request: object;
  getPeer(): string;
}

function allowed(parts: WorkflowParts, call: Call, need: Need): Promise<RequestScope & { readonly actor: Actor }> {
  const { dagId } = call.request as { readonly dagId?: string };
  return parts.actors.allowed(bearerOf(call.metadata.get('authorization')[0]?.toString()), call.getPeer(), { ...need, dagId: dagId === '' ? undefined : dagId });
}

function required(request: { readonly dagId: string }, field: 'dagId'): void {
  if (request[field] === '') throw new MillraceError('invalid', 'dag_id must name a dag');
}
