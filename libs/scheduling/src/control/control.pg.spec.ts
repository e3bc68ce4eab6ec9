import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId: 'd', tasks, ...more }) as DagDocumentInput;
const started = (rig: SchedulerRig): string[] => rig.started.map((grant) => `${grant.taskId}#${grant.tryNumber}`);
const audited = async (rig: SchedulerRig, event: string): Promise<unknown[]> => rig.sql('select actor, task_id from audit_log where event = $1', [event]);
const reasonOf = async (rig: SchedulerRig, id: string): Promise<string | null> => (await rig.sql<{ reason: string | null }>('select reason from dag_run where id = $1', [id]))[0]!.reason;

describe('run retries', () => {
  it('run what failed again, and what did not run because of it, so often and no more', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a']), task('c', ['b'])], { runRetries: 2, runRetryDelaySeconds: 0.1 }));
    await rig.addWorker((grant) => (grant.taskId === 'b' ? { outcome: 'failed', error: 'no' } : {}));
    const id = await rig.trigger('d');
    expect(await rig.ended(id)).toBe('failed');
    expect(started(rig)).toEqual(['a#1', 'b#1', 'b#2', 'b#3']);
    expect(await rig.states(id)).toEqual({ a: 'success', b: 'failed', c: 'upstream_failed' });
    expect(await rig.sql('select retries_used, retry_at from dag_run')).toEqual([{ retries_used: 2, retry_at: null }]);
    expect(await rig.sql('select 1 from timer')).toEqual([]);
  });

  it('end well as soon as the tasks do, and say meanwhile what they wait for', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a'])], { runRetries: 3, runRetryDelaySeconds: 1 }));
    await rig.addWorker((grant) => (grant.taskId === 'a' && grant.tryNumber === 1 ? { outcome: 'failed', error: 'no' } : {}));
    const id = await rig.trigger('d');
    const waits = await waitFor(() => reasonOf(rig, id), { timeoutMs: 5_000, what: 'the run to wait' });
    expect(waits).toMatch(/^failed; its failed tasks run again at 20.*Z \(run retry 1 of 3\)$/);
    expect(await rig.runState(id)).toBe('running');
    expect(await rig.ended(id)).toBe('success');
    expect(started(rig)).toEqual(['a#1', 'a#2', 'b#1']);
    expect(await reasonOf(rig, id)).toBeNull();
  });

  it('are over when somebody ends the run', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a')], { runRetries: 3, runRetryDelaySeconds: 600 }));
    await rig.addWorker(() => ({ outcome: 'failed', error: 'no' }));
    const id = await rig.trigger('d');
    await waitFor(() => reasonOf(rig, id), { timeoutMs: 5_000, what: 'the run to wait' });
    await rig.commands.cancelRun(id, 'ada');
    expect([await rig.runState(id), await reasonOf(rig, id)]).toEqual(['failed', 'cancelled by ada']);
    expect(await rig.sql('select 1 from timer')).toEqual([]);
  });
});

describe('cancel', () => {
  it('stops what runs, skips the rest, and says who; teardowns still clean up', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('s', [], { isSetup: true }), task('a', ['s']), task('b', ['a']), task('t', ['s', 'b'], { isTeardown: true })]));
    const worker = await rig.addWorker((grant) => (grant.taskId === 'a' ? null : {}));
    const id = await rig.trigger('d');
    const running = await waitFor(() => rig.started.find((grant) => grant.taskId === 'a'), { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.cancelRun(id, 'ada');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.states(id)).toEqual({ s: 'success', a: 'failed', b: 'skipped', t: 'success' });
    expect(await reasonOf(rig, id)).toBe('cancelled by ada');
    await waitFor(() => worker.cancelled.includes(running.attemptId as never), { timeoutMs: 5_000, what: 'the worker to be told' });
    expect(await audited(rig, 'cancel_dag_run')).toEqual([{ actor: 'ada', task_id: null }]);
    await expect(rig.commands.cancelRun(id, 'ada')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('ends a run that waits in line', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a')]));
    await rig.commands.setPaused('d', true, 'ada');
    const id = await rig.trigger('d');
    await rig.commands.cancelRun(id, 'ada');
    expect([await rig.runState(id), await rig.states(id)]).toEqual(['failed', { a: 'skipped' }]);
  });
});

