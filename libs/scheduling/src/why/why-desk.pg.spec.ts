import type { DagDocumentInput } from '@millrace/contracts';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { WhyDesk } from './why-desk.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId: 'd', tasks, ...more }) as DagDocumentInput;

async function why(rig: SchedulerRig, run: RunId, taskId: string): Promise<string[]> {
  const [row] = await rig.sql<{ id: InstanceId }>('select id from task_instance where dag_run_id = $1 and task_id = $2', [run, taskId]);
  return (await new WhyDesk(rig.migrated.database).ofInstance(run, row?.id ?? null)).map(({ kind, sentence }) => `${kind}: ${sentence}`);
}
const whyRun = async (rig: SchedulerRig, run: RunId): Promise<string[]> => (await new WhyDesk(rig.migrated.database).ofRun(run)).map(({ kind, sentence }) => `${kind}: ${sentence}`);
const inState = (rig: SchedulerRig, run: RunId, taskId: string, state: string): Promise<unknown> =>
  waitFor(async () => (await rig.states(run))[taskId] === state, { timeoutMs: 5_000, what: `${taskId} to be ${state}` });

describe('why an instance waits', () => {
  it('is told for upstream, for what runs, and for what has ended', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a'), task('b'), task('c', ['a', 'b'], { triggerRule: 'all_done' })]));
    const worker = await rig.addWorker((grant) => (grant.taskId === 'b' ? null : {}));
    const id = await rig.trigger('d');
    await inState(rig, id, 'a', 'success');
    await inState(rig, id, 'b', 'running');
    expect(await why(rig, id, 'c')).toEqual(['upstream: rule all_done: 1 upstream instance of 2 not done: b (running)']);
    expect(await why(rig, id, 'b')).toEqual([expect.stringMatching(new RegExp(`^running: it runs since 20.*Z on worker ${worker.name}, whose last heartbeat is \\d+ s old$`))]);
    expect(await why(rig, id, 'a')).toEqual(['finished: it has ended: success']);
    expect(await whyRun(rig, id)).toEqual(['tasks: 2 task instances of it are not done: 1 running, 1 none']);
  });

  it('is told for slots: paused, maxActiveTasks, no worker, a retry, a switch of runs', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { priorityWeight: 5 }), task('b', [], { queue: 'gpu' }), task('c', [], { retries: 1, retryDelaySeconds: 3600, priorityWeight: 9 })], { maxActiveTasks: 1 }));
    await rig.addWorker((grant) => (grant.taskId === 'c' ? { outcome: 'failed', error: 'no luck' } : null));
    const id = await rig.trigger('d');
    await inState(rig, id, 'a', 'running');
    expect(await why(rig, id, 'c')).toEqual([expect.stringMatching(/^retry_at: try 1 of 2 failed \(no luck\); the next is at 20.*Z$/)]);
    expect(await why(rig, id, 'b')).toEqual(['max_active_tasks: 1 tasks of its run are queued or running, and maxActiveTasks is 1; 0 tasks of the run come before it']);
    await rig.commands.setPaused('d', true, 'ada');
    expect(await why(rig, id, 'b')).toEqual([expect.stringMatching(/^dag_paused: /), expect.stringMatching(/^max_active_tasks: /)]);
  });

  it('is told when no worker listens to its queue', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('b', [], { queue: 'gpu' })]));
    const id = await rig.trigger('d');
    await inState(rig, id, 'b', 'queued');
    expect(await why(rig, id, 'b')).toEqual(['no_worker: no worker listens to queue gpu: start one with it among its queues']);
  });

  it('is told for the past, and for what is deferred', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a', [], { dependsOnPast: true })]));
    await rig.addWorker((grant) => (grant.runId === 'one' ? { outcome: 'deferred', correlationKey: 'job 7', resumeAt: '2100-01-01T00:00:00Z' } : {}));
    const one = await rig.trigger('d', { runId: 'one', logicalDate: new Date('2026-01-01') });
    await inState(rig, one, 'a', 'deferred');
    expect(await why(rig, one, 'a')).toEqual(['signal: it waits until somebody reports the key "job 7"', 'time: it goes on at 2100-01-01T00:00:00Z']);
    const two = await rig.trigger('d', { runId: 'two', logicalDate: new Date('2026-01-02') });
    await waitFor(async () => (await rig.runState(two)) === 'running', { timeoutMs: 5_000, what: 'the second run' });
    expect(await why(rig, two, 'a')).toEqual(['past: it depends on its past, and its instance in run one has not succeeded and was not skipped']);
  });
});

describe('why a run waits', () => {
  it('is told for a paused dag, maxActiveRuns, a time, a hold and a run retry', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag([task('a')], { maxActiveRuns: 1, holdAfterFailure: true, runRetries: 1, runRetryDelaySeconds: 3600 }));
    let broken = false;
    await rig.addWorker(() => (broken ? { outcome: 'failed', error: 'no' } : null));
    const first = await rig.trigger('d');
    await inState(rig, first, 'a', 'running');
    const second = await rig.trigger('d');
    expect(await whyRun(rig, second)).toEqual(['max_active_runs: 1 run of dag d is running, and maxActiveRuns is 1']);
    expect(await why(rig, second, 'a')).toEqual(['run_queued: its run has not started yet', 'max_active_runs: 1 run of dag d is running, and maxActiveRuns is 1']);
    await rig.commands.setPaused('d', true, 'ada');
    await rig.commands.cancelRun(first, 'ada');
    const [{ run_id: name }] = (await rig.sql<{ run_id: string }>('select run_id from dag_run where id = $1', [first])) as [{ run_id: string }];
    expect(await whyRun(rig, second)).toEqual(['dag_paused: dag d is paused: it starts nothing', `held: run ${name} failed, and the dag holds after a failure: release the dag, or mend that run`]);
    broken = true;
    await rig.commands.releaseDag('d', 'ada');
    await rig.commands.setPaused('d', false, 'ada');
    await waitFor(async () => (await whyRun(rig, second))[0]?.startsWith('run_retry_at: failed; its failed tasks run again at'), { timeoutMs: 5_000, what: 'the run to wait for its retry' });
    const later = await rig.trigger('d', { runAfter: new Date('2100-01-01') });
    expect((await whyRun(rig, later)).map((line) => line.split(':')[0])).toEqual(['not_before', 'max_active_runs']);
  });
});
