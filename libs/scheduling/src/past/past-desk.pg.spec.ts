import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId: 'past', tasks, ...more }) as DagDocumentInput;
const day = (n: number): { runId: string; logicalDate: Date } => ({ runId: `day${n}`, logicalDate: new Date(Date.UTC(2026, 0, n)) });
const started = (rig: SchedulerRig): string[] => rig.started.map((grant) => `${grant.runId}.${grant.taskId}`);
const idle = async (rig: SchedulerRig): Promise<void> => {
  await Promise.all(rig.cores.map((core) => core.apply.idle()));
  await waitFor(async () => (await rig.sql('select 1 from outbox union all select 1 from run_event')).length === 0, { timeoutMs: 10_000, what: 'nothing to be owed' });
};
const mark = async (rig: SchedulerRig, runId: string, taskId: string, state: 'success' | 'failed'): Promise<void> =>
  rig.commands.markInstances((await rig.commands.selectInstances({ dagId: 'past', runId, tasks: [taskId] })).map(({ id }) => id), state, 'ada');

describe.each([
  ['one scheduler', {}],
  ['two schedulers', { schedulers: 2 }],
  ['the doorbell cut', { doorbell: false }],
] as const)('depends_on_past, %s', (_, options) => {
  it('runs in the order of dates, whatever the order of triggers', async () => {
    await using rig = await SchedulerRig.open(options);
    await rig.publish(dag([task('a', [], { dependsOnPast: true }), task('b', ['a'])]));
    let hold = true;
    const worker = await rig.addWorker((grant) => (hold && grant.taskId === 'a' && grant.runId === 'day1' ? null : {}));
    const first = await rig.trigger('past', day(1));
    const held = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'day1.a to run' });
    const rest = [await rig.trigger('past', day(4)), await rig.trigger('past', day(3)), await rig.trigger('past', day(2))];
    for (const id of rest) await waitFor(async () => (await rig.runState(id)) === 'running', { timeoutMs: 10_000, what: 'all to run' });
    await idle(rig);
    expect(started(rig)).toEqual(['day1.a']);
    hold = false;
    await worker.report(held, { wantsMore: false });
    for (const id of [first, ...rest]) expect(await rig.ended(id)).toBe('success');
    expect(started(rig).filter((name) => name.endsWith('.a'))).toEqual(['day1.a', 'day2.a', 'day3.a', 'day4.a']);
  });

  it('waits for a failed past, and goes on when it is marked or cleared', async () => {
    await using rig = await SchedulerRig.open(options);
    await rig.publish(dag([task('a', [], { dependsOnPast: true })]));
    let broken = true;
    await rig.addWorker(() => (broken ? { outcome: 'failed', error: 'no' } : {}));
    expect(await rig.ended(await rig.trigger('past', day(1)))).toBe('failed');
    const second = await rig.trigger('past', day(2));
    await waitFor(async () => (await rig.runState(second)) === 'running', { timeoutMs: 5_000, what: 'day2 to run' });
    await idle(rig);
    expect([await rig.runState(second), await rig.states(second)]).toEqual(['running', { a: null }]);
    broken = false;
    await rig.commands.clearInstances((await rig.commands.selectInstances({ dagId: 'past', runId: 'day1', tasks: null })).map(({ id }) => id), 'ada');
    expect(await rig.ended(second)).toBe('success');
    expect(started(rig)).toEqual(['day1.a', 'day1.a', 'day2.a']);
  });
});

describe('depends_on_past', () => {
  it('looks again when a later run’s task is retried, and a run without a date does not look', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { dependsOnPast: true, retries: 1, retryDelaySeconds: 0.05 })]));
    await rig.addWorker((grant) => (grant.runId === 'day2' && grant.tryNumber === 1 ? { outcome: 'failed', error: 'once' } : {}));
    expect(await rig.ended(await rig.trigger('past', day(1)))).toBe('success');
    expect(await rig.ended(await rig.trigger('past', day(2)))).toBe('success');
    await mark(rig, 'day2', 'a', 'failed');
    expect(await rig.ended(await rig.trigger('past'))).toBe('success');
    expect(started(rig).slice(0, 3)).toEqual(['day1.a', 'day2.a', 'day2.a']);
  });

  it('wait_for_downstream waits for the direct downstream too', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { waitForDownstream: true }), task('b', ['a']), task('c', ['b'])]));
    await rig.addWorker((grant) => (grant.runId === 'day1' && grant.taskId !== 'a' ? { outcome: 'failed', error: 'no' } : {}));
    expect(await rig.ended(await rig.trigger('past', day(1)))).toBe('failed');
    const second = await rig.trigger('past', day(2));
    await waitFor(async () => (await rig.runState(second)) === 'running', { timeoutMs: 5_000, what: 'day2 to run' });
    await idle(rig);
    expect(await rig.states(second)).toEqual({ a: null, b: null, c: null });
    await mark(rig, 'day1', 'b', 'success');
    expect(await rig.ended(second)).toBe('success');
  });

  it('passes over runs made by hand when the dag catches up', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { dependsOnPast: true })], { catchup: true }));
    await rig.addWorker((grant) => (grant.runId === 'day2' ? { outcome: 'failed', error: 'no' } : {}));
    expect(await rig.ended(await rig.trigger('past', { ...day(1), runType: 'scheduled' }))).toBe('success');
    expect(await rig.ended(await rig.trigger('past', day(2)))).toBe('failed');
    expect(await rig.ended(await rig.trigger('past', { ...day(3), runType: 'scheduled' }))).toBe('success');
  });

  it('waits for a run before that is still in line', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { dependsOnPast: true })], { maxActiveRuns: 1 }));
    await rig.addWorker(() => ({}));
    await rig.commands.setPaused('past', true, 'ada');
    const first = await rig.trigger('past', { ...day(1), runAfter: new Date(Date.now() + 3_600_000) });
    const second = await rig.trigger('past', day(2));
    await rig.commands.setPaused('past', false, 'ada');
    await waitFor(async () => (await rig.runState(second)) === 'running', { timeoutMs: 5_000, what: 'day2 to run' });
    await idle(rig);
    expect(await rig.states(second)).toEqual({ a: null });
    await rig.commands.markRun(first, 'success', 'ada');
    expect(await rig.ended(second)).toBe('success');
  });
});
