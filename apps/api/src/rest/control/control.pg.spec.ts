import type { DagDocumentInput } from '@millrace/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
const document = { format: 1, dagId: 'con', holdAfterFailure: true, tasks: [{ taskId: 'a', operator: 'EmptyOperator' }, { taskId: 'b', operator: 'EmptyOperator', upstream: ['a'] }] } as unknown as DagDocumentInput;
const OURS = '/api/millrace/v1/dags/con';
const AIRFLOWS = '/api/v2/dags/con';
const trigger = async (runId: string): Promise<void> => void expect((await rig.call('POST', `${AIRFLOWS}/dagRuns`, { body: { dag_run_id: runId, logical_date: null } })).status).toBe(200);

beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('con.ts', [document]);
  await trigger('r');
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('why', () => {
  it('is told of runs and instances, by ours and by Airflow’s address', async () => {
    expect(await rig.get(`${OURS}/dagRuns/r/why`)).toMatchObject({ status: 200, body: { state: 'queued', reasons: [{ kind: 'to_be_decided' }] } });
    expect(await rig.get(`${OURS}/dagRuns/r/taskInstances/b/why`)).toMatchObject({ status: 200, body: { task_id: 'b', map_index: -1, state: null, reasons: [{ kind: 'run_queued', sentence: 'its run has not started yet' }, {}] } });
    expect((await rig.get(`${AIRFLOWS}/dagRuns/r/taskInstances/b/dependencies`)).body).toEqual({ dependencies: [{ name: 'run_queued', reason: 'its run has not started yet' }, { name: 'to_be_decided', reason: expect.any(String) as string }] });
    expect((await rig.get(`${AIRFLOWS}/dagRuns/r/taskInstances/b/-1/dependencies`)).status).toBe(200);
    expect((await rig.get(`${OURS}/dagRuns/zzz/why`)).status).toBe(404);
    expect((await rig.get(`${OURS}/dagRuns/r/taskInstances/zzz/why`)).status).toBe(404);
  });
});

describe('marks before the start, in bulk too', () => {
  it('are kept for when it starts', async () => {
    expect((await rig.call('PATCH', `${AIRFLOWS}/dagRuns/r/taskInstances/a`, { body: { new_state: 'success', note: 'by hand' } })).body).toMatchObject({ task_instances: [{ task_id: 'a', state: 'success', note: 'by hand' }] });
    const bulk = await rig.call('PATCH', `${AIRFLOWS}/dagRuns/r/taskInstances`, {
      body: { actions: [
        { action: 'update', entities: [{ task_id: 'b', new_state: 'skipped' }, { task_id: 'zzz', new_state: 'failed' }] },
        { action: 'create', entities: [{}] },
        { action: 'delete', entities: ['a'] },
      ] },
    });
    expect(bulk).toMatchObject({ status: 200, body: {
      update: { success: ['con.r.b[-1]'], errors: [{ status_code: 404 }] },
      create: { success: [], errors: [{ status_code: 405 }] },
      delete: { success: [], errors: [{ status_code: 409, error: expect.stringContaining('once it has ended') as string }] },
    } });
    expect((await rig.get(`${OURS}/dagRuns/r/taskInstances`)).body).toMatchObject({ task_instances: [{ task_id: 'a', reason: 'marked success by admin' }, { task_id: 'b', reason: 'marked skipped by admin' }] });
  });
});

describe('cancel, hold, switches', () => {
  it('cancel ends the run, once', async () => {
    await trigger('c');
    expect(await rig.call('POST', `${OURS}/dagRuns/c/cancel`, { body: {} })).toMatchObject({ status: 200, body: { state: 'failed' } });
    expect((await rig.call('POST', `${OURS}/dagRuns/c/cancel`, { body: {} })).status).toBe(409);
    expect((await rig.call('DELETE', `${AIRFLOWS}/dagRuns/c/taskInstances/b`)).status).toBe(200);
    expect((await rig.get(`${AIRFLOWS}/dagRuns/c/taskInstances`)).body.total_entries).toBe(1);
  });

  it('the failed run holds the dag until it is released', async () => {
    expect((await rig.get(`${OURS}/hold`)).body).toMatchObject({ held: true, held_by: 'c' });
    expect((await rig.call('POST', `${OURS}/release`, { body: {} })).body).toEqual({ dag_id: 'con', was_held_by: 'c' });
    expect((await rig.get(`${OURS}/hold`)).body).toMatchObject({ held: false, held_by: null });
  });

  it('a task is switched off and on', async () => {
    expect((await rig.call('PATCH', `${OURS}/taskSwitches/a`, { body: { off: true, note: 'dear' } })).body).toEqual({ dag_id: 'con', task_id: 'a', off: true, changed: true });
    expect((await rig.get(`${OURS}/taskSwitches`)).body).toMatchObject({ switches: [{ task_id: 'a', off_by: 'admin', note: 'dear' }], total_entries: 1 });
    expect((await rig.call('PATCH', `${OURS}/taskSwitches/a`, { body: { off: false } })).body.changed).toBe(true);
    expect((await rig.call('PATCH', `${OURS}/taskSwitches/zzz`, { body: { off: true } })).status).toBe(404);
    expect((await rig.call('PATCH', `${OURS}/taskSwitches/a`, { body: {} })).status).toBe(422);
  });

  it('each is written down once', async () => {
    expect(await rig.sql(`select event, count(*)::int as times from audit_log where event in ('cancel_dag_run', 'cancel', 'release_dag', 'release', 'switch_task_off', 'switch_task_on', 'switchTask') group by 1 order by 1`)).toEqual([
      { event: 'cancel_dag_run', times: 1 }, { event: 'release_dag', times: 1 }, { event: 'switch_task_off', times: 1 }, { event: 'switch_task_on', times: 1 },
    ]);
  });
});
