import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('refused.ts', [{ format: 1, dagId: 'refused', tasks: [{ taskId: 'only', operator: 'EmptyOperator' }] }]);
  expect((await rig.call('POST', '/api/v2/dags/refused/dagRuns', { body: { dag_run_id: 'a', logical_date: null } })).status).toBe(200);
});
afterAll(() => rig[Symbol.asyncDispose]());

const RUN = '/api/v2/dags/refused/dagRuns/a';

describe('requests as Airflow answers them', () => {
  it('refuses what it cannot send, a token of another log, a mask it does not know, and backfills of no dag', async () => {
    expect(await rig.get('/api/v2/dagSources/refused', { headers: { accept: 'image/png' } })).toMatchObject({ status: 406, body: { detail: 'Only application/json or text/plain is supported' } });
    expect((await rig.get('/api/v2/dagSources/refused', { headers: { accept: 'text/html, */*;q=0.5' } })).status).toBe(200);
    expect((await rig.get(`${RUN}/taskInstances/only/logs/1?token=made-up`)).status).toBe(400);
    expect((await rig.call('PATCH', '/api/v2/dags/refused?update_mask=tags', { body: { is_paused: true } })).status).toBe(400);
    expect(await rig.get('/api/v2/dags/~/dagRuns?state=asleep')).toMatchObject({ status: 422, body: { detail: [{ type: 'enum', loc: ['query', 'state', 0], input: 'asleep' }] } });
    expect(await rig.get('/api/v2/backfills')).toMatchObject({ status: 422, body: { detail: [{ type: 'missing', loc: ['query', 'dag_id'], msg: 'Field required' }] } });
  });

  it('finds nothing for executors and bundle versions, which do not exist here', async () => {
    expect((await rig.get('/api/v2/dags/~/dagRuns/~/taskInstances?executor=any')).body.total_entries).toBe(0);
    expect((await rig.get('/api/v2/dags?bundle_version=1')).body.total_entries).toBe(0);
    expect((await rig.get('/api/v2/dags/~/dagRuns?bundle_version=1')).body.total_entries).toBe(0);
  });
});
