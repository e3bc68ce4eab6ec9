import type { DagDocumentInput, executionProto } from '@millrace/contracts';
import type { Fence } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import type { RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import type { RigWorker } from '../testing/scheduler-rig.js';
import { lookInput, triggerOtherInput } from './questions.js';

type Grant = executionProto.Grant;
const task = (taskId: string, more: object = {}): object => ({ taskId, operator: 'TestOperator', ...more });
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks, ...more }) as DagDocumentInput;
const fenceOf = (grant: Grant): Fence => ({ instanceId: grant.instanceId, attemptId: grant.attemptId, claimToken: grant.claimToken }) as unknown as Fence;
const soon = { timeoutMs: 8_000 };

/** A parent whose attempts a spec plays by hand, and a child whose tasks do as `child` says. */
async function world(options: { schedulers?: number; retries?: number; child?: (grant: Grant) => Partial<executionProto.Completion> | null } = {}) {
  const rig = await SchedulerRig.open({ schedulers: options.schedulers ?? 1 });
  await rig.publish(dag('parent', [task('ask', { retries: options.retries ?? 0, retryDelaySeconds: 0 })]));
  await rig.publish(dag('child', [task('x'), task('y')]));
  const worker = await rig.addWorker((grant) => (grant.dagId === 'parent' ? null : (options.child ?? (() => ({})))(grant)), { slots: 8 });
  const asking = (n: number): Promise<Grant> => waitFor(() => rig.started.filter((grant) => grant.dagId === 'parent')[n], { ...soon, what: `attempt ${n + 1} of the parent` });
  const trigger = (grant: Grant, input: object = {}, core = rig.cores.at(-1)!) => core.otherRuns.trigger(fenceOf(grant), triggerOtherInput.parse({ dagId: 'child', ...input }));
  const look = (grant: Grant, input: object) => rig.cores.at(-1)!.otherRuns.look(fenceOf(grant), lookInput.parse({ dagId: 'child', watch: true, ...input }));
  const children = async (): Promise<{ run_id: string; state: string }[]> => rig.sql(`select run_id, state from dag_run where dag_id = 'child' order by run_after, id`);
  return { rig, worker, asking, trigger, look, children, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}
const defers = (worker: RigWorker, grant: Grant, key: string | null) => worker.report(grant, { outcome: 'deferred', correlationKey: key ?? '', resumeAt: '2100-01-01T00:00:00Z', wantsMore: false });

describe.each([[1], [2]])('triggering another dag, %s scheduler(s)', (schedulers) => {
  it('makes one run however often a try asks, and the end of the run goes on with the parent', async () => {
    let hold = true;
    await using w = await world({ schedulers, child: () => (hold ? null : {}) });
    const parent = await w.rig.trigger('parent');
    const first = await w.asking(0);
    const answers = await Promise.all([w.trigger(first, { wait: true, conf: { n: 1 } }), w.trigger(first, { wait: true, conf: { n: 1 } }, w.rig.cores[0])]);
    expect(new Set(answers.map((answer) => answer.runId)).size).toBe(1);
    expect(answers.map((answer) => answer.outcome).toSorted()).toEqual(['attached', 'made']);
    await waitFor(() => w.rig.started.filter((grant) => grant.dagId === 'child').length === 2, { ...soon, what: 'the child to run' });
    await defers(w.worker, first, answers[0]!.key);
    hold = false;
    for (const grant of w.rig.started.filter((one) => one.dagId === 'child')) await w.worker.report(grant, { wantsMore: false });
    const second = await w.asking(1);
    expect([second.tryNumber, second.resumedBy]).toEqual([1, 'event']);
    expect(await w.look(second, { runId: answers[0]!.runId })).toMatchObject({ verdict: 'allowed', key: null });
    await w.worker.report(second, {});
    expect(await w.rig.ended(parent)).toBe('success');
    expect(await w.children()).toMatchObject([{ state: 'success' }]);
    expect(await w.rig.sql('select 1 from waiter')).toEqual([]);
    expect(await w.rig.sql(`select conf, triggered_by from dag_run where dag_id = 'child'`)).toEqual([{ conf: { n: 1 }, triggered_by: 'operator' }]);
  });

  it('a child that ended before its parent waited is no lost wake-up', async () => {
    await using w = await world({ schedulers });
    await w.rig.trigger('parent');
    const first = await w.asking(0);
    const { key } = await w.trigger(first, { wait: true });
    await waitFor(async () => (await w.children())[0]?.state === 'success', { ...soon, what: 'the child to end' });
    await waitFor(async () => (await w.rig.sql('select 1 from instance_signal')).length === 1, { ...soon, what: 'the signal' });
    await defers(w.worker, first, key);
    expect((await w.asking(1)).resumedBy).toBe('event');
  });
});

describe('a retry', () => {
  it('goes on with the run of an earlier try, asks for another when that failed, and for a new one after a clear', async () => {
    let broken = false;
    await using w = await world({ retries: 5, child: () => (broken ? { outcome: 'failed' } : {}) });
    const parent = await w.rig.trigger('parent');
    const one = await w.trigger(await w.asking(0), { wait: true });
    await waitFor(async () => (await w.children())[0]?.state === 'success', { ...soon, what: 'the child to end' });
    await w.worker.report(await w.asking(0), { outcome: 'failed', error: 'something else', wantsMore: false });
    const two = await w.trigger(await w.asking(1), { wait: true });
    expect([two.outcome, two.runId, two.state]).toEqual(['attached', one.runId, 'success']);
    await w.worker.report(await w.asking(1), { wantsMore: false });
    expect(await w.rig.ended(parent)).toBe('success');
    broken = true;
    await w.rig.commands.clearRun(parent, 'ada');
    const three = await w.trigger(await w.asking(2), { wait: true });
    expect(three.outcome).toBe('made');
    await waitFor(async () => (await w.children())[1]?.state === 'failed', { ...soon, what: 'the second child to fail' });
    await w.worker.report(await w.asking(2), { outcome: 'failed', error: 'the child failed', wantsMore: false });
    const four = await w.trigger(await w.asking(3));
    expect([four.outcome, new Set([one.runId, three.runId, four.runId]).size]).toEqual(['made', 3]);
  });
});

describe('a run that exists', () => {
  it('is refused, left alone, or run again, as asked', async () => {
    await using w = await world();
    await w.rig.ended(await w.rig.trigger('child', { runId: 'there' }));
    await w.rig.trigger('parent');
    const grant = await w.asking(0);
    await expect(w.trigger(grant, { runId: 'there' })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('exists already') as string });
    expect(await w.trigger(grant, { runId: 'there', skipExisting: true })).toMatchObject({ outcome: 'exists', runId: 'there' });
    expect(await w.trigger(grant, { runId: 'there', reset: true })).toMatchObject({ outcome: 'reset', runId: 'there' });
    await waitFor(() => w.rig.started.filter((one) => one.dagId === 'child' && one.tryNumber === 2).length === 2, { ...soon, what: 'the run to run again' });
    await expect(w.trigger(grant, { dagId: 'nowhere' })).rejects.toMatchObject({ code: 'dag_not_found' });
    await expect(w.rig.cores[0]!.otherRuns.trigger({ ...fenceOf(grant), claimToken: grant.attemptId as never }, triggerOtherInput.parse({ dagId: 'child' }))).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('waiting for another dag', () => {
  const date = '2026-01-01T00:00:00.000Z';
  const trigger = (w: { rig: SchedulerRig }, dagId: string): Promise<RunId> => w.rig.trigger(dagId, { logicalDate: new Date(date) });

  it('is told of a run that does not exist yet, by its date', async () => {
    await using w = await world({ schedulers: 2 });
    const parent = await trigger(w, 'parent');
    const first = await w.asking(0);
    const look = await w.look(first, { dates: [date] });
    expect(look).toMatchObject({ verdict: 'waiting', found: [] });
    await defers(w.worker, first, look.key);
    await trigger(w, 'child');
    const second = await w.asking(1);
    expect([second.resumedBy, (await w.look(second, { dates: [date] })).verdict]).toEqual(['event', 'allowed']);
    await w.worker.report(second, {});
    expect(await w.rig.ended(parent)).toBe('success');
  });

  it('is told of a task while the run goes on, and of failures', async () => {
    await using w = await world({ child: (grant) => (grant.taskId === 'x' ? null : { outcome: 'failed', error: 'no' }) });
    await trigger(w, 'parent');
    const first = await w.asking(0);
    const look = await w.look(first, { dates: [date], taskIds: ['y'], failed: ['failed'] });
    await defers(w.worker, first, look.key);
    const child = await trigger(w, 'child');
    const second = await w.asking(1);
    expect(await w.look(second, { dates: [date], taskIds: ['y'], failed: ['failed'] })).toMatchObject({ verdict: 'failed', found: [{ state: 'running' }] });
    expect((await w.rig.states(child))['x']).toBe('running');
  });

  it('says what does not exist, and why the parent waits', async () => {
    await using w = await world();
    await trigger(w, 'parent');
    const grant = await w.asking(0);
    expect((await w.look(grant, { dates: [date], taskIds: ['zzz'], checkExistence: true })).unknown).toEqual(['task zzz of dag child']);
    expect((await w.look(grant, { dagId: 'nowhere', dates: [date], checkExistence: true })).unknown).toEqual(['dag nowhere']);
  });
});
