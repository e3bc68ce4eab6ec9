import { Metadata, credentials } from '@grpc/grpc-js';
import { executionProto } from '@millrace/contracts';
import type { BundleReader } from '@millrace/persistence';
import { createLogger } from '@millrace/telemetry';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { ExecutionServer } from './execution-server.js';
import type { StreamParts } from './worker-stream.js';

const TOKEN = 't'.repeat(40);
const SESSION = '01a208d1-159d-7cbc-a9b8-93c73ac881dc';

/** A core whose commits take as long as the test wants. */
class SlowCore {
  readonly asked: string[] = [];
  #arrived: (() => void) | undefined;
  #commit: () => void = () => undefined;
  readonly arrived = new Promise<void>((resolve) => (this.#arrived = resolve));
  readonly #committed = new Promise<void>((resolve) => (this.#commit = resolve));

  commit(): void {
    this.#commit();
  }

  readonly sessions = { open: async () => 'open' };
  readonly workers = { add: () => () => undefined };
  readonly callbacks = { poke: () => undefined };
  readonly membership = { schedulers: [] };
  readonly completions = {
    complete: async ({ attemptId }: { attemptId: string }) => {
      this.asked.push(attemptId);
      this.#arrived?.();
      await this.#committed;
      return { result: 'accepted', reason: '', next: [executionProto.Grant.fromPartial({ attemptId: 'the successor' })] };
    },
  };
}

it('answers what is in hand before it ends, with the successor claimed in that commit, and hears nothing new', async () => {
  const core = new SlowCore();
  const parts = { core, questions: {}, logger: createLogger({ service: 'spec', stream: new Writable({ write: (_chunk, _encoding, done) => done() }) }), schedulerId: 'spec', leaseTtlMs: 15_000, beatEveryMs: 3_000 } as unknown as StreamParts;
  const server = new ExecutionServer({ host: '127.0.0.1', port: 0, internalToken: TOKEN, tls: null }, {} as BundleReader, () => parts);
  await server.start();
  const client = new executionProto.ExecutionServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  const stream = client.session(metadata);
  stream.on('error', () => undefined);
  const told: executionProto.SessionResponse['body'][] = [];
  const ended = new Promise<void>((resolve) => stream.once('end', resolve).once('error', () => resolve()));
  stream.on('data', (message: executionProto.SessionResponse) => void told.push(message.body));
  stream.write({ body: { $case: 'hello', value: executionProto.Hello.fromPartial({ sessionId: SESSION, workerName: 'w', logHost: 'h', queues: ['default'], slots: 1 }) } });
  const complete = (attemptId: string): void => void stream.write({ body: { $case: 'complete', value: executionProto.CompleteRequest.fromPartial({ requestId: 7, items: [{ attemptId }] }) } });
  complete('in hand');
  await core.arrived;
  const stopped = server.stop();
  complete('too late');
  // What is too late has been sent by now: the same connection brings a refused call's answer back.
  await new Promise<void>((resolve) => client.getBundle({ bundleHash: 'any' }, new Metadata()).on('error', () => resolve()).on('data', () => undefined));
  core.commit();
  await Promise.all([stopped, ended]);
  client.close();
  expect(core.asked).toEqual(['in hand']);
  expect(told.at(-1)).toMatchObject({ $case: 'complete', value: { acks: [{ attemptId: 'in hand', result: 'accepted' }], next: [{ attemptId: 'the successor' }] } });
});
