import { randomUUID } from 'node:crypto';
import type { DagDocumentInput, executionProto } from '@millrace/contracts';
import { Signals } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import type { InstanceId } from '@millrace/vocabulary';
import { expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

type Grant = executionProto.Grant;

const dagOf = (task: Partial<NonNullable<DagDocumentInput['tasks']>[number]> = {}, more: Partial<DagDocumentInput> = {}): DagDocumentInput => ({
  format: 1, dagId: 'waits', tasks: [{ taskId: 'a', operator: 'Fn', ...task }], ...more,
});
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** A rig whose worker answers one attempt after the other as listed, the last one for ever. */
async function answering(answers: readonly ((grant: Grant) => Partial<executionProto.Completion>)[], document = dagOf(), options = {}) {
  const rig = await SchedulerRig.open(options);
  await rig.publish(document);
  let next = 0;
  await rig.addWorker((grant) => answers[Math.min(next++, answers.length - 1)]!(grant));
  return rig;
}

const reported = async (rig: SchedulerRig, key: string, payload: unknown, instanceId?: string): Promise<void> => {
  const id = instanceId ?? (await rig.sql<{ id: string }>('select id from task_instance'))[0]!.id;
  await new Signals(rig.migrated.database).add([randomUUID()], [id as InstanceId], key, JSON.stringify(payload));
};

it('a deferral goes on at its time, with what it kept, and no slot is held meanwhile', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', resumeAt: inMs(300), resumeJson: '{"job":7}' }), () => ({ outcome: 'success' })]);
  const run = await rig.trigger('waits');
  await waitFor(async () => (await rig.states(run))['a'] === 'deferred', { timeoutMs: 5_000, what: 'the deferral' });
  expect(await rig.sql('select active_instances from dag_run')).toEqual([{ active_instances: 0 }]);
  expect(rig.cores[0]!.cache.size.runs).toBe(0);
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started.map(({ tryNumber, resumeJson, resumedBy, looks }) => ({ tryNumber, resumeJson, resumedBy, looks }))).toEqual([
    { tryNumber: 1, resumeJson: '', resumedBy: '', looks: 0 },
    { tryNumber: 1, resumeJson: '{"job": 7}', resumedBy: 'time', looks: 1 },
  ]);
});

it('the first start stays through looks and retries, and begins anew with a clear', async () => {
  const look = (): Partial<executionProto.Completion> => ({ outcome: 'rescheduled', resumeAt: inMs(1) });
  await using rig = await answering([look, look, () => ({ outcome: 'failed' }), look, () => ({ outcome: 'success' }), look, () => ({ outcome: 'success' })], dagOf({ isSensor: true, retries: 1, retryDelaySeconds: 0 }));
  const run = await rig.trigger('waits');
  expect(await rig.ended(run)).toBe('success');
  const [first, ...later] = rig.started.splice(0);
  expect(later.map((grant) => [grant.tryNumber, grant.looks, grant.firstStartDate, grant.resumedBy])).toEqual([
    [1, 1, first!.startDate, 'time'], [1, 2, first!.startDate, 'time'], [2, 2, first!.startDate, ''], [2, 3, first!.startDate, 'time'],
  ]);
  const [instance] = await rig.sql<{ id: InstanceId }>('select id from task_instance');
  await rig.commands.clearInstances([instance!.id], 'spec');
  expect(await rig.ended(run)).toBe('success');
  const [again, next] = rig.started;
  expect([again!.tryNumber, again!.looks, next!.looks, next!.firstStartDate]).toEqual([3, 0, 1, again!.startDate]);
});

it('a report ends the wait, is handed over, and counts once', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'job-1' }), () => ({ outcome: 'success' })]);
  const run = await rig.trigger('waits');
  await waitFor(async () => (await rig.states(run))['a'] === 'deferred', { timeoutMs: 5_000, what: 'the deferral' });
  await reported(rig, 'job-1', { rows: 12 });
  await reported(rig, 'job-1', { rows: 13 });
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started.map(({ resumedBy, resumePayloadJson }) => [resumedBy, resumePayloadJson])).toEqual([['', ''], ['event', '{"rows": 12}']]);
  expect(await rig.sql('select count(*) from instance_signal')).toEqual([{ count: 0 }]);
});