describe('hold after failure', () => {
  it('starts nothing new until released, or until the failed run succeeds after all', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag([task('a')], { holdAfterFailure: true }));
    let broken = true;
    await rig.addWorker(() => (broken ? { outcome: 'failed', error: 'no' } : {}));
    const first = await rig.trigger('d');
    expect(await rig.ended(first)).toBe('failed');
    broken = false;
    const second = await rig.trigger('d');
    await rig.sql('select 1');
    for (const core of rig.cores) await core.apply.idle();
    expect(await rig.runState(second)).toBe('queued');
    expect(await rig.commands.releaseDag('d', 'ada')).toEqual({ heldBy: first });
    expect(await rig.ended(second)).toBe('success');
    expect(await audited(rig, 'release_dag')).toEqual([{ actor: 'ada', task_id: null }]);
    broken = true;
    const third = await rig.trigger('d');
    expect(await rig.ended(third)).toBe('failed');
    broken = false;
    const fourth = await rig.trigger('d');
    await rig.commands.markRun(third, 'success', 'ada');
    expect(await rig.ended(fourth)).toBe('success');
  });
});

describe('auto-pause', () => {
  it('pauses the dag after so many failed runs in a row, and writes down why', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag([task('a')], { maxConsecutiveFailedRuns: 2 }));
    let broken = true;
    await rig.addWorker(() => (broken ? { outcome: 'failed', error: 'no' } : {}));
    const paused = async (): Promise<boolean> => (await rig.sql<{ is_paused: boolean }>('select is_paused from dag'))[0]!.is_paused;
    const owed = async (): Promise<unknown[]> => rig.sql('select 1 from outbox');
    await rig.ended(await rig.trigger('d'));
    broken = false;
    await rig.ended(await rig.trigger('d'));
    broken = true;
    await rig.ended(await rig.trigger('d'));
    await waitFor(async () => (await owed()).length === 0, { timeoutMs: 5_000, what: 'nothing to be owed' });
    expect(await paused()).toBe(false);
    await rig.ended(await rig.trigger('d'));
    await waitFor(paused, { timeoutMs: 5_000, what: 'the dag to pause' });
    expect(await rig.sql(`select actor, extra from audit_log where event = 'pause_dag'`)).toEqual([{ actor: 'millrace', extra: '{"reason":"its last 2 runs failed (maxConsecutiveFailedRuns)"}' }]);
  });
});

describe('a task that is switched off', () => {
  it('is skipped when its turn comes, in new versions too, until it is switched on', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag([task('a'), task('b', ['a']), task('c', ['b'], { triggerRule: 'none_failed' })]));
    await rig.addWorker(() => ({}));
    expect(await rig.commands.switchTask({ dagId: 'd', taskId: 'b', off: true, note: 'too dear', actor: 'ada' })).toEqual({ changed: true });
    expect(await rig.commands.switchTask({ dagId: 'd', taskId: 'b', off: true, actor: 'ada' })).toEqual({ changed: false });
    const first = await rig.trigger('d');
    expect(await rig.ended(first)).toBe('success');
    expect(await rig.states(first)).toEqual({ a: 'success', b: 'skipped', c: 'success' });
    expect(await rig.sql(`select reason from task_instance where task_id = 'b'`)).toEqual([{ reason: 'the task is switched off' }]);
    await rig.publish(dag([task('a'), task('b', ['a']), task('d', ['b'])]));
    const second = await rig.trigger('d');
    await rig.ended(second);
    expect(await rig.states(second)).toEqual({ a: 'success', b: 'skipped', d: 'skipped' });
    await rig.commands.switchTask({ dagId: 'd', taskId: 'b', off: false, actor: 'ada' });
    const third = await rig.trigger('d');
    await rig.ended(third);
    expect(await rig.states(third)).toEqual({ a: 'success', b: 'success', d: 'success' });
    expect(await audited(rig, 'switch_task_off')).toEqual([{ actor: 'ada', task_id: 'b' }]);
    await expect(rig.commands.switchTask({ dagId: 'd', taskId: 'zzz', off: true, actor: 'ada' })).rejects.toMatchObject({ code: 'task_not_found' });
  });

  it('is skipped in runs that are under way', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b', ['a'])]));
    const worker = await rig.addWorker((grant) => (grant.taskId === 'a' ? null : {}));
    const id = await rig.trigger('d');
    const running = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'a to run' });
    await rig.commands.switchTask({ dagId: 'd', taskId: 'b', off: true, actor: 'ada' });
    await worker.report(running, {});
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.states(id)).toEqual({ a: 'success', b: 'skipped' });
  });
});
