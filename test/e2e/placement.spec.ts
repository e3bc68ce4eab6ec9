import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

const DAGS = join(REPOSITORY_ROOT, 'test/dags');
const WORKERS = ['worker-1', 'worker-2'];

let constellation: Constellation;

beforeAll(async () => {
  constellation = await Constellation.start({
    label: 'placement',
    schedulers: 1,
    workers: WORKERS.map(() => ({ queues: ['default'], concurrency: 4 })),
    dags: ['ledgered.ts', 'pinned.ts'].map((file) => join(DAGS, file)),
    settings: { 'scheduler.sweep_every_ms': 200, 'scheduler.lease_ttl_ms': 3_000, 'scheduler.beat_every_ms': 500, 'worker.self_fence_ms': 2_000 },
  });
  await eventually('the dag to be published', async () => (await constellation.database.query(`select 1 from dag where dag_id = 'pinned' and current_version_id is not null`)).rows.length === 1);
}, 120_000);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
}, 120_000);

const gateOf = (runId: string): string => join(constellation.folder, `gate-${runId}`);
const trigger = (runId: string): Promise<unknown> =>
  constellation.client.must('POST', '/api/v2/dags/pinned/dagRuns', { dag_run_id: runId, logical_date: null, conf: { gate: gateOf(runId) } });
const waiting = (runId: string, except = ''): Promise<string> => eventually(`the task of ${runId} that waits to run`, async () => {
  const { rows } = await constellation.database.query<{ worker: string }>(
    `select s.worker_name as worker from task_instance t join worker_session s on s.id = t.session_id where t.run_id = $1 and t.task_id = 'wait' and t.state = 'running' and s.state = 'active' and s.worker_name <> $2`, [runId, except]);
  return rows.at(0)?.worker;
});
const ended = (runId: string): Promise<string> => eventually(`${runId} to end`, async () => {
  const { state } = await constellation.client.run('pinned', runId);
  return state === 'success' || state === 'failed' ? state : null;
});
const valueOf = async (runId: string, taskId: string): Promise<unknown> =>
  (await constellation.client.must<{ value: unknown }>('GET', `/api/v2/dags/pinned/dagRuns/${runId}/taskInstances/${taskId}/xcomEntries/return_value`)).value;
const workersOf = async (runId: string): Promise<string[]> =>
  (await constellation.database.query<{ worker: string }>(`select s.worker_name as worker from task_instance t join worker_session s on s.id = t.session_id where t.run_id = $1 order by t.task_id`, [runId])).rows.map(({ worker }) => worker);
/** The name in the constellation of a worker's process. */
const processOf = async (worker: string): Promise<string> => {
  const { rows } = await constellation.database.query<{ pid: number }>(`select pid from worker_session where worker_name = $1 and state in ('active', 'draining')`, [worker]);
  return WORKERS.find((name) => constellation.service(name).pid === rows[0]?.pid) ?? `no process of ${worker}`;
};

it('keeps the tasks of a run on one worker, with the folder they share, and spreads runs over workers', async () => {
  await trigger('first');
  const one = await waiting('first');
  await trigger('second');
  const two = await waiting('second');
  expect(one).not.toBe(two);
  for (const runId of ['first', 'second']) writeFileSync(gateOf(runId), '');
  expect([await ended('first'), await ended('second')]).toEqual(['success', 'success']);
  expect(new Set(await workersOf('first'))).toEqual(new Set([one]));
  expect(new Set(await workersOf('second'))).toEqual(new Set([two]));
  expect(await valueOf('first', 'read')).toEqual({ found: ['written'], generation: 1 });
}, 120_000);

it('goes to another worker when its own is killed, and finds no half-written folder there', async () => {
  await trigger('killed');
  const before = await waiting('killed');
  const name = await processOf(before);
  await constellation.kill(name);
  await waiting('killed', before);
  writeFileSync(gateOf('killed'), '');
  expect(await ended('killed')).toBe('success');
  expect(await valueOf('killed', 'wait')).toEqual({ found: [], generation: 2 });
  expect(await valueOf('killed', 'read')).toMatchObject({ generation: 2 });
  await constellation.restart(name);
}, 120_000);

it('goes to another worker when its own drains: what runs may end there, the rest follows elsewhere', async () => {
  await trigger('drained');
  const before = await waiting('drained');
  const name = await processOf(before);
  const exit = constellation.service(name).stop(60_000);
  await eventually('it to drain', async () => (await constellation.database.query(`select 1 from worker_session where worker_name = $1 and state = 'draining'`, [before])).rows.length === 1);
  writeFileSync(gateOf('drained'), '');
  expect(await ended('drained')).toBe('success');
  expect(await exit).toBe(0);
  expect(await valueOf('drained', 'wait')).toEqual({ found: ['written'], generation: 1 });
  expect(await valueOf('drained', 'read')).toEqual({ found: [], generation: 2 });
}, 120_000);
