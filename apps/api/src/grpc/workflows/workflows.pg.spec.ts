import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Metadata, credentials, status } from '@grpc/grpc-js';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { workflowsProto } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';
import { healthOf, reflectedServices } from '../../testing/standard-grpc.js';

let rig: ApiRig;
let client: workflowsProto.WorkflowServiceClient;
let token: string;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('etl.ts', [{ format: 1, dagId: 'etl', params: { n: { value: 1, schema: { type: 'integer' } } }, tasks: [{ taskId: 'a', operator: 'Op' }, { taskId: 'b', operator: 'Op', upstream: ['a'] }] }]);
  client = new workflowsProto.WorkflowServiceClient(`127.0.0.1:${rig.api.grpcPort}`, credentials.createInsecure());
  token = await rig.login();
});
afterAll(async () => {
  client.close();
  await rig[Symbol.asyncDispose]();
});

const as = (bearer = token): Metadata => {
  const metadata = new Metadata();
  if (bearer !== '') metadata.set('authorization', `Bearer ${bearer}`);
  return metadata;
};
function call<Request, Response>(method: (request: Request, metadata: Metadata, callback: (error: Error | null, response: Response) => void) => unknown) {
  return promisify<Request, Metadata, Response>(method.bind(client) as never);
}
const trigger = (more: Partial<workflowsProto.TriggerRunRequest> = {}, metadata = as()): Promise<workflowsProto.Run> =>
  call<workflowsProto.TriggerRunRequest, workflowsProto.Run>(client.triggerRun)(workflowsProto.TriggerRunRequest.fromPartial({ dagId: 'etl', ...more }), metadata);
const codeOf = (work: Promise<unknown>): Promise<number> => work.then(() => status.OK, (error: { code: number }) => error.code);

async function all<Message>(stream: ClientReadableStream<Message>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of stream) messages.push(message as Message);
  return messages;
}

describe('runs', () => {
  it('are triggered, read, listed in pages and cancelled', async () => {
    const run = await trigger({ runId: 'g1', conf: { n: 3, deep: { list: [1, null, 'x'] } }, note: 'by grpc', logicalDate: new Date('2026-11-23T00:00:00Z') });
    expect(run).toMatchObject({ dagId: 'etl', runId: 'g1', state: 'queued', runType: 'manual', conf: { n: 3, deep: { list: [1, null, 'x'] } }, note: 'by grpc', versionNumber: 1 });
    expect(run.logicalDate?.toISOString()).toBe('2026-11-23T00:00:00.000Z');
    expect(await call<workflowsProto.GetRunRequest, workflowsProto.Run>(client.getRun)({ dagId: 'etl', runId: 'g1' }, as())).toEqual(run);
    await trigger({ runId: 'g2' });
    await trigger({ runId: 'g3' });
    const list = call<workflowsProto.ListRunsRequest, workflowsProto.ListRunsResponse>(client.listRuns);
    const first = await list({ dagId: 'etl', states: ['queued'], pageSize: 2, pageToken: '' }, as());
    const second = await list({ dagId: 'etl', states: ['queued'], pageSize: 2, pageToken: first.nextPageToken }, as());
    expect([first.runs.map((one) => one.runId), first.total, second.runs.map((one) => one.runId), second.nextPageToken]).toEqual([['g3', 'g2'], 3, ['g1'], '']);
    const cancelled = await call<workflowsProto.CancelRunRequest, workflowsProto.Run>(client.cancelRun)({ dagId: 'etl', runId: 'g2' }, as());
    expect(cancelled).toMatchObject({ state: 'failed' });
    const instances = call<workflowsProto.ListTaskInstancesRequest, workflowsProto.ListTaskInstancesResponse>(client.listTaskInstances);
    expect((await instances({ dagId: 'etl', runId: 'g1', pageSize: 0, pageToken: '' }, as())).taskInstances.map((one) => [one.taskId, one.state])).toEqual([['a', ''], ['b', '']]);
  });

  it.each<[string, () => Promise<unknown>, number]>([
    ['without a token', () => trigger({}, as('')), status.UNAUTHENTICATED],
    ['with a forged one', () => trigger({}, as('x.y.z')), status.UNAUTHENTICATED],
    ['of a dag that is not there', () => trigger({ dagId: 'none' }), status.NOT_FOUND],
    ['of no dag', () => trigger({ dagId: '' }), status.INVALID_ARGUMENT],
    ['with a conf that does not fit', () => trigger({ conf: { n: 'x' } }), status.INVALID_ARGUMENT],
    ['of a page that is none', () => call<workflowsProto.ListRunsRequest, unknown>(client.listRuns)({ dagId: '', states: [], pageSize: 1, pageToken: 'zzz' }, as()), status.INVALID_ARGUMENT],
    ['of a state that is none', () => call<workflowsProto.ListRunsRequest, unknown>(client.listRuns)({ dagId: '', states: ['done'], pageSize: 1, pageToken: '' }, as()), status.INVALID_ARGUMENT],
    ['of a run that is not there', () => all(client.watchRun({ dagId: 'etl', runId: 'none', taskInstances: false }, as())), status.NOT_FOUND],
  ])('are refused %s', async (_, work, code) => {
    expect(await codeOf(work())).toBe(code);
  });

  it('may not be changed by who may only read', async () => {
    await rig.sql(`insert into app_user (name, password_hash, role) select 'vera', password_hash, 'Viewer' from app_user where name = 'admin'`);
    const viewer = await rig.login('vera');
    expect(await codeOf(trigger({}, as(viewer)))).toBe(status.PERMISSION_DENIED);
    expect(await codeOf(call<workflowsProto.GetRunRequest, unknown>(client.getRun)({ dagId: 'etl', runId: 'g1' }, as(viewer)))).toBe(status.OK);
  });
});

