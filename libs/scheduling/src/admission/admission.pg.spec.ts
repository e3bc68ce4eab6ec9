import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import type { RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { Gate } from '../testing/gate.js';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, more: object = {}, upstream: string[] = []): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks, maxActiveTasks: 100, ...more }) as DagDocumentInput;
const many = (count: number, more: object): object[] => Array.from({ length: count }, (_, i) => task(`t${String(i).padStart(2, '0')}`, more));

async function pool(rig: SchedulerRig, name: string, slots: number, includeDeferred = false): Promise<void> {
  await rig.sql('insert into pool (name, slots, include_deferred) values ($1, $2, $3) on conflict (name) do update set slots = excluded.slots, include_deferred = excluded.include_deferred', [name, slots, includeDeferred]);
  rig.commands.poolsChanged();
}

/** Looks at the database until all runs have ended; every look must find the limit kept. */
async function neverMoreThan(rig: SchedulerRig, runs: readonly RunId[], what: string, limit: number, count: string): Promise<void> {
  let most = 0;
  await waitFor(async () => {
    const [row] = await rig.sql<{ taken: number; left: number }>(`select (select coalesce(${count}, 0)::int from task_instance where state in ('queued', 'running') and ${what}) as taken,
      (select count(*)::int from dag_run where id = any($1) and state not in ('success', 'failed')) as left`, [runs]);
    most = Math.max(most, row!.taken);
    return most > limit || row!.left === 0;
  }, { timeoutMs: 30_000, everyMs: 2, what: 'the runs to end' } as Parameters<typeof waitFor>[1]);
  expect(most).toBeLessThanOrEqual(limit);
  expect(most).toBeGreaterThan(0);
}

