import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { DagDocumentInput, executionProto } from '@millrace/contracts';
import { ExternalTasks, Questions } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const DAG: DagDocumentInput = { format: 1, dagId: 'waits', tasks: [{ taskId: 'a', operator: 'Fn', external: true }] };
const QUESTION: executionProto.Question = { subject: 'Load?', body: '', options: ['yes', 'no'], hasDefaults: true, defaults: ['no'], multiple: false, paramsJson: '{}', assigneesJson: '[{"id":"ada","name":"Ada"}]' };
const ADA = { id: 'ada', name: 'Ada' };
const NAMES = { dagId: 'waits', runId: 'r', taskId: 'a' };

/** A run whose task waits as said, and then succeeds. */
async function waiting(how: Partial<executionProto.Completion>): Promise<{ rig: SchedulerRig; run: RunId; id: InstanceId }> {
  const rig = await SchedulerRig.open();
  await rig.publish(DAG);
  let attempts = 0;
  await rig.addWorker(() => (attempts++ === 0 ? how : { outcome: 'success' }));
  const run = await rig.trigger('waits');
  await waitFor(async () => ['deferred', 'awaiting_input'].includes((await rig.states(run))['a'] ?? ''), { timeoutMs: 5_000, what: 'the wait' });
  const [instance] = await rig.sql<{ id: InstanceId }>('select id from task_instance');
  return { rig, run, id: instance!.id };
}

/** What came of calls made at once: values, and codes of refusals. */
const outcomes = async (calls: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(calls)).map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as { code?: string }).code));

it('of answers at once one counts, and nobody else than those asked may give one', async () => {
  const { rig, run, id } = await waiting({ outcome: 'awaiting_input', question: QUESTION });
  await using _ = rig;
  const answer = (option: string, by = ADA) => rig.commands.waiting.answer(id, { chosenOptions: [option], paramsInput: {} }, by, NAMES);
  expect(await outcomes([answer('yes', { id: 'eve', name: 'Eve' })])).toEqual(['forbidden']);
  const all = await outcomes(['yes', 'no', 'yes', 'no', 'yes'].map((option) => answer(option)));
  expect(all.filter((one) => one === 'conflict')).toHaveLength(4);
  const [given] = all.filter((one) => one !== 'conflict') as { chosenOptions: string[] }[];
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started).toHaveLength(2);
  expect(JSON.parse(rig.started[1]!.resumePayloadJson)).toMatchObject({ chosenOptions: given!.chosenOptions, respondedBy: ADA });
  expect(await rig.sql('select chosen_options, responded_by_id from hitl_detail')).toEqual([{ chosen_options: given!.chosenOptions, responded_by_id: 'ada' }]);
  expect(await outcomes([answer('yes')])).toEqual(['conflict']);
});

it('an answer and the defaults of a time-out at once: one of them is it, and both sides agree', async () => {
  const { rig, id } = await waiting({ outcome: 'awaiting_input', question: QUESTION });
  await using _ = rig;
  const defaults = rig.migrated.database.inTransaction((tx) => new Questions(tx).answer(id, 1, true));
  const [answered, taken] = await outcomes([rig.commands.waiting.answer(id, { chosenOptions: ['yes'], paramsInput: {} }, ADA, NAMES), defaults]);
  const { chosenOptions } = taken as { chosenOptions: string[] };
  expect(chosenOptions).toEqual(answered === 'conflict' ? ['no'] : ['yes']);
});

it('of contradictory reports at once one counts; the others are answered and written down', async () => {
  const { rig, run, id } = await waiting({ outcome: 'deferred', correlationKey: 'external:00000000-0000-7000-8000-000000000001' });
  await using _ = rig;
  const token = randomBytes(32).toString('base64url');
  await rig.migrated.database.inTransaction(async (tx) => {
    const works = new ExternalTasks(tx);
    const { task } = await works.begin(id, '00000000-0000-7000-8000-000000000001');
    await works.addToken(task.id, createHash('sha256').update(token).digest());
  });
  const report = (state: 'success' | 'failed' | 'running') => rig.commands.waiting.reportExternal(token, { state, resultJson: JSON.stringify(state), progressJson: null, reason: null });
  const all = (await outcomes((['success', 'failed', 'success', 'failed'] as const).map(report))) as { counted: boolean; state: string }[];
  const [first] = all.filter((one) => one.counted);
  expect(all.filter((one) => one.counted)).toHaveLength(1);
  expect(new Set(all.map((one) => one.state))).toEqual(new Set([first!.state]));
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started).toHaveLength(2);
  expect(JSON.parse(rig.started[1]!.resumePayloadJson)).toMatchObject({ state: first!.state });
  expect(await report('running')).toMatchObject({ counted: false, state: first!.state });
  expect(await rig.sql('select counted, count(*) from external_report group by counted order by counted')).toEqual([{ counted: false, count: 4 }, { counted: true, count: 1 }]);
  expect(await outcomes([rig.commands.waiting.reportExternal(randomUUID(), { state: 'success', resultJson: null, progressJson: null, reason: null })])).toEqual(['not_found']);
});

it('a key that is reported often at once resumes once, and only where it may', async () => {
  const { rig, run } = await waiting({ outcome: 'deferred', correlationKey: 'invoice' });
  await using _ = rig;
  const forbidden = () => {
    throw Object.assign(new Error('no'), { code: 'forbidden' });
  };
  expect(await outcomes([rig.commands.waiting.resume('invoice', 1, 'eve', forbidden)])).toEqual(['forbidden']);
  expect(await rig.sql('select 1 from instance_signal')).toEqual([]);
  await outcomes(Array.from({ length: 5 }, (_each, n) => rig.commands.waiting.resume('invoice', n, 'ada', () => undefined)));
  expect(await rig.ended(run)).toBe('success');
  expect(rig.started).toHaveLength(2);
  expect(await outcomes([rig.commands.waiting.resume('invoice', 9, 'ada', () => undefined)])).toEqual(['not_found']);
});