describe('watching', () => {
  it('tells the run at once, each change, and ends with the run', async () => {
    await trigger({ runId: 'w1' });
    const stream = client.watchRun({ dagId: 'etl', runId: 'w1', taskInstances: true }, as());
    const told: workflowsProto.WatchRunResponse[] = [];
    const ended = (async () => {
      for await (const message of stream) {
        told.push(message as workflowsProto.WatchRunResponse);
        if (told.length === 1) await rig.call('PATCH', '/api/v2/dags/etl/dagRuns/w1', { body: { state: 'success' } });
      }
    })();
    await ended;
    expect(told[0]).toMatchObject({ run: { state: 'queued' }, taskInstances: [{ taskId: 'a', state: '' }, { taskId: 'b', state: '' }] });
    expect(told.at(-1)?.run?.state).toBe('success');
    expect(new Map(told.flatMap((message) => message.taskInstances.map((one) => [one.taskId, one.state])))).toEqual(new Map([['a', 'success'], ['b', 'success']]));
  });

  it('ends when the caller cancels or its deadline passes', async () => {
    await trigger({ runId: 'w2' });
    const cancelled = client.watchRun({ dagId: 'etl', runId: 'w2', taskInstances: false }, as());
    cancelled.once('data', () => cancelled.cancel());
    expect(await codeOf(all(cancelled))).toBe(status.CANCELLED);
    expect(await codeOf(all(client.watchRun({ dagId: 'etl', runId: 'w2', taskInstances: false }, as(), { deadline: Date.now() + 300 })))).toBe(status.DEADLINE_EXCEEDED);
  });
});

it('a log comes with its bytes and with how it was found', async () => {
  await trigger({ runId: 'l1' });
  await rig.call('PATCH', '/api/v2/dags/etl/dagRuns/l1', { body: { state: 'success' } });
  await rig.sql(`update task_instance set try_number = 1 where run_id = 'l1' and task_id = 'a'`);
  const path = join(rig.logsFolder, logPathOf({ dagId: 'etl', runId: 'l1', taskId: 'a', indexPath: [], tryNumber: 1 }));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'one\ntwo\n');
  const messages = await all(client.followLog({ dagId: 'etl', runId: 'l1', taskId: 'a', mapIndex: -1, tryNumber: 1, offset: 4, follow: true }, as()));
  expect(Buffer.concat(messages.map((message) => message.chunk)).toString()).toBe('two\n');
  expect(messages[0]).toMatchObject({ source: 'local', nextOffset: 8 });
  expect(messages.flatMap((message) => message.messages)[0]).toContain('*** Reading local file');
});

it('health and reflection need no token', async () => {
  expect(await reflectedServices(rig.api.grpcPort)).toEqual(['millrace.v1.WorkflowService']);
  expect(await healthOf(rig.api.grpcPort, 'millrace.v1.WorkflowService')).toBe('SERVING');
});
