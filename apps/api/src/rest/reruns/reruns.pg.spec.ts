import type { DagDocumentInput } from '@millrace/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
const PATH = '/api/millrace/v1/dags/re/reruns';

beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('re.ts', [{ format: 1, dagId: 're', tasks: [{ taskId: 'a', operator: 'EmptyOperator' }] } as unknown as DagDocumentInput]);
  for (const id of ['r1', 'r2']) {
    await rig.call('POST', '/api/v2/dags/re/dagRuns', { body: { dag_run_id: id, logical_date: null } });
    await rig.call('PATCH', `/api/v2/dags/re/dagRuns/${id}`, { body: { state: 'success' } });
  }
});
afterAll(() => rig[Symbol.asyncDispose]());

it('a plan is drafted, read, listed, applied and cancelled', async () => {
  const made = await rig.call('POST', PATH, { body: { run_states: ['success'], order: 'newest_first', note: 'why' } });
  expect(made).toMatchObject({ status: 201, body: { state: 'draft', runs: 2, task_instances: 2, note: 'why', created_by: 'admin', progress: { waiting: 2, done: 0 }, left_out: [], items: [{ place: 0, dag_run_id: 'r2' }, { dag_run_id: 'r1' }] } });
  const one = `${PATH}/${made.body.id as string}`;
  expect((await rig.get(one)).body).toMatchObject({ state: 'draft' });
  expect((await rig.get(`${one}/items?limit=1&offset=1`)).body).toMatchObject({ total_entries: 2, items: [{ dag_run_id: 'r1', task_instances: 1, state: 'waiting' }] });
  expect((await rig.get(PATH)).body).toMatchObject({ total_entries: 1, reruns: [{ id: made.body.id }] });
  expect((await rig.call('POST', `${one}/apply`, { body: {} })).body).toMatchObject({ state: 'applying', applied_by: 'admin' });
  expect((await rig.call('POST', `${one}/apply`, { body: {} })).status).toBe(409);
  expect((await rig.call('POST', `${one}/cancel`, { body: {} })).body).toMatchObject({ state: 'cancelled', progress: { cancelled: 2 } });
  expect((await rig.call('POST', `${one}/cancel`, { body: {} })).status).toBe(409);
});

it('bad requests say what is wrong', async () => {
  for (const [body, status] of [[{ run_states: ['odd'] }, 422], [{ run_ids: ['zzz'] }, 404], [{ task_ids: ['zzz'] }, 404], [{ run_states: ['failed'] }, 422], [{ what: 1 }, 422]] as const) {
    expect((await rig.call('POST', PATH, { body })).status, JSON.stringify(body)).toBe(status);
  }
  expect((await rig.get(`${PATH}/zzz`)).status).toBe(404);
  expect((await rig.call('POST', '/api/millrace/v1/dags/zzz/reruns', { body: {} })).status).toBe(404);
});
