import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { Gate } from '../testing/gate.js';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, more: object = {}, upstream: string[] = []): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks, maxActiveTasks: 100, maxActiveRuns: 100, ...more }) as DagDocumentInput;
const wide = (dagId: string, count: number, more: object = {}): DagDocumentInput => dag(dagId, Array.from({ length: count }, (_, i) => task(`t${String(i).padStart(2, '0')}`, more)));

/** Instances that are queued or running, now. */
async function active(rig: SchedulerRig): Promise<number> {
  return (await rig.sql<{ count: number }>(`select count(*)::int as count from task_instance where state in ('queued', 'running')`))[0]!.count;
}

async function settled(rig: SchedulerRig): Promise<void> {
  for (const core of rig.cores) await core.apply.idle();
}

/** Ends what runs, one after the other, until all runs have ended; returns the most that were ever active. */
async function carry(rig: SchedulerRig, gate: Gate, runs: number): Promise<number> {
  let most = 0;
  await waitFor(async () => {
    most = Math.max(most, await active(rig));
    gate.held[0]?.end();
    return (await rig.sql(`select 1 from dag_run where state = 'success'`)).length === runs;
  }, { timeoutMs: 25_000, everyMs: 1, what: 'all runs to end' });
  return most;
}

describe('what is queued over all runs', () => {
  it('is bounded by what workers can take soon, and the most urgent of all runs is next, however long others have waited', async () => {
    await using rig = await SchedulerRig.open();
    const gate = new Gate();
    await rig.publish(wide('many', 6));
    await rig.publish(dag('urgent', [task('now', { priorityWeight: 50 })]));
    await rig.addWorker(gate.behaviour, { slots: 3 });
    await rig.cores[0]!.membership.once();
    for (let i = 0; i < 10; i++) await rig.trigger('many');
    await waitFor(() => gate.held.length === 6, { timeoutMs: 20_000, what: 'the worker to be full' });
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where state = 'running'`)).length === 10, { timeoutMs: 20_000, what: 'all runs to run' });
    await settled(rig);
    expect(await active(rig)).toBe(6);
    await rig.trigger('urgent');
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where dag_id = 'urgent' and state = 'scheduled'`)).length === 1, { timeoutMs: 20_000, what: 'the urgent task to wait' });
    const most = await carry(rig, gate, 11);
    // From the moment it could run, nobody was queued before it.
    expect(await rig.sql(`select t.task_id from task_instance t, task_instance u where u.dag_id = 'urgent' and t.queued_at > u.scheduled_at and t.queued_at < u.queued_at`)).toEqual([]);
    expect(most).toBeLessThanOrEqual(6);
  });

  it('goes to dags of one priority in turn: one with many runs does not keep out another', async () => {
    await using rig = await SchedulerRig.open();
    const gate = new Gate();
    await rig.publish(wide('many', 5));
    await rig.publish(wide('few', 5));
    await rig.addWorker(gate.behaviour, { slots: 2 });
    await rig.cores[0]!.membership.once();
    for (let i = 0; i < 12; i++) await rig.trigger('many');
    await waitFor(() => gate.held.length === 4, { timeoutMs: 20_000, what: 'the worker to be full' });
    await rig.trigger('few');
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where dag_id = 'few' and state = 'scheduled'`)).length === 5, { timeoutMs: 20_000, what: 'the other dag to wait' });
    await settled(rig);
    const before = gate.began.length;
    await carry(rig, gate, 13);
    const after = gate.began.slice(before);
    // Every other task is of the other dag, from the moment it asks: all five are done within three times as many.
    expect(after.lastIndexOf('few.t04')).toBeLessThanOrEqual(15);
  });

  for (const [title, options] of [['two schedulers', { schedulers: 2 }], ['one, with the doorbell cut', { doorbell: false }]] as const) {
    it(`leaves nobody behind under ${title}`, async () => {
      await using rig = await SchedulerRig.open(options);
      await rig.publish(dag('mixed', [task('a'), task('b', { queue: 'other' }, ['a']), task('c', { priorityWeight: 7 }), task('d', {}, ['b', 'c'])]));
      for (const core of rig.cores) await rig.addWorker(() => new Promise((resolve) => setImmediate(resolve, {})), { core, slots: 2, queues: ['default', 'other'] });
      for (const core of rig.cores) await core.membership.once();
      const ids = await Promise.all(Array.from({ length: 20 }, () => rig.trigger('mixed')));
      for (const id of ids) expect(await rig.ended(id)).toBe('success');
      for (const core of rig.cores) await core.apply.idle();
      await waitFor(() => rig.cores.every((core) => Object.keys(core.board.loads()).length === 0), { timeoutMs: 20_000, what: 'the boards to be empty' });
    });
  }

  it('a run that another process wrote is known again', async () => {
    await using rig = await SchedulerRig.open();
    const gate = new Gate();
    await rig.publish(wide('one', 4));
    await rig.addWorker(gate.behaviour, { slots: 1 });
    await rig.cores[0]!.membership.once();
    const id = await rig.trigger('one');
    await waitFor(() => gate.held.length === 1, { timeoutMs: 20_000, what: 'the first task' });
    const rows = await rig.sql<{ id: string }>(`select id from task_instance where task_id = 't03'`);
    await rig.commands.markInstances(rows.map((row) => row.id as never), 'skipped', 'somebody');
    await carry(rig, gate, 1);
    expect(await rig.states(id)).toEqual({ t00: 'success', t01: 'success', t02: 'success', t03: 'skipped' });
  });
});
