import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks, ...more }) as DagDocumentInput;
const chain = (more: object = {}): DagDocumentInput => dag('chain', [task('a'), task('b', ['a']), task('c', ['b'])], more);
const daily = (more: object = {}): DagDocumentInput => chain({ schedule: { kind: 'cronInterval', expression: '0 0 * * *', timezone: 'UTC' }, startDate: '2018-01-01T00:00:00Z', ...more });

describe('trigger', () => {
  it('refuses what is not there, what exists, and what is no object, and says which', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain({ params: { n: { value: 1, schema: { type: 'integer', minimum: 1 } } } }));
    const logicalDate = new Date('2020-01-01T00:00:00Z');
    await expect(rig.trigger('nope')).rejects.toMatchObject({ code: 'dag_not_found', message: expect.stringContaining("'nope'") as string });
    await rig.trigger('chain', { runId: 'mine', logicalDate });
    await expect(rig.trigger('chain', { runId: 'mine' })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining("dag_run_id 'mine'") as string });
    await expect(rig.trigger('chain', { runId: 'other', logicalDate })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('logical_date 2020-01-01') as string });
    await expect(rig.trigger('chain', { conf: [] as never })).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('an array') as string });
    await expect(rig.trigger('chain', { conf: { n: 0 } })).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('param "n"') as string });
    await expect(rig.trigger('chain', { runId: '../up' })).rejects.toMatchObject({ code: 'invalid' });
    await expect(rig.trigger('chain', { taskSelection: ['zzz'] })).rejects.toMatchObject({ code: 'task_not_found' });
  });

  it('makes a run of the chosen tasks only', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    await rig.addWorker(() => ({}));
    const id = await rig.trigger('chain', { taskSelection: ['b'], conf: { x: 1 } });
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.states(id)).toEqual({ b: 'success' });
    expect(JSON.parse(rig.started[0]!.paramsJson)).toEqual({ x: 1 });
  });
});

describe('params', () => {
  it('are the dag’s, over them the task’s, over them the run’s conf', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('plus', [task('t', [], { params: { a: 1, b: 2 } })], { params: { a: { value: 9 }, c: { value: 3 } } }));
    await rig.addWorker(() => ({}));
    await rig.ended(await rig.trigger('plus', { conf: { b: 5 } }));
    expect(JSON.parse(rig.started[0]!.paramsJson)).toEqual({ a: 1, b: 5, c: 3 });
  });
});

describe('clear', () => {
  it('runs the chosen instances again, with tries that go on counting', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    await rig.addWorker(() => ({}));
    const id = await rig.trigger('chain', { runId: 'r1' });
    await rig.ended(id);
    const selected = await rig.commands.selectInstances({ dagId: 'chain', runId: 'r1', tasks: ['b'], includeDownstream: true });
    expect(selected.map((instance) => instance.taskId)).toEqual(['b', 'c']);
    await rig.commands.clearInstances(selected.map((instance) => instance.id), 'ada');
    await waitFor(() => rig.started.length === 5, { timeoutMs: 5_000, what: 'b and c to run again' });
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.sql('select task_id, try_number from task_instance order by task_id')).toEqual([{ task_id: 'a', try_number: 1 }, { task_id: 'b', try_number: 2 }, { task_id: 'c', try_number: 2 }]);
    expect(await rig.sql('select task_id, state from task_instance_history order by task_id')).toEqual([{ task_id: 'b', state: 'success' }, { task_id: 'c', state: 'success' }]);
    expect(await rig.sql(`select actor, event from audit_log where event = 'clear_task_instances'`)).toEqual([{ actor: 'ada', event: 'clear_task_instances' }]);
  });

  it('stops a running instance, and its late result means nothing but the end of the stop', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    let quiet = true;
    const worker = await rig.addWorker((grant) => (quiet && grant.taskId === 'a' ? null : {}));
    const id = await rig.trigger('chain', { runId: 'r1' });
    const first = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.clearInstances((await rig.commands.selectInstances({ dagId: 'chain', runId: 'r1', tasks: ['a'] })).map((instance) => instance.id), 'ada');
    expect((await rig.states(id))['a']).toBe('restarting');
    await waitFor(() => worker.cancelled.includes(first.attemptId as never), { timeoutMs: 5_000, what: 'the worker to be told' });
    quiet = false;
    await worker.report(first, { outcome: 'failed', error: 'terminated' });
    expect(await rig.ended(id)).toBe('success');
    expect(rig.started.map((grant) => [grant.taskId, grant.tryNumber])).toEqual([['a', 1], ['a', 2], ['b', 1], ['c', 1]]);
  });
});

describe('mark', () => {
  it('sets an instance’s state by hand and goes on from there', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    const worker = await rig.addWorker((grant) => (grant.taskId === 'a' ? null : {}));
    const id = await rig.trigger('chain', { runId: 'r1' });
    const first = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.markInstances((await rig.commands.selectInstances({ dagId: 'chain', runId: 'r1', tasks: ['a'] })).map((instance) => instance.id), 'success', 'ada');
    expect(await rig.ended(id)).toBe('success');
    expect(await worker.report(first, { outcome: 'failed' })).toMatchObject({ result: expect.stringMatching(/accepted|refused/) as string });
    expect((await rig.states(id))['a']).toBe('success');
  });

  it('ends a run, and deletes it with all that hangs on it', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    await rig.addWorker(() => null);
    const id = await rig.trigger('chain');
    await waitFor(() => rig.started.length === 1, { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.markRun(id, 'failed', 'ada');
    expect(await rig.runState(id)).toBe('failed');
    await rig.commands.deleteRun(id, 'ada');
    for (const table of ['dag_run', 'task_instance', 'task_instance_history', 'run_decision', 'timer', 'xcom']) expect([table, await rig.sql(`select 1 from ${table}`)]).toEqual([table, []]);
  });
});

