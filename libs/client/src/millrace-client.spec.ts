import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { workflowsProto } from '@millrace/contracts';
import { afterEach, expect, it } from 'vitest';
import { MillraceClient } from './index.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

const run = (state: string): workflowsProto.Run => workflowsProto.Run.fromPartial({ dagId: 'etl', runId: 'r1', state });

async function against(answers: Partial<workflowsProto.WorkflowServiceServer>): Promise<string> {
  const server = new Server();
  server.addService(workflowsProto.WorkflowServiceService, answers as workflowsProto.WorkflowServiceServer);
  servers.push(server);
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))));
  return `127.0.0.1:${port}`;
}

it('sends its token, asked anew for each call, and what the run is to have', async () => {
  const seen: unknown[] = [];
  const address = await against({
    triggerRun: (call, answer) => {
      seen.push(call.metadata.get('authorization')[0], call.request.conf, call.request.logicalDate?.toISOString());
      answer(null, run('queued'));
    },
  });
  let n = 0;
  using client = new MillraceClient({ address, token: async () => `t${++n}` });
  expect(await client.triggerRun('etl', { conf: { a: [1] }, logicalDate: new Date(0) })).toMatchObject({ state: 'queued' });
  await client.triggerRun('etl');
  expect(seen).toEqual(['Bearer t1', { a: [1] }, '1970-01-01T00:00:00.000Z', 'Bearer t2', undefined, undefined]);
});

it('reads lists to their end', async () => {
  const address = await against({ listRuns: (call, answer) => answer(null, { runs: [run(call.request.pageToken || 'first')], nextPageToken: call.request.pageToken === '' ? 'second' : '', total: 2 }) });
  using client = new MillraceClient({ address, token: 't' });
  const states: string[] = [];
  for await (const one of client.listRuns()) states.push(one.state);
  expect(states).toEqual(['first', 'second']);
});

it('watches to the end, and leaving the loop ends the call', async () => {
  let cancelled = (): void => {};
  const isCancelled = new Promise<void>((resolve) => (cancelled = resolve));
  const address = await against({
    watchRun: (call) => {
      call.once('cancelled', cancelled);
      call.write({ run: run('running'), taskInstances: [] });
      if (!call.request.taskInstances) {
        call.write({ run: run('success'), taskInstances: [] });
        call.end();
      }
    },
  });
  using client = new MillraceClient({ address, token: 't' });
  expect((await client.runEnded('etl', 'r1')).state).toBe('success');
  for await (const message of client.watchRun('etl', 'r1', { taskInstances: true })) {
    expect(message.run?.state).toBe('running');
    break;
  }
  await isCancelled;
});

it('rejects with the code, at its deadline, and when it is aborted', async () => {
  const address = await against({ getRun: (call, answer) => (call.request.runId === 'none' ? answer({ code: status.NOT_FOUND, details: 'no such run' }) : undefined) });
  using client = new MillraceClient({ address, token: 't' });
  await expect(client.getRun('etl', 'none')).rejects.toMatchObject({ code: status.NOT_FOUND, details: 'no such run' });
  await expect(client.getRun('etl', 'silent', { timeoutMs: 200 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  const stop = new AbortController();
  const call = client.getRun('etl', 'silent', { signal: stop.signal });
  setImmediate(() => stop.abort());
  await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
});
