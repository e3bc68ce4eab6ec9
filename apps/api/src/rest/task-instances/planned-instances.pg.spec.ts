import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derivedUuid } from '@millrace/engine';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('waiting.ts', [
    {
      format: 1,
      dagId: 'waiting',
      tasks: [
        { taskId: 'first', operator: 'BashOperator', displayName: 'The first', retries: 2, queue: 'other', poolSlots: 3 },
        { taskId: 'second', operator: 'EmptyOperator', upstream: ['first'] },
      ],
    },
  ]);
  for (const runId of ['a', 'b']) expect((await rig.call('POST', '/api/v2/dags/waiting/dagRuns', { body: { dag_run_id: runId, logical_date: null } })).status).toBe(200);
});
afterAll(() => rig[Symbol.asyncDispose]());

const RUN = '/api/v2/dags/waiting/dagRuns/a';
const tasksOf = (answer: { body: any }): string[] => answer.body.task_instances.map((one: any) => `${one.dag_run_id}/${one.task_id}`);

describe('instances of a run that has not started', () => {
  it('are listed from its dag version, without a state, under the ids they will have', async () => {
    const { body } = await rig.get(`${RUN}/taskInstances?order_by=task_id`);
    expect(body.total_entries).toBe(2);
    expect(body.task_instances[0]).toMatchObject({
      task_id: 'first', task_display_name: 'The first', state: null, try_number: 0, max_tries: 2, queue: 'other', pool_slots: 3, priority_weight: 2, operator: 'BashOperator',
      map_index: -1, start_date: null, end_date: null, duration: null, queued_when: null, scheduled_when: null, hostname: '', rendered_fields: {}, executor_config: '{}',
    });
    const [run] = await rig.sql<{ id: string; ms: number }>(`select id, extract(epoch from queued_at)::float8 * 1000 as ms from dag_run where run_id = 'a'`);
    expect(body.task_instances[0].id).toBe(derivedUuid(run!.ms, `${run!.id}/first/`));
    expect((await rig.get(`${RUN}/taskInstances/first`)).body).toEqual(body.task_instances[0]);
    expect((await rig.get(`${RUN}/taskInstances/first/-1`)).body).toEqual(body.task_instances[0]);
    expect((await rig.get(`${RUN}/taskInstances/first/tries`)).body).toMatchObject({ total_entries: 1, task_instances: [{ state: null, try_number: 0 }] });
  });

  it('are filtered, ordered and paged with all others', async () => {
    expect(tasksOf(await rig.get('/api/v2/dags/waiting/dagRuns/~/taskInstances?order_by=-run_id&order_by=task_id'))).toEqual(['b/first', 'b/second', 'a/first', 'a/second']);
    expect((await rig.get('/api/v2/dags/~/dagRuns/~/taskInstances?limit=1&order_by=task_id&queue=other')).body).toMatchObject({ total_entries: 2, task_instances: [{ task_id: 'first' }] });
    expect((await rig.get(`${RUN}/taskInstances?state=none`)).body.total_entries).toBe(2);
    expect((await rig.get(`${RUN}/taskInstances?state=running`)).body.total_entries).toBe(0);
    expect(tasksOf(await rig.call('POST', '/api/v2/dags/~/dagRuns/~/taskInstances/list', { body: { dag_run_ids: ['b'], task_ids: ['second'], state: [null] } }))).toEqual(['b/second']);
  });

  it('can be marked before the run starts; an XCom has no try to belong to, and the answer says so', async () => {
    const body = { new_state: 'success' };
    expect(await rig.call('PATCH', `${RUN}/taskInstances/first/dry_run`, { body })).toMatchObject({ status: 200, body: { task_instances: [{ task_id: 'first', state: null }] } });
    expect(await rig.call('POST', `${RUN}/taskInstances/first/xcomEntries`, { body: { key: 'k', value: 1 } })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('has not started yet') } });
    expect((await rig.get(`${RUN}/taskInstances/first/logs/1`)).status).toBe(404);
  });

  it('leave out the tasks a run does not have, and are replaced by the stored ones', async () => {
    await rig.sql(`update dag_run set task_selection = '{second}' where run_id = 'b'`);
    expect(tasksOf(await rig.get('/api/v2/dags/waiting/dagRuns/b/taskInstances'))).toEqual(['b/second']);
    expect((await rig.get('/api/v2/dags/waiting/dagRuns/b/taskInstances/first')).status).toBe(404);
    await rig.sql(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, operator) select gen_random_uuid(), id, dag_id, run_id, 'second', 'scheduled', 'EmptyOperator' from dag_run where run_id = 'b'`);
    expect((await rig.get('/api/v2/dags/waiting/dagRuns/b/taskInstances')).body).toMatchObject({ total_entries: 1, task_instances: [{ state: 'scheduled' }] });
  });
});