describe('pause', () => {
  it('queues nothing new, lets what runs finish, and goes on when unpaused', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    let hold = true;
    const worker = await rig.addWorker(() => (hold ? null : {}));
    const id = await rig.trigger('chain');
    const first = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.setPaused('chain', true, 'ada');
    hold = false;
    await worker.report(first, {});
    const waiting = await rig.trigger('chain');
    expect(await rig.states(id)).toEqual({ a: 'success', b: 'scheduled', c: null });
    expect(await rig.runState(waiting)).toBe('queued');
    await rig.commands.setPaused('chain', false, 'ada');
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.ended(waiting)).toBe('success');
  });
});

describe('schedules', () => {
  it('make one run a tick under several schedulers, and without catch-up only the newest', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(daily({ catchup: false }));
    await rig.addWorker(() => ({}));
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where state = 'success'`)).length === 1, { timeoutMs: 10_000, what: 'the newest run' });
    const [run] = await rig.sql<{ run_type: string; days: number; next: boolean }>(
      `select run_type, extract(day from data_interval_end - data_interval_start)::int as days, (select next_run_after > now() from dag) as next from dag_run`,
    );
    expect(run).toEqual({ run_type: 'scheduled', days: 1, next: true });
  });

  it('with catch-up make what was missed, never more at once than allowed', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(daily({ catchup: true, maxActiveRuns: 3, endDate: '2018-01-09T00:00:00Z' }));
    await rig.addWorker(() => ({}));
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where state = 'success'`)).length >= 8, { timeoutMs: 15_000, what: 'the missed runs' });
    const dates = await rig.sql<{ day: string }>(`select to_char(logical_date, 'YYYY-MM-DD') as day from dag_run order by logical_date`);
    expect(dates[0]).toEqual({ day: '2018-01-01' });
    expect(new Set(dates.map((row) => row.day)).size).toBe(dates.length);
  });
});

describe('backfill', () => {
  it('previews, runs the range in order under its own limit, and completes', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(daily());
    await rig.sql(`update dag set next_run_after = null`);
    await rig.addWorker(() => ({}));
    const input = { dagId: 'chain', fromDate: new Date('2018-01-10T00:00:00Z'), toDate: new Date('2018-01-12T00:00:00Z'), maxActiveRuns: 1, actor: 'ada', runBackwards: true };
    const preview = await rig.commands.createBackfill(input, true);
    expect([preview.backfillId, preview.runs.map((run) => [run.action, run.logicalDate.toISOString().slice(0, 10)])]).toEqual([null, [['create', '2018-01-12'], ['create', '2018-01-11'], ['create', '2018-01-10']]]);
    const { backfillId } = await rig.commands.createBackfill(input, false);
    await waitFor(async () => (await rig.sql('select 1 from backfill where id = $1 and completed_at is not null', [backfillId])).length === 1, { timeoutMs: 15_000, what: 'the backfill to complete' });
    expect(rig.started.filter((grant) => grant.taskId === 'a').map((grant) => grant.logicalDate.slice(0, 10))).toEqual(['2018-01-12', '2018-01-11', '2018-01-10']);
    const again = await rig.commands.createBackfill({ ...input, reprocessBehavior: 'completed' }, true);
    expect(again.runs.map((run) => run.action)).toEqual(['clear', 'clear', 'clear']);
    const { backfillId: second } = await rig.commands.createBackfill({ ...input, reprocessBehavior: 'completed' }, false);
    await waitFor(async () => (await rig.sql('select 1 from backfill where id = $1 and completed_at is not null', [second])).length === 1, { timeoutMs: 15_000, what: 'the second backfill to complete' });
    expect(rig.started.filter((grant) => grant.tryNumber === 2)).toHaveLength(9);
  });

  it('can be cancelled: what has not begun will not', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(daily());
    await rig.sql(`update dag set next_run_after = null`);
    await rig.addWorker(() => null);
    const { backfillId } = await rig.commands.createBackfill({ dagId: 'chain', fromDate: new Date('2018-01-10'), toDate: new Date('2018-01-15'), maxActiveRuns: 2, actor: 'ada' }, false);
    await waitFor(() => rig.started.length === 2, { timeoutMs: 5_000, what: 'two runs to begin' });
    await rig.commands.cancelBackfill(backfillId!, 'ada');
    expect(await rig.sql('select state, count(*)::int as n from dag_run group by state order by state')).toEqual([{ state: 'failed', n: 4 }, { state: 'running', n: 2 }]);
    await expect(rig.commands.cancelBackfill(backfillId!, 'ada')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('says why it cannot', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(chain());
    await expect(rig.commands.createBackfill({ dagId: 'chain', fromDate: new Date('2018-01-10'), toDate: new Date('2018-01-15'), actor: 'ada' }, true)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('no schedule') as string });
  });
});
