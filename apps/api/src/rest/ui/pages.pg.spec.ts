import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
const UI = '/api/millrace/v1/ui';

beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('etl.ts', [{
    format: 1, dagId: 'etl', description: 'loads it', tags: ['night'], owners: ['ada'],
    tasks: [
      { taskId: 'read', operator: 'EmptyOperator' },
      { taskId: 'work.clean', operator: 'EmptyOperator', upstream: ['read'], group: 'work' },
      { taskId: 'mapped', operator: 'EmptyOperator', upstream: ['work.clean'] },
    ],
    groups: [{ groupId: 'work' }], edgeLabels: { read: { 'work.clean': 'good rows' } },
  }]);
  await rig.publish('other.ts', [{ format: 1, dagId: 'other', tags: ['day'], tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
  const [version] = await rig.sql<{ id: string }>(`select id from dag_version where dag_id = 'etl'`);
  for (const [index, state] of ['success', 'failed', 'running'].entries()) {
    const [run] = await rig.sql<{ id: string }>(
      `insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, logical_date, run_after, start_date, end_date)
       values (gen_random_uuid(), 'etl', $1, $2, $3, 'scheduled', 'timetable', $4::timestamptz, $4::timestamptz, $4::timestamptz, case when $3 = 'running' then null else $4::timestamptz + interval '90 seconds' end) returning id`,
      [`run-${index}`, version!.id, state, new Date(Date.now() - (3 - index) * 3_600_000)],
    );
    const instance = (task: string, path: string, of: string | null) => rig.sql(
      `insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, index_path, state, operator, try_number, queued_at, start_date, end_date)
       values (gen_random_uuid(), $1, 'etl', $2, $3, $4::int[], $5, 'EmptyOperator', 1, now() - interval '70 seconds', now() - interval '60 seconds', case when $5 in ('success', 'failed') then now() - interval '20 seconds' end)`,
      [run!.id, `run-${index}`, task, path, of],
    );
    await instance('read', '{}', 'success');
    await instance('work.clean', '{}', state === 'running' ? 'queued' : state);
    await instance('mapped', '{0}', state === 'failed' ? 'upstream_failed' : 'success');
    await instance('mapped', '{1}', state === 'running' ? null : 'failed');
  }
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('what the UI asks for', () => {
  it('lists dags with their newest runs, oldest first, and finds them by name, tag, owner, state and favour', async () => {
    const { body } = await rig.get(`${UI}/dags`);
    expect(body.dags.map((dag: { dag_id: string }) => dag.dag_id)).toEqual(['etl', 'other']);
    expect(body.total_entries).toBe(2);
    expect(body.dags[0]).toMatchObject({ tags: ['night'], tasks: 3, running: 1, is_favorite: false, recent: [{ run_id: 'run-0', state: 'success' }, { run_id: 'run-1', state: 'failed' }, { run_id: 'run-2', state: 'running' }] });
    await rig.call('POST', '/api/v2/dags/other/favorite');
    const found = async (query: string): Promise<string[]> => (await rig.get(`${UI}/dags?${query}`)).body.dags.map((dag: { dag_id: string }) => dag.dag_id);
    expect(await found('search=LOADS')).toEqual(['etl']);
    expect(await found('tags=day')).toEqual(['other']);
    expect(await found('owners=ada')).toEqual(['etl']);
    expect(await found('state=running')).toEqual(['etl']);
    expect(await found('state=failed')).toEqual([]);
    expect(await found('favorites=true')).toEqual(['other']);
    expect(await found('paused=true')).toEqual([]);
    expect((await rig.get(`${UI}/dags?limit=1&offset=5`)).body).toMatchObject({ dags: [], total_entries: 2 });
    expect((await rig.get(`${UI}/facets`)).body).toMatchObject({ total: 2, running: 1, tags: [{ name: 'day', dags: 1 }, { name: 'night', dags: 1 }] });
  });

  it('draws runs and tasks with a letter each, mapped tasks by what needs a look, page by page', async () => {
    const { body } = await rig.get(`${UI}/dags/etl/board?limit=2`);
    const at = (run: number, task: string): string => body.runs[run].cells[body.tasks.indexOf(task)];
    expect(body.runs.map((run: { run_id: string }) => run.run_id)).toEqual(['run-2', 'run-1']);
    expect([at(0, 'read'), at(0, 'work.clean'), at(0, 'mapped'), at(1, 'work.clean'), at(1, 'mapped')]).toEqual(['s', 'q', 'n', 'f', 'f']);
    expect(body.runs[1].mapped[body.tasks.indexOf('mapped')]).toEqual({ upstream_failed: 1, failed: 1 });
    const next = (await rig.get(`${UI}/dags/etl/board?limit=2&before=${encodeURIComponent(body.before)}`)).body;
    expect([next.runs.map((run: { run_id: string }) => run.run_id), next.before]).toEqual([['run-0'], null]);
    expect((await rig.get(`${UI}/dags/etl/board?state=failed`)).body.runs).toHaveLength(1);
  });

  it('gives a version its graph, a run its tasks, a dag its days and durations', async () => {
    const structure = (await rig.get(`${UI}/dags/etl/structure?version=1`)).body;
    expect(structure).toMatchObject({ groups: [{ id: 'work', label: 'work' }], edge_labels: { read: { 'work.clean': 'good rows' } } });
    expect((await rig.get(`${UI}/dags/etl/structure?version=9`)).status).toBe(404);
    const run = (await rig.get(`${UI}/dags/etl/dagRuns/run-1/tasks`)).body;
    expect(run.run).toMatchObject({ run_id: 'run-1', state: 'failed', version_number: 1 });
    expect(run.tasks.find((task: { task_id: string }) => task.task_id === 'mapped')).toMatchObject({ instances: 2, states: { upstream_failed: 1, failed: 1 } });
    const days = (await rig.get(`${UI}/dags/etl/calendar?zone=Asia/Shanghai`)).body.days as { runs: number }[];
    expect(days.reduce((sum, day) => sum + day.runs, 0)).toBe(3);
    expect((await rig.get(`${UI}/dags/etl/calendar?zone=Mars`)).status).toBe(400);
    expect((await rig.get(`${UI}/dags/etl/durations`)).body.tasks.find((task: { task_id: string }) => task.task_id === 'read')).toMatchObject({ tries: 3, wait_median: 10, run_median: 40 });
  });

  it('gives an instance its tries, its task and its neighbours', async () => {
    const page = (await rig.get(`${UI}/dags/etl/dagRuns/run-1/taskInstances/work.clean`)).body;
    expect(page).toMatchObject({ instance: { task_id: 'work.clean', state: 'failed' }, tries: [{ try_number: 1, state: 'failed' }], upstream: [{ task_id: 'read', state: 'success' }], downstream: [{ task_id: 'mapped', state: 'failed' }] });
    expect((await rig.get(`${UI}/dags/etl/dagRuns/run-1/taskInstances/mapped`)).body).toMatchObject({ instance: null, mapped: { total: 2 } });
    expect((await rig.get(`${UI}/dags/etl/dagRuns/run-1/taskInstances/mapped?map_index=1`)).body.instance).toMatchObject({ map_index: 1, state: 'failed' });
    expect((await rig.get(`${UI}/dags/etl/dagRuns/run-1/taskInstances/nope`)).status).toBe(404);
  });

  it('says what needs a look', async () => {
    const { body } = await rig.get(`${UI}/home`);
    expect(body.failed_runs).toMatchObject([{ run_id: 'run-1', failed_tasks: ['mapped', 'work.clean'] }]);
    // An old run that was cleared and has just failed again stands above one that failed before it.
    const [was] = await rig.sql<{ ended: string }>(`select end_date::text as ended from dag_run where run_id = 'run-0'`);
    await rig.sql(`update dag_run set state = 'failed', end_date = now() where run_id = 'run-0'`);
    expect((await rig.get(`${UI}/home`)).body.failed_runs.map((run: { run_id: string }) => run.run_id)).toEqual(['run-0', 'run-1']);
    await rig.sql(`update dag_run set state = 'success', end_date = $1::timestamptz where run_id = 'run-0'`, [was!.ended]);
    expect(body.active_runs).toMatchObject([{ run_id: 'run-2', done: 2, tasks: 4 }]);
    expect(body.waiting).toMatchObject([{ run_id: 'run-2', task_id: 'work.clean', state: 'queued' }]);
    expect(body.services.find((service: { kind: string }) => service.kind === 'scheduler')).toMatchObject({ alive: false });
  });

  it('shows nobody anything without a session', async () => {
    for (const path of ['dags', 'home', 'facets', 'backfills', 'dags/etl/board', 'dags/etl/dagRuns/run-1/tasks']) expect((await rig.get(`${UI}/${path}`, { token: null })).status, path).toBe(401);
  });
});
