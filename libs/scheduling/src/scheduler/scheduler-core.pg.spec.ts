import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks, ...more }) as DagDocumentInput;
const diamond = (dagId = 'diamond'): DagDocumentInput => dag(dagId, [task('a'), task('b', ['a']), task('c', ['a']), task('d', ['b', 'c'])]);

describe('a run, from trigger to finished', () => {
  for (const [title, options] of [
    ['with doorbell and continuation', {}],
    ['through the broker alone', { continuation: false }],
    ['with the doorbell cut', { doorbell: false }],
    ['under two schedulers', { schedulers: 2 }],
  ] as const) {
    it(`runs every task once, parents first, ${title}`, async () => {
      await using rig = await SchedulerRig.open(options);
      await rig.publish(diamond());
      for (const core of rig.cores) await rig.addWorker((grant) => ({ xcoms: [{ key: 'return_value', json: JSON.stringify(grant.taskId) }] }), { core });
      const ids = await Promise.all(Array.from({ length: 12 }, () => rig.trigger('diamond')));
      for (const id of ids) expect(await rig.ended(id)).toBe('success');
      expect(rig.started).toHaveLength(48);
      expect(new Set(rig.started.map((grant) => grant.attemptId)).size).toBe(48);
      const [order] = await rig.sql<{ wrong: number }>(
        `select count(*)::int as wrong from task_instance p join task_instance c using (dag_run_id) where p.task_id = 'a' and c.task_id = 'd' and c.start_date < p.end_date`,
      );
      expect(order).toEqual({ wrong: 0 });
      expect(await rig.sql('select distinct key, try_number from xcom')).toEqual([{ key: 'return_value', try_number: 1 }]);
      expect(await rig.sql('select count(*)::int as left from timer')).toEqual([{ left: 0 }]);
    });
  }

  it('never has more runs running than the dag allows', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish({ ...diamond(), maxActiveRuns: 2 });
    const held: (() => void)[] = [];
    let most = 0;
    await rig.addWorker((grant) => {
      if (grant.taskId !== 'a') return {};
      held.push(() => undefined);
      return {};
    });
    const ids = await Promise.all(Array.from({ length: 10 }, () => rig.trigger('diamond')));
    await waitFor(async () => {
      const [row] = await rig.sql<{ running: number; done: number }>(`select count(*) filter (where state = 'running')::int as running, count(*) filter (where state = 'success')::int as done from dag_run`);
      most = Math.max(most, row!.running);
      return row!.done === ids.length;
    }, { timeoutMs: 20_000, what: 'ten runs to end' });
    expect(most).toBeLessThanOrEqual(2);
  });
});

