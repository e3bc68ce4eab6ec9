import { randomUUID } from 'node:crypto';
import { Callbacks, Deadlines, WorkerSessions } from '@millrace/persistence';
import type { CallbackView } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import type { RigWorker } from '../testing/scheduler-rig.js';

const told = (rig: SchedulerRig, dagId: string): Promise<CallbackView[]> => new Callbacks(rig.migrated.database).list(dagId, null, null, 100, 0).then((page) => page.rows);
const handed = (worker: RigWorker, count: number): Promise<RigWorker['told']> => waitFor(async () => worker.told.length >= count && worker.told, { timeoutMs: 10_000, what: `${count} callbacks at the worker` });
const report = (rig: SchedulerRig, callback: RigWorker['told'][number], ok = true): Promise<boolean> =>
  rig.cores[0]!.callbacks.report({ callbackId: callback.callbackId, token: callback.token, ok, error: ok ? '' : 'Error: no', log: 'said something\n' });

describe('callbacks', () => {
  it('of a task and of its run reach a worker of the queue with the context, and are kept with what they said', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ format: 1, dagId: 'd', callbacks: ['success'], tasks: [{ taskId: 'a', operator: 'Op', queue: 'special', retries: 1, retryDelaySeconds: 0, callbacks: ['retry', 'success'] }] });
    const other = await rig.addWorker(() => ({}), { queues: ['default'] });
    let tries = 0;
    const worker = await rig.addWorker(() => (tries++ === 0 ? { outcome: 'failed', error: 'first' } : {}), { queues: ['special'] });
    await rig.ended(await rig.trigger('d'));
    const callbacks = await handed(worker, 3);
    expect(callbacks.map((c) => [c.on, c.grant?.taskId, c.grant?.tryNumber, c.state, c.reason]).sort()).toEqual([
      ['retry', 'a', 1, 'up_for_retry', 'first'], ['success', '', 0, 'success', ''], ['success', 'a', 2, 'success', ''],
    ]);
    expect(other.told).toEqual([]);
    for (const callback of callbacks) await report(rig, callback);
    expect((await told(rig, 'd')).map((c) => [c.state, c.tries, c.log])).toEqual(Array.from({ length: 3 }, () => ['success', 1, 'said something\n']));
  });

  it('of a worker that died in the middle goes to another, and the first one’s late report changes nothing', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ format: 1, dagId: 'd', tasks: [{ taskId: 'a', operator: 'Op', callbacks: ['failure'] }] });
    const first = await rig.addWorker(() => ({ outcome: 'failed', error: 'broken' }));
    await rig.ended(await rig.trigger('d'));
    const [lost] = await handed(first, 1);
    const second = await rig.addWorker(() => ({}));
    await first.expire();
    const [again] = await handed(second, 1);
    expect([again!.callbackId, again!.token === lost!.token]).toEqual([lost!.callbackId, false]);
    await report(rig, lost!, false);
    expect(await told(rig, 'd')).toMatchObject([{ state: 'running', tries: 2 }]);
    await report(rig, again!);
    expect(await told(rig, 'd')).toMatchObject([{ state: 'success', tries: 2, worker: second.name }]);
  });

  it('that throws is tried three times, and then kept as failed with its error', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ format: 1, dagId: 'd', tasks: [{ taskId: 'a', operator: 'Op', callbacks: ['success'] }] });
    const worker = await rig.addWorker(() => ({}));
    await rig.ended(await rig.trigger('d'));
    for (let n = 1; n <= 3; n++) {
      await report(rig, (await handed(worker, n)).at(-1)!, false);
      await rig.sql('update callback set not_before = now() where state = $1', ['pending']);
    }
    expect(await told(rig, 'd')).toMatchObject([{ state: 'failed', tries: 3, error: 'Error: no' }]);
    expect(worker.told.length).toBe(3);
  });

  it('may read what its run may, while it runs', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ format: 1, dagId: 'd', tasks: [{ taskId: 'a', operator: 'Op', callbacks: ['success'] }] });
    const worker = await rig.addWorker(() => ({}));
    await rig.ended(await rig.trigger('d', { runId: 'r1' }));
    const [callback] = await handed(worker, 1);
    const callbacks = new Callbacks(rig.migrated.database);
    expect(await callbacks.running(callback!.callbackId, callback!.token)).toEqual({ dagId: 'd', runId: 'r1', team: null });
    expect(await callbacks.running(callback!.callbackId, randomUUID())).toBeUndefined();
    await report(rig, callback!);
    expect(await callbacks.running(callback!.callbackId, callback!.token)).toBeUndefined();
  });
});

