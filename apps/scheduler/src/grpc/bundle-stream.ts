import { status } from '@grpc/grpc-js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { executionProto } from '@millrace/contracts';
import type { BundleReader } from '@millrace/persistence';

const CHUNK_BYTES = 1_000_000;

type Call = ServerWritableStream<executionProto.GetBundleRequest, executionProto.GetBundleResponse>;

/** Sends a bundle in chunks; the worker checks its hash. */
export async function sendBundle(call: Call, bundles: BundleReader): Promise<void> {
  const { bundleHash } = call.request;
  const content = /^[0-9a-f]{64}$/.test(bundleHash) ? await bundles.content(bundleHash) : undefined;
  if (content === undefined) {
    call.emit('error', { code: status.NOT_FOUND, details: `there is no bundle ${bundleHash.slice(0, 64)}` });
    return;
  }
  for (let at = 0; at < content.length; at += CHUNK_BYTES) call.write({ chunk: content.subarray(at, at + CHUNK_BYTES) });
  call.end();
}