it('a report that is faster than the wait it is for is not lost', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'job-1' }), () => ({ outcome: 'success' })], dagOf(), { sweepEveryMs: 600_000 });
  const run = await rig.trigger('waits', { logicalDate: null });
  await waitFor(async () => rig.started.length === 1, { timeoutMs: 5_000, what: 'the first attempt' });
  await reported(rig, 'job-1', 'early', rig.started[0]!.instanceId);
  // Whichever came first: with the signal there, the next wait for the key ends at once; else one look finds it.
  await waitFor(async () => (await rig.states(run))['a'] === 'success' || ((await rig.cores[0]!.signals.deliver(null)), false), { timeoutMs: 5_000, what: 'the end' });
  expect(rig.started[1]!.resumePayloadJson).toBe('"early"');
});

it('a report for another key waits for its own', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'one', resumeAt: inMs(300) }), () => ({ outcome: 'deferred', correlationKey: 'two' }), () => ({ outcome: 'success' })]);
  const run = await rig.trigger('waits');
  await waitFor(async () => (await rig.states(run))['a'] === 'deferred', { timeoutMs: 5_000, what: 'the first deferral' });
  await reported(rig, 'two', 2);
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started.map(({ resumedBy, resumePayloadJson }) => [resumedBy, resumePayloadJson])).toEqual([['', ''], ['time', ''], ['event', '2']]);
});

it.each([
  ['fail', {}, 'failed', 1],
  ['fail', { retries: 1, retryDelaySeconds: 0 }, 'failed', 2],
  ['fail_for_good', { retries: 1, retryDelaySeconds: 0 }, 'failed', 1],
  ['skip', {}, 'skipped', 1],
] as const)('a wait that takes too long can %s (%j): %s after %i attempts', async (then, task, state, attempts) => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'never', giveUpAt: inMs(50), giveUpThen: then })], dagOf(task));
  const run = await rig.trigger('waits');
  await rig.ended(run);
  expect(await rig.states(run)).toEqual({ a: state });
  expect(rig.started).toHaveLength(attempts);
  expect(await rig.sql('select reason from task_instance')).toEqual([{ reason: 'timed out while it waited' }]);
});

it('or tell the task, which goes on', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'never', giveUpAt: inMs(50), giveUpThen: 'resume' }), () => ({ outcome: 'success' })]);
  expect(await rig.ended(await rig.trigger('waits'))).toBe('success');
  expect(rig.started[1]!.resumedBy).toBe('timeout');
});

it('the timers of a wait go away with it', async () => {
  await using rig = await answering([() => ({ outcome: 'deferred', correlationKey: 'k', resumeAt: inMs(3_600_000), giveUpAt: inMs(7_200_000), giveUpThen: 'fail' }), () => ({ outcome: 'success' })]);
  const run = await rig.trigger('waits');
  await waitFor(async () => (await rig.sql('select 1 from timer')).length === 2, { timeoutMs: 5_000, what: 'two timers' });
  await reported(rig, 'k', null);
  expect(await rig.ended(run)).toBe('success');
  expect(await rig.sql('select kind from timer')).toEqual([]);
});

it('a retry policy is asked with the names the worker told', async () => {
  const policy = [{ on: ['ValidationError'], fail: true }, { on: ['HttpError'], retries: 2, retryDelaySeconds: 0 }];
  await using rig = await answering([() => ({ outcome: 'failed', errorNames: ['HttpError', 'Error'] }), () => ({ outcome: 'failed', errorNames: ['HttpError', 'Error'] }), () => ({ outcome: 'failed', errorNames: ['ValidationError', 'Error'] })], dagOf({ retryPolicy: policy }));
  expect(await rig.ended(await rig.trigger('waits'))).toBe('failed');
  expect(rig.started.map((grant) => grant.tryNumber)).toEqual([1, 2, 3]);
});

it('what one task returned is the result of the run', async () => {
  await using rig = await answering([() => ({ outcome: 'success', xcoms: [{ key: 'return_value', json: '{"rows":3}' }] })], dagOf({}, { resultTask: 'a' }));
  await rig.ended(await rig.trigger('waits'));
  expect(await rig.sql('select result from dag_run')).toEqual([{ result: { rows: 3 } }]);
});