describe('deadlines', () => {
  const publish = (rig: SchedulerRig, deadlines: object[]): Promise<void> => rig.publish({ format: 1, dagId: 'd', deadlines: deadlines as never, tasks: [{ taskId: 'a', operator: 'Op' }] }).then(async () => void (await rig.sql('update dag set has_deadlines = true')));

  it('of a run are missed once, however many look, and tell with the run', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await publish(rig, [{ name: 'soon', reference: 'queued', intervalSeconds: 3_600, hasCallback: true }, { name: 'later', reference: 'queued', intervalSeconds: 7_200 }]);
    const id = await rig.trigger('d', { runId: 'r1' });
    await rig.sql(`update dag_run set queued_at = now() - interval '90 minutes' where id = $1`, [id]);
    const worker = await rig.addWorker(() => null);
    const [callback] = await handed(worker, 1);
    await Promise.all(Array.from({ length: 8 }, () => new Deadlines(rig.migrated.database).miss()));
    expect([callback!.on, callback!.deadline, callback!.grant?.runId, callback!.grant?.taskId]).toEqual(['deadline', 'soon', 'r1', '']);
    expect((await rig.sql('select name from deadline_miss')).map((row) => row['name'])).toEqual(['soon']);
    expect(worker.told.length).toBe(1);
  });

  it('of a run that takes longer than its like', async () => {
    await using rig = await SchedulerRig.open();
    await publish(rig, [{ name: 'slow', reference: 'averageRunTime', intervalSeconds: 60, averageOf: 2 }]);
    const worker = await rig.addWorker(() => ({}));
    const past = [await rig.trigger('d'), await rig.trigger('d')];
    for (const id of past) await rig.ended(id);
    await rig.sql(`update dag_run set start_date = end_date - interval '100 seconds'`);
    await worker.stop();
    const id = await rig.trigger('d', { runId: 'r3' });
    await waitFor(async () => (await rig.runState(id)) === 'running', { timeoutMs: 10_000, what: 'the run to start' });
    await rig.sql(`update dag_run set start_date = now() - interval '150 seconds' where id = $1`, [id]);
    expect(await new Deadlines(rig.migrated.database).miss()).toEqual([]);
    await rig.sql(`update dag_run set start_date = now() - interval '170 seconds' where id = $1`, [id]);
    const missed = await waitFor(async () => (await rig.sql('select name from deadline_miss')).length === 1, { timeoutMs: 10_000, what: 'the miss' });
    expect(missed).toBe(true);
  });

  it('of nothing having succeeded: told when no run was made at all, once, and again after the next success', async () => {
    await using rig = await SchedulerRig.open();
    await publish(rig, [{ name: 'daily', reference: 'lastSuccess', intervalSeconds: 86_400, hasCallback: true }]);
    const worker = await rig.addWorker(() => ({}));
    await rig.sql(`update dag set created_at = now() - interval '2 days', is_paused = true`);
    expect(await new Deadlines(rig.migrated.database).miss()).toEqual([]);
    await rig.sql(`update dag set is_paused = false`);
    const [callback] = await handed(worker, 1);
    expect([callback!.on, callback!.deadline, callback!.grant?.runId, callback!.grant?.dagId]).toEqual(['deadline', 'daily', '', 'd']);
    await rig.ended(await rig.trigger('d'));
    await rig.sql(`update dag_run set end_date = now() - interval '25 hours', start_date = now() - interval '26 hours'`);
    await handed(worker, 2);
    expect((await rig.sql('select count(*)::int as n from deadline_miss'))[0]!['n']).toBe(2);
  });
});

it('sessions that said goodbye give their callbacks back', async () => {
  await using rig = await SchedulerRig.open();
  await rig.publish({ format: 1, dagId: 'd', tasks: [{ taskId: 'a', operator: 'Op', callbacks: ['success'] }] });
  const worker = await rig.addWorker(() => ({}));
  await rig.ended(await rig.trigger('d'));
  await handed(worker, 1);
  await worker.stop();
  await new WorkerSessions(rig.migrated.database).end(worker.sessionId);
  await rig.cores[0]!.callbacks.repair();
  expect(await told(rig, 'd')).toMatchObject([{ state: 'pending', tries: 1 }]);
});
