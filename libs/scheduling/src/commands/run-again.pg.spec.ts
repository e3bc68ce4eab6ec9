import type { DagDocumentInput } from '@millrace/contracts';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId: 'd', tasks, ...more }) as DagDocumentInput;
const started = (rig: SchedulerRig): string[] => rig.started.map((grant) => `${grant.taskId}#${grant.tryNumber}`);
const chosen = async (rig: SchedulerRig, runId: string, tasks: string[] | null, more: object = {}): Promise<InstanceId[]> => (await rig.commands.selectInstances({ dagId: 'd', runId, tasks, ...more })).map(({ id }) => id);

async function ended(rig: SchedulerRig, runId: string): Promise<RunId> {
  const id = await rig.trigger('d', { runId });
  await rig.ended(id);
  return id;
}

describe('clearing', () => {
  it('takes the setups a task stands under and their teardowns along', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('s', [], { isSetup: true }), task('a', ['s']), task('b', ['a']), task('t', ['s', 'b'], { isTeardown: true })]));
    await rig.addWorker(() => ({}));
    const id = await ended(rig, 'r');
    await rig.commands.clearInstances(await chosen(rig, 'r', ['b']), 'ada');
    expect(await rig.ended(id)).toBe('success');
    expect(started(rig)).toEqual(['s#1', 'a#1', 'b#1', 't#1', 's#2', 'b#2', 't#2']);
    expect(await chosen(rig, 'r', ['b'], { withoutSetups: true })).toHaveLength(1);
  });

  it('leaves an ended run ended when asked to, and runs what was cleared once the run is put back', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a'])]));
    await rig.addWorker(() => ({}));
    const id = await ended(rig, 'r');
    await rig.commands.clearInstances(await chosen(rig, 'r', ['b']), 'ada', { keepRuns: true });
    expect([await rig.runState(id), await rig.states(id)]).toEqual(['success', { a: 'success', b: null }]);
    await rig.commands.markRun(id, 'queued', 'ada');
    expect(await rig.ended(id)).toBe('success');
    expect([started(rig), await rig.states(id)]).toEqual([['a#1', 'b#1', 'b#2'], { a: 'success', b: 'success' }]);
  });

  it('moves ended runs to the latest version when asked to: what is gone is removed, what is new runs', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag([task('a'), task('gone', ['a'])]));
    await rig.addWorker(() => ({}));
    const id = await ended(rig, 'r');
    await rig.publish(dag([task('a'), task('new', ['a'])]));
    await rig.commands.clearRun(id, 'ada', { latest: true });
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.states(id)).toEqual({ a: 'success', gone: 'removed', new: 'success' });
    expect(started(rig)).toEqual(['a#1', 'gone#1', 'a#2', 'new#1']);
    expect(await rig.sql(`select v.version_number from dag_run r join dag_version v on v.id = r.dag_version_id`)).toEqual([{ version_number: 2 }]);
    const [gap] = await rig.sql<{ gap: boolean }>(`select max(r.version) <> count(*) as gap from dag_run r join run_decision d on d.dag_run_id = r.id`);
    expect(gap).toEqual({ gap: false });
  });

  it('runs a task again that was gone from one version and is back in the next', async () => {
    await using rig = await SchedulerRig.open();
    const both = (owner: string): object[] => [task('a', [], { owner }), task('b', ['a'])];
    await rig.publish(dag(both('first')));
    await rig.addWorker(() => ({}));
    const id = await ended(rig, 'r');
    for (const tasks of [[task('a')], both('last')]) {
      await rig.publish(dag(tasks));
      await rig.commands.clearRun(id, 'ada', { latest: true });
      expect(await rig.ended(id)).toBe('success');
    }
    expect(await rig.states(id)).toEqual({ a: 'success', b: 'success' });
    expect(started(rig)).toEqual(['a#1', 'b#1', 'a#2', 'a#3', 'b#2']);
  });

  it('refuses the latest version for a run that has not ended, and changes nothing', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a')]));
    await rig.addWorker(() => null);
    const id = await rig.trigger('d', { runId: 'r' });
    await rig.publish(dag([task('a'), task('new', ['a'])]));
    await expect(rig.commands.clearRun(id, 'ada', { latest: true })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('has not ended') as string });
    expect(await rig.sql(`select v.version_number from dag_run r join dag_version v on v.id = r.dag_version_id`)).toEqual([{ version_number: 1 }]);
  });
});

describe('a run that has not started', () => {
  it('can be marked task by task, and starts with what was said', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a']), task('c', ['b'])]));
    await rig.addWorker(() => ({}));
    await rig.commands.setPaused('d', true, 'ada');
    const id = await rig.trigger('d', { runId: 'r' });
    await rig.commands.makeInstances([id]);
    await rig.commands.makeInstances([id]);
    await rig.commands.markInstances(await chosen(rig, 'r', ['a']), 'success', 'ada');
    expect([await rig.runState(id), await rig.states(id)]).toEqual(['queued', { a: 'success', b: null, c: null }]);
    await rig.commands.setPaused('d', false, 'ada');
    expect(await rig.ended(id)).toBe('success');
    expect(started(rig)).toEqual(['b#1', 'c#1']);
  });
});

describe('deleting an instance', () => {
  it('is for runs that ended, and takes its history along', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a'])]));
    await rig.addWorker((grant) => (grant.runId === 'open' ? null : {}));
    const id = await ended(rig, 'r');
    await rig.commands.deleteInstances(id, await chosen(rig, 'r', ['b']), 'ada');
    expect(await rig.states(id)).toEqual({ a: 'success' });
    const open = await rig.trigger('d', { runId: 'open' });
    await expect(rig.commands.deleteInstances(open, [], 'ada')).rejects.toMatchObject({ code: 'conflict' });
  });
});
