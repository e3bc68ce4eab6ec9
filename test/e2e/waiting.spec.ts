import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { Platform } from './platform.js';
import type { Job } from './platform.js';

const DAGS = join(REPOSITORY_ROOT, 'test/dags');

let constellation: Constellation;
let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start();
  const apiPort = await freePort();
  constellation = await Constellation.start({
    label: 'waiting',
    schedulers: 2,
    workers: [{ queues: ['default'], concurrency: 4 }],
    dags: ['ledgered.ts', 'waiting.ts'].map((file) => join(DAGS, file)),
    settings: {
      'api.port': apiPort, 'api.base_url': `http://127.0.0.1:${apiPort}`, 'scheduler.sweep_every_ms': 200, 'scheduler.lease_ttl_ms': 3_000, 'scheduler.beat_every_ms': 500, 'worker.self_fence_ms': 2_000,
    },
  });
  await eventually('the dags to be published', async () => (await constellation.database.query('select 1 from dag where current_version_id is not null')).rows.length >= 6);
  await constellation.client.compareWithDocument();
}, 120_000);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
  await platform?.stop();
}, 120_000);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const instanceOf = async (dagId: string, runId: string, taskId: string): Promise<{ state: string | null; try_number: number }> =>
  (await constellation.client.instances(dagId, runId)).find((one) => one.task_id === taskId) ?? { state: null, try_number: 0 };
const inState = (dagId: string, runId: string, taskId: string, state: string): Promise<unknown> =>
  eventually(`${taskId} of ${dagId}/${runId} to be ${state}`, async () => (await instanceOf(dagId, runId, taskId)).state === state);
const ended = (dagId: string, runId: string): Promise<string> => eventually(`${dagId}/${runId} to end`, async () => {
  const { state } = await constellation.client.run(dagId, runId);
  return state === 'success' || state === 'failed' ? state : null;
});
const path = (dagId: string, runId: string, taskId: string): string => `/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}`;
const submittedAs = (kind: string): Promise<Job> => eventually(`a job "${kind}"`, () => platform.ofKind(kind)[0] ?? null);
const trigger = (dagId: string, runId: string, kind = runId): Promise<unknown> => constellation.client.must('POST', `/api/v2/dags/${dagId}/dagRuns`, { dag_run_id: runId, logical_date: null, conf: { platform: platform.url, job: kind } });
const works = async (runId: string, dagId = 'platform_job', taskId = 'job'): Promise<Record<string, any>[]> =>
  (await constellation.client.must<{ external_tasks: Record<string, any>[] }>('GET', `/api/millrace/v1${path(dagId, runId, taskId)}/externalTasks`)).external_tasks;
const slotsHeld = async (): Promise<number> => (await constellation.database.query(`select 1 from task_instance where state in ('queued', 'running')`)).rows.length;

describe('the params of a dag', () => {
  it('keep the order in which its author wrote them, which is not the database’s', async () => {
    const { params } = await constellation.client.must<{ params: object }>('GET', '/api/v2/dags/platform_job/details');
    expect(Object.keys(params)).toEqual(['platform', 'job']);
  });
});

