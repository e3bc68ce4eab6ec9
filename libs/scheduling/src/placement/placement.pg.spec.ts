import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { Gate } from '../testing/gate.js';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const pinned = (dagId: string, tasks: object[]): DagDocumentInput => ({ format: 1, dagId, tasks, placement: 'single-worker' }) as DagDocumentInput;

describe('a run for one worker', () => {
  for (const [title, options] of [['one scheduler', {}], ['two schedulers', { schedulers: 2 }]] as const) {
    it(`has all its tasks on it, and runs are spread over the workers, under ${title}`, async () => {
      await using rig = await SchedulerRig.open(options);
      await rig.publish(pinned('one', [task('a'), task('b'), task('c', ['a', 'b']), task('d', ['c'])]));
      // Every worker has a stream to every scheduler; a rig's has one.
      for (let i = 0; i < 2; i++) await rig.addWorker(() => new Promise((resolve) => setImmediate(resolve, {})), { core: rig.cores[i % rig.cores.length]!, slots: 4 });
      const ids = await Promise.all(Array.from({ length: 6 }, () => rig.trigger('one')));
      for (const id of ids) expect(await rig.ended(id)).toBe('success');
      expect(await rig.sql(`select dag_run_id from task_instance group by dag_run_id having count(distinct session_id) > 1`)).toEqual([]);
      expect((await rig.sql(`select distinct session_id from run_worker`)).length).toBe(2);
      expect(rig.started.every((grant) => grant.placementGeneration === 1)).toBe(true);
    });
  }

  it('goes to another worker when its own is lost, and is told so', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(pinned('one', [task('a'), task('b', ['a'], { retries: 1, retryDelaySeconds: 0 }), task('c', ['b'])]));
    const dead = await rig.addWorker((grant) => (grant.taskId === 'b' ? null : {}));
    const id = await rig.trigger('one');
    await waitFor(() => rig.started.some((grant) => grant.taskId === 'b'), { timeoutMs: 20_000, what: 'the second task to start' });
    await rig.addWorker(() => ({}));
    await dead.expire();
    expect(await rig.ended(id)).toBe('success');
    expect(rig.started.map((grant) => `${grant.taskId}#${grant.tryNumber} on worker ${grant.placementGeneration}`)).toEqual(['a#1 on worker 1', 'b#1 on worker 1', 'b#2 on worker 2', 'c#1 on worker 2']);
  });

  it('goes on elsewhere when its worker drains; what runs there may end there', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(pinned('one', [task('a'), task('b', ['a'])]));
    const gate = new Gate();
    const first = await rig.addWorker(gate.behaviour);
    const id = await rig.trigger('one');
    await waitFor(() => gate.held.length === 1, { timeoutMs: 20_000, what: 'the first task to start' });
    await rig.addWorker(() => ({}));
    await rig.sql(`update worker_session set state = 'draining' where id = $1`, [first.sessionId]);
    gate.held[0]!.end();
    expect(await rig.ended(id)).toBe('success');
    expect(rig.started.map((grant) => `${grant.taskId} ${grant.placementGeneration}`)).toEqual(['a 1', 'b 2']);
  });

  it('is refused to any other worker, and waits until one takes all its queues', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(pinned('one', [task('a'), task('b', ['a'], { queue: 'other' })]));
    const half = await rig.addWorker(() => ({}), { queues: ['default'] });
    const id = await rig.trigger('one');
    const [row] = await waitFor(async () => { const rows = await rig.sql<{ id: string; attempt_id: string }>(`select id, attempt_id from task_instance where state = 'queued'`); return rows.length === 1 && rows; }, { timeoutMs: 20_000, what: 'the first task to be queued' });
    const claim = await rig.cores[0]!.claims.claim({ instanceId: row!.id as never, attemptId: row!.attempt_id as never, token: crypto.randomUUID() as never, sessionId: half.sessionId, workerName: half.name });
    expect(claim).toBeNull();
    await rig.addWorker(() => ({}), { queues: ['default', 'other'] });
    expect(await rig.ended(id)).toBe('success');
  });
});