describe('failures and retries', () => {
  it('retries after its delay, keeps the failed try in history, and then succeeds', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('flaky', [task('once', [], { retries: 2, retryDelaySeconds: 0.1 }), task('after', ['once'])]));
    await rig.addWorker((grant) => (grant.taskId === 'once' && grant.tryNumber < 3 ? { outcome: 'failed', error: `try ${grant.tryNumber}`, xcoms: [{ key: 'k', json: String(grant.tryNumber) }] } : {}));
    const id = await rig.trigger('flaky');
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.sql(`select try_number, state, reason, hostname is not null as worker, start_date <= end_date as timed from task_instance_history order by try_number`)).toEqual([
      { try_number: 1, state: 'failed', reason: 'try 1', worker: true, timed: true },
      { try_number: 2, state: 'failed', reason: 'try 2', worker: true, timed: true },
    ]);
    expect(await rig.sql(`select try_number, value from xcom order by try_number`)).toEqual([{ try_number: 1, value: 1 }, { try_number: 2, value: 2 }]);
  });

  it('fails without retry when the task says so, and what follows is upstream_failed', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('broken', [task('bad', [], { retries: 5 }), task('after', ['bad'])]));
    await rig.addWorker(() => ({ outcome: 'failed', retryable: false, error: 'no' }));
    const id = await rig.trigger('broken');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.states(id)).toEqual({ bad: 'failed', after: 'upstream_failed' });
  });

  it('tells a lost attempt before the next one starts, and refuses its late result', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('lossy', [task('t', [], { retries: 1, retryDelaySeconds: 0 })]));
    const dead = await rig.addWorker(() => null);
    const id = await rig.trigger('lossy');
    await waitFor(() => rig.started.length === 1, { timeoutMs: 5_000, what: 'the attempt to start' });
    await dead.expire();
    const [first] = rig.started;
    await waitFor(async () => (await rig.sql('select 1 from task_instance_history')).length === 1, { timeoutMs: 10_000, what: 'the lost attempt in history' });
    expect(await dead.report(first!, {})).toMatchObject({ result: 'refused' });
    await rig.addWorker(() => ({}));
    expect(await rig.ended(id)).toBe('success');
    const [lost] = await rig.sql<{ state: string; reason: string; attempt_id: string }>('select state, reason, attempt_id from task_instance_history');
    expect(lost).toMatchObject({ state: 'lost', attempt_id: first!.attemptId });
    expect(lost!.reason).toMatch(/last heard/);
    expect(rig.started.map((grant) => grant.tryNumber)).toEqual([1, 2]);
  });

  it('gives the same answer to the same report, and nothing to a stranger’s', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('one', [task('t')]));
    const worker = await rig.addWorker(() => null);
    const id = await rig.trigger('one');
    const grant = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'the attempt to start' });
    expect(await worker.report({ ...grant, claimToken: '00000000-0000-4000-8000-000000000000' }, {})).toMatchObject({ result: 'refused' });
    expect(await rig.runState(id)).toBe('running');
    expect(await worker.report(grant, {})).toMatchObject({ result: 'accepted' });
    expect(await worker.report(grant, {})).toMatchObject({ result: 'accepted' });
    expect(await rig.runState(id)).toBe('success');
  });

  it('finds an attempt whose claim was answered to nobody', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('silent', [task('t', [], { retries: 1, retryDelaySeconds: 0 })]));
    const worker = await rig.addWorker(() => null);
    const id = await rig.trigger('silent');
    await waitFor(() => rig.started.length === 1, { timeoutMs: 5_000, what: 'the attempt to start' });
    // Its heartbeats do not name the attempt: it never got the answer.
    await rig.sql(`update task_instance set start_date = now() - interval '1 minute'`);
    await rig.sql(`update worker_session set running = '{}', last_beat_at = now()`);
    await worker.stop();
    await rig.addWorker(() => ({}));
    expect(await rig.ended(id)).toBe('success');
  });
});

describe('results that cannot be kept', () => {
  it('fail the try and say why', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('big', [task('t')]));
    await rig.addWorker(() => ({ xcoms: [{ key: 'return_value', json: JSON.stringify('x'.repeat(1_000_001)) }] }));
    const id = await rig.trigger('big');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.sql('select reason from task_instance')).toEqual([{ reason: expect.stringMatching(/1000003 bytes; the limit is 1000000/) as string }]);
  });
});

describe('time-outs', () => {
  it('of a run that ended in time leave no timer behind', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('timed', [task('t')], { dagrunTimeoutSeconds: 3600 }));
    let timers = -1;
    const worker = await rig.addWorker(() => null);
    const id = await rig.trigger('timed');
    const grant = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'the attempt to start' });
    timers = (await rig.sql('select 1 from timer')).length;
    await worker.report(grant, {});
    expect([await rig.ended(id), timers, (await rig.sql('select 1 from timer')).length]).toEqual(['success', 1, 0]);
  });

  it('of a run stop what runs and fail it', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('late', [task('t'), task('u', ['t'])], { dagrunTimeoutSeconds: 0.2 }));
    const worker = await rig.addWorker(() => null);
    const id = await rig.trigger('late');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.states(id)).toEqual({ t: 'skipped', u: 'skipped' });
    await waitFor(() => worker.cancelled.length === 1, { timeoutMs: 5_000, what: 'the worker to be told' });
  });
});

describe('waiting', () => {
  it('holds nobody while deferred, and goes on with what was left', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(dag('patient', [task('t')]));
    const seen: string[] = [];
    await rig.addWorker((grant) => {
      seen.push(grant.resumeJson);
      return grant.resumeJson === '' ? { outcome: 'deferred', resumeAt: new Date(Date.now() + 150).toISOString(), resumeJson: '{"step":2}' } : {};
    });
    const id = await rig.trigger('patient');
    expect(await rig.ended(id)).toBe('success');
    expect(seen.map((text) => (text === '' ? null : (JSON.parse(text) as unknown)))).toEqual([null, { step: 2 }]);
    expect(rig.started.map((grant) => grant.tryNumber)).toEqual([1, 1]);
  });
});
