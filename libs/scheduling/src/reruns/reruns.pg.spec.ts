import type { DagDocumentInput } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import { waitFor } from '@millrace/test-services';
import type { RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { RerunDesk } from './rerun-desk.js';
import { rerunRequest } from './rerun-request.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const task = (taskId: string, upstream: string[] = []): object => ({ taskId, operator: 'TestOperator', upstream });
const dag = (tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId: 'd', tasks, ...more }) as DagDocumentInput;
const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));

/** Five days of a chain, all done; with a desk to plan re-runs at. */
async function fiveDays(more: object = {}) {
  const rig = await SchedulerRig.open({ schedulers: 2 });
  await rig.publish(dag([task('a'), task('b', ['a']), task('c', ['b'])], more));
  await rig.addWorker((grant) => ({ xcoms: [{ key: 'return_value', json: JSON.stringify(`${grant.taskId}${grant.tryNumber}`) }], ...(grant.runId === 'day3' && grant.taskId === 'b' && grant.tryNumber === 1 ? { outcome: 'failed', error: 'no', xcoms: [] } : {}) }));
  const runs: RunId[] = [];
  for (let n = 1; n <= 5; n++) runs.push(await rig.trigger('d', { runId: `day${n}`, logicalDate: day(n) }));
  for (const id of runs) await rig.ended(id);
  rig.started.length = 0;
  const desk = new RerunDesk(rig.migrated.database, () => rig.cores[0]!.outbox.poke(), silent);
  const plan = (request: object) => desk.plan('d', rerunRequest.parse(request), 'ada');
  const over = async (id: string): Promise<void> => {
    await waitFor(async () => (await desk.view('d', id)).state !== 'applying', { timeoutMs: 15_000, what: 'the plan to be over' });
    await waitFor(async () => (await rig.sql('select 1 from run_event')).length === 0, { timeoutMs: 10_000, what: 'all to be in line' });
    for (const run of runs) await rig.ended(run);
  };
  return { rig, desk, plan, over, runs, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

describe('a re-run as a plan', () => {
  it('shows what it would do and changes nothing; applied, it runs the chosen tasks of the chosen runs in order', async () => {
    await using w = await fiveDays({ maxActiveRuns: 1 });
    const { plan, leftOut } = await w.plan({ from_date: day(2).toISOString(), to_date: day(4).toISOString(), task_ids: ['b'], include_downstream: true, order: 'newest_first' });
    expect([plan.state, plan.runs, plan.instances, plan.waiting, leftOut]).toEqual(['draft', 3, 6, 3, []]);
    expect((await w.desk.items(plan.id, 10, 0)).map((item) => item.runId)).toEqual(['day4', 'day3', 'day2']);
    expect(w.rig.started).toEqual([]);
    await w.desk.apply('d', plan.id, 'ada');
    await w.over(plan.id);
    expect(w.rig.started.map((grant) => `${grant.runId}.${grant.taskId}`)).toEqual(['day4.b', 'day4.c', 'day3.b', 'day3.c', 'day2.b', 'day2.c']);
    expect(await w.desk.view('d', plan.id)).toMatchObject({ state: 'done', done: 3, failed: 0, appliedBy: 'ada' });
    await expect(w.desk.apply('d', plan.id, 'ada')).rejects.toMatchObject({ code: 'conflict' });
    expect(await w.rig.sql(`select event, count(*)::int as times from audit_log where event in ('plan_rerun', 'apply_rerun', 'rerun') group by 1 order by 1`)).toEqual([
      { event: 'apply_rerun', times: 1 }, { event: 'plan_rerun', times: 1 }, { event: 'rerun', times: 3 },
    ]);
  });

  it('takes only what failed, by state, with another conf and on the latest version', async () => {
    await using w = await fiveDays();
    await w.rig.publish(dag([task('a'), task('b', ['a']), task('new', ['b'])]));
    const { plan, leftOut } = await w.plan({ run_states: ['failed', 'success'], only_failed: true, conf: { again: true }, version: 'latest' });
    expect([plan.runs, leftOut.length]).toEqual([1, 4]);
    await w.desk.apply('d', plan.id, 'ada');
    await w.over(plan.id);
    expect(w.rig.started.map((grant) => [grant.runId, grant.taskId, grant.confJson])).toEqual([['day3', 'b', '{"again": true}'], ['day3', 'new', '{"again": true}']]);
    expect(await w.rig.states(w.runs[2]!)).toEqual({ a: 'success', b: 'success', c: 'removed', new: 'success' });
  });

  it('restarts from a task with an edited input, and keeps what it was', async () => {
    await using w = await fiveDays();
    const { plan } = await w.plan({ run_ids: ['day1'], task_ids: ['b'], include_downstream: true, inputs: [{ task_id: 'a', value: { rows: 3 } }] });
    await w.desk.apply('d', plan.id, 'ada');
    await w.over(plan.id);
    expect(w.rig.started.map((grant) => grant.taskId)).toEqual(['b', 'c']);
    expect(await w.rig.sql(`select value from xcom where run_id = 'day1' and task_id = 'a'`)).toEqual([{ value: { rows: 3 } }]);
    expect(await w.rig.sql(`select key, before, after, by_user from xcom_override`)).toEqual([{ key: 'return_value', before: 'a1', after: { rows: 3 }, by_user: 'ada' }]);
  });

  it('is cancelled: what was not put in line stays as it is', async () => {
    await using w = await fiveDays();
    const { plan } = await w.plan({ run_states: ['success'] });
    await w.desk.cancel('d', plan.id, 'ada');
    expect(await w.desk.view('d', plan.id)).toMatchObject({ state: 'cancelled', cancelled: 4, waiting: 0 });
    await expect(w.desk.apply('d', plan.id, 'ada')).rejects.toMatchObject({ code: 'conflict' });
    expect(w.rig.started).toEqual([]);
  });

  it.each([
    ['no run fits', { run_states: ['running'] }, 'invalid', 'no run fits'],
    ['an unknown run', { run_ids: ['zzz'] }, 'run_not_found', 'no run zzz'],
    ['an unknown task', { run_states: ['success'], task_ids: ['zzz'] }, 'task_not_found', 'zzz'],
    ['an input of a task that runs again', { run_states: ['success'], inputs: [{ task_id: 'a', value: 1 }] }, 'invalid', 'runs again itself'],
  ])('refuses %s', async (_, request, code, message) => {
    await using w = await fiveDays();
    await expect(w.plan(request)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});