describe('work on another platform', () => {
  it('is waited for without a slot, and its first end counts', async () => {
    await trigger('platform_job', 'reported');
    const job = await submittedAs('reported');
    await inState('platform_job', 'reported', 'job', 'deferred');
    expect(await slotsHeld()).toBe(0);
    expect(await platform.report(job, { state: 'running', progress: { percent: 40 } })).toEqual({ status: 200, body: { counted: true, state: 'running' } });
    expect(await works('reported')).toMatchObject([{ state: 'running', external_id: job.id, progress: { percent: 40 } }]);
    expect(await platform.report(job, { state: 'success', result: { rows: 3 } })).toMatchObject({ body: { counted: true, state: 'success' } });
    expect(await ended('platform_job', 'reported')).toBe('success');
    expect(await platform.report(job, { state: 'failed', reason: 'changed its mind' })).toEqual({ status: 200, body: { counted: false, state: 'success', note: 'it had ended as success already' } });
    expect(await platform.report(job, { state: 'success', result: { rows: 4 } })).toMatchObject({ body: { counted: false } });
    const [work] = await works('reported');
    expect(work).toMatchObject({ state: 'success', result: { rows: 3 }, cancel_state: null });
    expect(work!['reports'].map((report: Record<string, unknown>) => [report['state'], report['counted']])).toEqual([['running', true], ['success', true], ['failed', false], ['success', false]]);
    expect(await constellation.client.must('GET', '/api/millrace/v1/dags/platform_job/dagRuns/reported/result')).toMatchObject({ result_task: 'job', result: { rows: 3 } });
    expect(job.cancelled).toBe(0);
  });

  it('tells a stranger nothing', async () => {
    for (const token of ['x', 'a'.repeat(43), 'a'.repeat(2_000), '%00', '..%2f..']) {
      const response = await fetch(`${constellation.client.baseUrl}/api/millrace/v1/task-callbacks/${token}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"state":"success"}' });
      expect([response.status, (await response.text()).includes('token')]).toEqual([404, false]);
    }
  });

  it('is told what is wrong with a report, and how much one may hold', async () => {
    await trigger('platform_job', 'wrong');
    const job = await submittedAs('wrong');
    expect(await platform.report(job, { state: 'almost' })).toMatchObject({ status: 422 });
    expect((await fetch(job.callbackUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ state: 'success', result: 'x'.repeat(1_100_000) }) })).status).toBe(413);
    // A platform may be faster than the commit of the wait.
    expect(await platform.report(job, { state: 'failed', reason: 'out of paper' })).toMatchObject({ body: { counted: true } });
    const again = await eventually('another job', () => platform.ofKind('wrong')[1] ?? null);
    expect(again.idempotencyKey).not.toBe(job.idempotencyKey);
    await platform.report(again, { state: 'success' });
    expect(await ended('platform_job', 'wrong')).toBe('success');
    expect(await instanceOf('platform_job', 'wrong', 'job')).toMatchObject({ state: 'success', try_number: 2 });
  });

  it('is submitted once, whoever dies between which steps', async () => {
    platform.holdsAnswers = true;
    await trigger('platform_job', 'crashes');
    const job = await submittedAs('crashes');
    // The platform has it; the worker does not live to hear so.
    await constellation.kill('worker-1');
    platform.holdsAnswers = false;
    await constellation.restart('worker-1');
    await inState('platform_job', 'crashes', 'job', 'deferred');
    expect(platform.asked.filter((key) => key === job.idempotencyKey).length).toBeGreaterThan(1);
    expect(platform.ofKind('crashes')).toHaveLength(1);
    expect(await slotsHeld()).toBe(0);
    // Nobody is there who could go on when it is reported; what was said stays said.
    for (const name of ['scheduler-1', 'scheduler-2', 'worker-1']) await constellation.kill(name);
    expect(await platform.report(job, { state: 'success', result: 'in spite of all' })).toMatchObject({ status: 200, body: { counted: true } });
    for (const name of ['scheduler-1', 'scheduler-2', 'worker-1']) await constellation.restart(name);
    expect(await ended('platform_job', 'crashes')).toBe('success');
    expect(platform.ofKind('crashes')).toHaveLength(1);
    expect(await works('crashes')).toMatchObject([{ state: 'success', try_number: 1, result: 'in spite of all' }]);
  }, 90_000);

  it('may be looked at instead of reporting', async () => {
    await trigger('platform_poll', 'polled');
    expect(await ended('platform_poll', 'polled')).toBe('success');
    const [job] = platform.ofKind('polled');
    expect(job!.looks).toBe(3);
    expect(await works('polled', 'platform_poll', 'polled')).toMatchObject([{ state: 'success', result: { rows: 7 } }]);
    expect(await instanceOf('platform_poll', 'polled', 'polled')).toMatchObject({ try_number: 1 });
  });

  it('is stopped when it takes too long', async () => {
    await trigger('platform_late', 'late');
    expect(await ended('platform_late', 'late')).toBe('failed');
    const job = await submittedAs('late');
    await eventually('the platform to be told', () => job.cancelled > 0);
    expect(await works('late', 'platform_late', 'late')).toMatchObject([{ state: 'timed_out', reason: 'not done after 1 s' }]);
  });

  it('is stopped when nobody wants it any more, as often as it takes, also after a crash', async () => {
    platform.cancelStatus = 503;
    await trigger('platform_job', 'unwanted');
    const job = await submittedAs('unwanted');
    await inState('platform_job', 'unwanted', 'job', 'deferred');
    await constellation.client.must('PATCH', `/api/v2${path('platform_job', 'unwanted', 'job')}`, { new_state: 'failed' });
    await eventually('the platform to be told', () => job.cancelled > 0);
    for (const name of ['scheduler-1', 'scheduler-2']) await constellation.kill(name);
    platform.cancelStatus = 200;
    for (const name of ['scheduler-1', 'scheduler-2']) await constellation.restart(name);
    await eventually('the platform to have heard', async () => (await works('unwanted'))[0]?.['cancel_state'] === 'done');
    expect(await platform.report(job, { state: 'success' })).toMatchObject({ body: { counted: false, state: 'cancelled' } });
    expect(await instanceOf('platform_job', 'unwanted', 'job')).toMatchObject({ state: 'failed' });
  }, 60_000);

  it('begins anew with a clear; the old work is stopped and says nothing', async () => {
    await trigger('platform_job', 'cleared');
    const first = await submittedAs('cleared');
    await inState('platform_job', 'cleared', 'job', 'deferred');
    await constellation.client.must('POST', '/api/v2/dags/platform_job/clearTaskInstances', { dag_run_id: 'cleared', task_ids: ['job'], dry_run: false, only_failed: false });
    const second = await eventually('other work', () => platform.ofKind('cleared')[1] ?? null);
    await eventually('the first to be stopped', () => first.cancelled > 0);
    expect(await platform.report(first, { state: 'success', result: 'old' })).toMatchObject({ body: { counted: false } });
    await platform.report(second, { state: 'success', result: 'new' });
    expect(await ended('platform_job', 'cleared')).toBe('success');
    expect((await works('cleared')).map((work) => [work['state'], work['result']])).toEqual([['cancelled', null], ['success', 'new']]);
  });
});

describe('a person', () => {
  const question = (taskId: string): string => `/api/v2${path('asks', 'people', taskId)}/-1/hitlDetails`;
  const answer = (taskId: string, body: unknown): Promise<{ status: number; body: any }> => constellation.client.call('PATCH', question(taskId), body);

  it('is asked, and answers once', async () => {
    await trigger('asks', 'people');
    await inState('asks', 'people', 'approve', 'awaiting_input');
    expect(await slotsHeld()).toBe(0);
    expect(await constellation.client.must('GET', question('approve'))).toMatchObject({ subject: 'Load people?', options: ['Approve', 'Reject'], response_received: false, chosen_options: null, task_instance: { state: 'awaiting_input' } });
    const open = await constellation.client.must<{ hitl_details: Record<string, any>[]; total_entries: number }>('GET', '/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&subject_search=Load&state=awaiting_input');
    expect([open.total_entries, open.hitl_details[0]!['task_instance'].task_id]).toEqual([1, 'approve']);
    expect(await answer('approve', { chosen_options: ['Perhaps'] })).toMatchObject({ status: 422, body: { detail: expect.stringContaining('"Perhaps" is none of the options: Approve, Reject') } });
    expect(await answer('approve', { chosen_options: ['Approve', 'Reject'] })).toMatchObject({ status: 422 });
    expect(await answer('approve', { chosen_options: ['Approve'] })).toMatchObject({ status: 200, body: { chosen_options: ['Approve'], responded_by: { id: 'admin', name: 'admin' } } });
    expect(await answer('approve', { chosen_options: ['Reject'] })).toMatchObject({ status: 409 });
  });

  it('fills in a form', async () => {
    await inState('asks', 'people', 'form', 'awaiting_input');
    expect(await answer('form', { chosen_options: ['OK'], params_input: { rows: 0 } })).toMatchObject({ status: 422, body: { detail: expect.stringContaining('params_input.rows') } });
    expect(await answer('form', { chosen_options: ['OK'], params_input: { columns: 1 } })).toMatchObject({ status: 422 });
    expect(await answer('form', { chosen_options: ['OK'], params_input: { rows: 5 } })).toMatchObject({ status: 200 });
  });

  it('need not answer where there is a default, and the branch goes its way', async () => {
    expect(await ended('asks', 'people')).toBe('success');
    const states = Object.fromEntries((await constellation.client.instances('asks', 'people')).map((one) => [one.task_id, one.state]));
    expect(states).toEqual({ approve: 'success', form: 'success', choose: 'success', left: 'skipped', right: 'success' });
    const xcom = async (taskId: string): Promise<unknown> => (await constellation.client.must(`GET`, `/api/v2${path('asks', 'people', taskId)}/xcomEntries/return_value`))['value'];
    expect(await xcom('form')).toMatchObject({ chosen_options: ['OK'], params_input: { rows: 5 }, timedout: false });
    expect(await xcom('choose')).toMatchObject({ chosen_options: ['right'], timedout: true, responded_by_user: null });
    expect(await constellation.client.must('GET', `${question('choose')}/tries/1`)).toMatchObject({ response_received: true, chosen_options: ['right'], responded_by_user: null });
    expect(await answer('choose', { chosen_options: ['left'] })).toMatchObject({ status: 409 });
    const { rows } = await constellation.database.query(`select actor, task_id from audit_log where event = 'update_hitl_detail' order by id`);
    expect(rows).toEqual([{ actor: 'admin', task_id: 'approve' }, { actor: 'admin', task_id: 'form' }]);
  });
});

it('sensors look, give back their slot, look again, are woken, and time out for good', async () => {
  await trigger('senses', 'one');
  await inState('senses', 'one', 'woken', 'deferred');
  expect(await constellation.client.call('POST', '/api/millrace/v1/correlations/nobody', {})).toMatchObject({ status: 404 });
  expect(await constellation.client.must('POST', '/api/millrace/v1/correlations/senses-woken', { payload: { file: 'a.csv' } })).toEqual({ resumed: 1 });
  expect(await ended('senses', 'one')).toBe('failed');
  const instances = await constellation.client.instances('senses', 'one');
  expect(Object.fromEntries(instances.map((one) => [one.task_id, [one.state, one.try_number]]))).toEqual({ third: ['success', 1], woken: ['success', 1], gone: ['failed', 1] });
  expect((await constellation.client.must('GET', `/api/v2${path('senses', 'one', 'woken')}/xcomEntries/return_value`))['value']).toEqual({ file: 'a.csv' });
  expect(await constellation.client.log('senses', 'one', 'gone', 1)).toContain('the time-out is 0.5 s');
});

it('stores outlive runs, and can be read, mended and deleted', async () => {
  for (const [index, runId] of ['one', 'two'].entries()) {
    await trigger('counts', runId);
    expect(await ended('counts', runId)).toBe('success');
    expect((await constellation.client.must('GET', `/api/v2${path('counts', runId, 'count')}/xcomEntries/return_value`))['value']).toEqual([index + 1, index + 1]);
  }
  const states = '/api/millrace/v1/dags/counts/tasks/count/states';
  expect(await constellation.client.must('GET', states)).toMatchObject({ states: [{ key: 'runs', value: 2, version: 2 }], total_entries: 1 });
  expect(await constellation.client.call('PUT', `${states}/runs`, { value: 10, version: 1 })).toMatchObject({ status: 409 });
  expect(await constellation.client.must('PUT', `${states}/runs`, { value: 10, version: 2 })).toMatchObject({ value: 10, version: 3 });
  expect(await constellation.client.call('PUT', `${states}/runs`, { value: 'x'.repeat(70_000) })).toMatchObject({ status: 413 });
  expect(await constellation.client.call('DELETE', `${states}/runs`)).toMatchObject({ status: 204 });
  expect(await constellation.client.call('GET', `${states}/runs`)).toMatchObject({ status: 404 });
  expect(await constellation.client.must('GET', '/api/millrace/v1/assets/counted/states/runs')).toMatchObject({ value: 2, version: 2 });
});