describe('pools', () => {
  for (const [title, options] of [['one scheduler', {}], ['two schedulers that race', { schedulers: 2 }], ['two schedulers with the doorbell cut', { schedulers: 2, doorbell: false }]] as const) {
    it(`are never exceeded, and everything ends, under ${title}`, async () => {
      await using rig = await SchedulerRig.open(options);
      await pool(rig, 'small', 3);
      await rig.publish(dag('one', [...many(6, { pool: 'small' }), task('big', { pool: 'small', poolSlots: 3 }), task('free')]));
      await rig.publish(dag('two', many(6, { pool: 'small', poolSlots: 2 })));
      for (const core of rig.cores) await rig.addWorker((grant) => new Promise((resolve) => setImmediate(resolve, grant.tryNumber === 9 ? null : {})), { core, slots: 8 });
      const runs = await Promise.all(['one', 'two', 'one', 'two', 'one'].map((dagId) => rig.trigger(dagId)));
      await neverMoreThan(rig, runs, `pool = 'small'`, 3, 'sum(pool_slots)');
      for (const id of runs) expect(await rig.runState(id)).toBe('success');
      expect(await rig.sql('select * from slot_request')).toEqual([]);
    });
  }

  it('go to the most urgent of all runs, then to dags in turn; a big task is not passed by', async () => {
    await using rig = await SchedulerRig.open();
    await pool(rig, 'small', 2);
    const gate = new Gate();
    await rig.addWorker(gate.behaviour, { slots: 16 });
    await rig.publish(dag('first', many(2, { pool: 'small' })));
    await rig.publish(dag('big', [task('big', { pool: 'small', poolSlots: 2, priorityWeight: 5 })]));
    await rig.publish(dag('late', [task('urgent', { pool: 'small', priorityWeight: 9 })]));
    const runs = [await rig.trigger('first')];
    await waitFor(() => gate.held.length === 2, { timeoutMs: 20_000, what: 'the pool to be full' });
    runs.push(await rig.trigger('big'), await rig.trigger('first'));
    await waitFor(async () => (await rig.sql(`select 1 from slot_request where state = 'waiting'`)).length === 3, { timeoutMs: 20_000, what: 'three to wait' });
    // One slot is free: the big one needs two and is in front, so nobody gets it.
    gate.held[0]!.end();
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where state = 'success'`)).length === 1, { timeoutMs: 20_000, what: 'the first to end' });
    runs.push(await rig.trigger('late'));
    await waitFor(() => gate.held.length === 2, { timeoutMs: 20_000, what: 'the late one to start' });
    expect(gate.tasks()).toContain('late.urgent');
    for (const { end } of [...gate.held]) end();
    await waitFor(() => gate.tasks().join() === 'big.big', { timeoutMs: 20_000, what: 'the big one to start' });
    gate.held[0]!.end();
    await waitFor(() => gate.held.length === 2, { timeoutMs: 20_000, what: 'the rest' });
    for (const { end } of [...gate.held]) end();
    for (const id of runs) expect(await rig.ended(id)).toBe('success');
  });

  it('may change while they are used: closed, opened, lowered, raised, deleted', async () => {
    await using rig = await SchedulerRig.open();
    await pool(rig, 'small', 0);
    const gate = new Gate();
    await rig.addWorker(gate.behaviour, { slots: 16 });
    await rig.publish(dag('one', many(5, { pool: 'small' })));
    const id = await rig.trigger('one');
    await waitFor(async () => (await rig.sql('select 1 from slot_request')).length === 5, { timeoutMs: 20_000, what: 'all to ask' });
    await pool(rig, 'small', 3);
    await waitFor(() => gate.held.length === 3, { timeoutMs: 20_000, what: 'three to start' });
    await pool(rig, 'small', 1);
    gate.held[0]!.end();
    gate.held[0]!.end();
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where state = 'success'`)).length === 2, { timeoutMs: 20_000, what: 'two to end' });
    expect(gate.held.length).toBe(1);
    gate.held[0]!.end();
    await waitFor(() => gate.held.length === 1, { timeoutMs: 20_000, what: 'the next one' });
    await rig.sql(`delete from pool where name = 'small'`);
    rig.commands.poolsChanged();
    gate.held[0]!.end();
    expect(await rig.ended(id)).toBe('failed');
    const [row] = await rig.sql<{ reason: string }>(`select reason from task_instance where state = 'failed'`);
    expect(row!.reason).toMatch(/pool "small" does not exist\. Make it/);
  });

  it('that do not exist, or have fewer slots than are asked for, fail the instance and say what to do', async () => {
    await using rig = await SchedulerRig.open();
    await pool(rig, 'small', 2);
    await rig.addWorker(() => ({}));
    await rig.publish(dag('bad', [task('unknown', { pool: 'nowhere', retries: 3 }), task('large', { pool: 'small', poolSlots: 3 }), task('good', { pool: 'small' })]));
    const id = await rig.trigger('bad');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.states(id)).toEqual({ good: 'success', large: 'failed', unknown: 'failed' });
    const reasons = await rig.sql<{ task_id: string; reason: string }>(`select task_id, reason from task_instance where state = 'failed' order by task_id`);
    expect(reasons[0]!.reason).toMatch(/needs 3 slots of pool "small", which has 2 in all/);
    expect(reasons[1]!.reason).toMatch(/pool "nowhere" does not exist/);
  });

  it('count deferred instances where they are told to, and no others', async () => {
    await using rig = await SchedulerRig.open();
    await pool(rig, 'counts', 1, true);
    await pool(rig, 'ignores', 1, false);
    const started: string[] = [];
    await rig.addWorker((grant) => {
      started.push(grant.taskId);
      return grant.taskId.startsWith('wait') && grant.resumeJson === '' ? { outcome: 'deferred', resumeJson: '{"then":"go"}', correlationKey: `key-${grant.taskId}` } : {};
    });
    await rig.publish(dag('d', [task('wait1', { pool: 'counts', priorityWeight: 9 }), task('behind1', { pool: 'counts' }), task('wait2', { pool: 'ignores', priorityWeight: 9 }), task('behind2', { pool: 'ignores' })]));
    const id = await rig.trigger('d');
    await waitFor(() => started.includes('behind2'), { timeoutMs: 20_000, what: 'the one behind a deferred one that does not count' });
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where task_id = 'wait1' and state = 'deferred'`)).length === 1, { timeoutMs: 20_000, what: 'the first to be deferred' });
    expect(started).not.toContain('behind1');
    for (const row of await rig.sql<{ id: string }>(`select id from task_instance where state = 'deferred'`)) {
      void rig.cores[0]!.apply.submit(id, { event: { type: 'resumed', instanceId: row.id as never, payload: null } });
    }
    expect(await rig.ended(id)).toBe('success');
    expect(started).toContain('behind1');
  });

  it('the default pool without a limit asks nobody; with one it counts, what runs already included', async () => {
    await using rig = await SchedulerRig.open();
    const gate = new Gate();
    await rig.addWorker(gate.behaviour, { slots: 16 });
    await rig.publish(dag('one', many(4, {})));
    const first = await rig.trigger('one');
    await waitFor(() => gate.held.length === 4, { timeoutMs: 20_000, what: 'all of the first run' });
    expect(await rig.sql('select 1 from slot_request')).toEqual([]);
    await pool(rig, 'default_pool', 5);
    await waitFor(async () => (await rig.sql('select 1 from slot_request')).length === 4, { timeoutMs: 20_000, what: 'what runs to be counted' });
    const second = await rig.trigger('one');
    await waitFor(() => gate.held.length === 5, { timeoutMs: 20_000, what: 'one of the second run' });
    await waitFor(async () => (await rig.sql(`select 1 from slot_request where state = 'waiting'`)).length === 3, { timeoutMs: 20_000, what: 'three to wait' });
    gate.most = 0;
    await waitFor(async () => {
      gate.held[0]?.end();
      return (await rig.sql(`select 1 from dag_run where state = 'success'`)).length === 2;
    }, { timeoutMs: 20_000, what: 'both runs to end' });
    expect(gate.most).toBeLessThanOrEqual(5);
    expect([await rig.ended(first), await rig.ended(second)]).toEqual(['success', 'success']);
  });
});

describe('limits over the runs of a dag', () => {
  it('of a task, and of the whole dag, hold under two schedulers', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag('one', [task('alone', { maxActivePerDag: 1 }), task('free')]));
    await rig.publish(dag('few', many(4, {}), { maxActiveTasksPerDag: 3 }));
    for (const core of rig.cores) await rig.addWorker(() => new Promise((resolve) => setImmediate(resolve, {})), { core, slots: 8 });
    const runs = await Promise.all(Array.from({ length: 12 }, (_, i) => rig.trigger(i % 2 === 0 ? 'one' : 'few')));
    const alone = neverMoreThan(rig, runs, `task_id = 'alone'`, 1, 'count(*)');
    await neverMoreThan(rig, runs, `dag_id = 'few'`, 3, 'count(*)');
    await alone;
    for (const id of runs) expect(await rig.runState(id)).toBe('success');
  });
});

describe('what a crash leaves', () => {
  it('a grant nobody heard of is told again; a row of an instance that is over is taken away', async () => {
    await using rig = await SchedulerRig.open();
    await pool(rig, 'small', 1);
    const gate = new Gate();
    await rig.addWorker(gate.behaviour, { slots: 16 });
    await rig.publish(dag('one', many(2, { pool: 'small' })));
    const id = await rig.trigger('one');
    await waitFor(() => gate.held.length === 1, { timeoutMs: 20_000, what: 'the first to start' });
    // As if a scheduler had granted the second after the first ended, and died before it told.
    await rig.sql(`update pool set slots = 2 where name = 'small'`);
    await rig.sql(`update slot_request set state = 'granted', granted_at = now() - interval '2 seconds' where state = 'waiting'`);
    await waitFor(() => gate.held.length === 2, { timeoutMs: 20_000, what: 'the granted one to start' });
    for (const { end } of [...gate.held]) end();
    expect(await rig.ended(id)).toBe('success');
    await rig.sql(`insert into slot_request (instance_id, dag_run_id, dag_id, task_id, state, pool, slots, priority, order_ms, share, asked_at_ms, waiting_since)
      select id, dag_run_id, dag_id, task_id, 'granted', 'small', 1, 1, 0, 'dag:one', 0, now() - interval '1 minute' from task_instance limit 1`);
    await waitFor(async () => (await rig.sql('select 1 from slot_request')).length === 0, { timeoutMs: 20_000, what: 'the left row to be taken away' });
  });
});
