import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { executionProto } from '@millrace/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { WorkerRig, grantOf } from '../testing/worker-rig.js';

let built: Awaited<ReturnType<typeof buildEntries>>;
let scheduler: FakeScheduler;
let rig: WorkerRig;

beforeAll(async () => {
  built = await buildEntries();
});
afterAll(() => built.remove());
beforeEach(async () => {
  scheduler = await new FakeScheduler().start();
});
afterEach(async () => {
  await rig.stop();
  scheduler.stop();
});

async function start(): Promise<void> {
  rig = await new WorkerRig({ entries: built.entries, schedulers: [scheduler], concurrency: 1 }).start();
  await scheduler.hellos.count(1);
}

/** A bundle with these options of its dag and of its task. */
function bundle(task: string, dag = '{}'): string {
  return scheduler.addBundle(`export const __millrace_dags__ = new Map([['example', { options: ${dag}, tasks: new Map([['task', { templateFields: [], operator: { options: ${task}, execute: () => 1 } }]]) }]]);`);
}

function callbackOf(hash: string, on: string, more: Partial<executionProto.Callback> = {}, taskId = 'task'): executionProto.Callback {
  const callbackId = randomUUID();
  const token = randomUUID();
  return { callbackId, token, on, reason: 'Error: no', deadline: '', state: 'failed', grant: { ...grantOf(hash, taskId, { tryNumber: 2, executionTimeoutMs: 10_000 }), attemptId: callbackId, claimToken: token }, ...more };
}

async function reported(callback: executionProto.Callback): Promise<executionProto.CallbackReport> {
  scheduler.send({ $case: 'callback', value: callback });
  return scheduler.callbackReports.find((report) => report.callbackId === callback.callbackId);
}

it('calls what the task says, functions and notifiers, with its try and what happened', async () => {
  await start();
  const hash = bundle(`{ onFailure: [(c) => console.log('function', c.taskId, c.tryNumber, c.callback.on, c.callback.reason, c.ds), { notify: (c) => c.log.info('notifier ' + c.callback.id) }] }`);
  const callback = callbackOf(hash, 'failure');
  const report = await reported(callback);
  expect(report).toMatchObject({ token: callback.token, ok: true, error: '' });
  expect(report.log).toContain('function task 2 failure Error: no 2026-11-23');
  expect(report.log).toContain(`notifier ${callback.callbackId}`);
});

it('calls the dag’s default where the task has none of its own, the run’s, and the deadline’s', async () => {
  await start();
  const hash = bundle('{}', `{ defaultArgs: { onRetry: () => console.log('default') }, onSuccess: () => console.log('run ended'), deadlines: [{ name: 'late', callback: (c) => console.log('missed', c.callback.deadline) }] }`);
  expect((await reported(callbackOf(hash, 'retry'))).log).toContain('default');
  expect((await reported(callbackOf(hash, 'success', {}, ''))).log).toContain('run ended');
  expect((await reported(callbackOf(hash, 'deadline', { deadline: 'late' }, ''))).log).toContain('missed late');
});

it('fails when the code has none', async () => {
  await start();
  expect(await reported(callbackOf(bundle('{}'), 'success'))).toMatchObject({ ok: false, error: expect.stringContaining('has no callback for success') as string });
});

it('calls all of them, and reports the first error', async () => {
  await start();
  const report = await reported(callbackOf(bundle(`{ onSuccess: [() => { throw new RangeError('one'); }, () => console.log('still called')] }`), 'success'));
  expect(report).toMatchObject({ ok: false, error: 'RangeError: one' });
  expect(report.log).toContain('still called');
});

it('ends one that takes too long, and one that ends its process', async () => {
  await start();
  const hash = bundle(`{ onSuccess: () => new Promise(() => setInterval(() => {}, 1000)), onFailure: () => process.exit(3) }`);
  const slow = callbackOf(hash, 'success');
  slow.grant!.executionTimeoutMs = 300;
  expect(await reported(slow)).toMatchObject({ ok: false, error: 'the callback took longer than 0.3 s' });
  expect((await reported(callbackOf(hash, 'failure'))).error).toContain('exit code 3');
});

it('runs beside slots that are all taken', async () => {
  await start();
  const hash = scheduler.addBundle(`export const __millrace_dags__ = new Map([['example', { tasks: new Map([['task', { templateFields: [], operator: { options: { onSuccess: () => console.log('told') }, execute: (c) => new Promise((resolve) => c.signal.addEventListener('abort', resolve)) } }]]) }]]);`);
  const busy = grantOf(hash, 'task');
  rig.publish(busy);
  await scheduler.claims.count(1);
  expect((await reported(callbackOf(hash, 'success'))).log).toContain('told');
  expect(scheduler.completions.all).toEqual([]);
});

it('reports again until a scheduler knows', async () => {
  await start();
  scheduler.answersReports = false;
  const callback = callbackOf(bundle('{ onSuccess: () => {} }'), 'success');
  await reported(callback);
  scheduler.cut();
  scheduler.answersReports = true;
  await scheduler.callbackReports.count(2);
  expect(scheduler.callbackReports.all.map((report) => report.token)).toEqual([callback.token, callback.token]);
});

it('given again before its report was heard, it is not called twice: the report goes under the newer token', async () => {
  await start();
  scheduler.answersReports = false;
  const callback = callbackOf(bundle('{ onSuccess: () => console.log("called at", process.hrtime.bigint()) }'), 'success');
  const first = await reported(callback);
  scheduler.answersReports = true;
  const again = { ...callback, token: randomUUID() };
  scheduler.send({ $case: 'callback', value: again });
  const second = await scheduler.callbackReports.find((report) => report.token === again.token);
  expect(second).toEqual({ ...first, token: again.token });
});

it('given again while it runs, it reports once, under the newer token', async () => {
  await start();
  const gate = join(rig.home, 'gate');
  const hash = bundle(`{ onSuccess: async () => { const { existsSync } = await import('node:fs'); console.log('called'); while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 20)); } }`);
  const callback = callbackOf(hash, 'success');
  scheduler.send({ $case: 'callback', value: callback });
  await scheduler.callbacksTaken.find((taken) => taken.token === callback.token);
  const again = { ...callback, token: randomUUID() };
  scheduler.send({ $case: 'callback', value: again });
  await scheduler.callbacksTaken.find((taken) => taken.token === again.token);
  await writeFile(gate, '');
  const report = await scheduler.callbackReports.find((one) => one.callbackId === callback.callbackId);
  expect(report).toMatchObject({ token: again.token, ok: true });
  expect(report.log.match(/called/g)).toHaveLength(1);
});

it('runs onExecute in the task’s own process, and its failure changes nothing', async () => {
  await start();
  const grant = grantOf(bundle(`{ onExecute: [(c) => c.log.info('before ' + c.taskId), () => { throw new Error('beside the point'); }] }`), 'task');
  rig.publish(grant);
  expect(await scheduler.completions.find((one) => one.attemptId === grant.attemptId)).toMatchObject({ outcome: 'success' });
  expect(rig.log(grant)).toMatch(/before task[^]*onExecute failed[^]*beside the point[^]*Marking task as SUCCESS/);
});
