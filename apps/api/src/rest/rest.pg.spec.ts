import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { waitFor } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logPathOf } from '@millrace/task-logs';
import { ApiRig, PASSWORD } from '../testing/api-rig.js';
import { exampleBashOperator } from '../testing/documents.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('example_bash_operator.ts', [exampleBashOperator()], { code: 'export default 1;' });
  await rig.publish('two.ts', [{ format: 1, dagId: 'two', tags: ['example'], owners: ['ada'], tasks: [{ taskId: 'x', operator: 'EmptyOperator' }, { taskId: 'y', operator: 'EmptyOperator', upstream: ['x'], displayName: 'Why' }] }]);
});
afterAll(() => rig[Symbol.asyncDispose]());

const DAG = '/api/v2/dags/example_bash_operator';
const TWO = '/api/v2/dags/two';
const trigger = async (dag: string, body: object = {}): Promise<{ id: string; path: string; body: any }> => {
  const answer = await rig.call('POST', `${dag}/dagRuns`, { body });
  expect(answer.status, `${JSON.stringify(answer.body)}\n${rig.logged.join('\n')}`).toBe(200);
  return { id: answer.body.dag_run_id as string, path: `${dag}/dagRuns/${encodeURIComponent(answer.body.dag_run_id as string)}`, body: answer.body };
};
/** Instances of a run, as a scheduler's first decision would make them. */
const withInstances = async (dagId: string, runId: string, states: Readonly<Record<string, string | null>>, mapIndexes: readonly number[] = []): Promise<void> => {
  await rig.sql(`update dag_run set state = 'running', start_date = now() where dag_id = $1 and run_id = $2`, [dagId, runId]);
  for (const [taskId, state] of Object.entries(states)) {
    for (const index of mapIndexes.length > 0 ? mapIndexes : [null]) {
      await rig.sql(
        `insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, index_path, state, try_number, attempt_id, start_date, end_date, operator)
         select gen_random_uuid(), id, dag_id, run_id, $3, $4, $5, 1, gen_random_uuid(), now(), case when $5 = 'success' or $5 = 'failed' then now() end, 'EmptyOperator' from dag_run where dag_id = $1 and run_id = $2`,
        [dagId, runId, taskId, index === null ? [] : [index], state],
      );
    }
  }
};

describe('tokens', () => {
  it('are given for name and password as JSON or as a form, and needed everywhere else', async () => {
    const form = await fetch(`${rig.url}/auth/token`, { method: 'POST', body: new URLSearchParams({ username: 'admin', password: PASSWORD }) });
    expect(form.status).toBe(201);
    expect(Object.keys((await form.json()) as object)).toEqual(['access_token']);
    for (const path of ['/api/v2/dags', '/api/v2/dags/nope', '/api/millrace/v1/workers', '/admin/airflow/logs?dag_id=a&task_id=b&execution_date=2018-01-01', '/api/v2/config']) {
      expect(await rig.get(path, { token: null }), path).toMatchObject({ status: 401, body: { detail: 'Not authenticated' } });
      expect(await rig.get(path, { token: 'nonsense' }), path).toMatchObject({ status: 401, body: { detail: 'Invalid JWT token' } });
    }
    expect((await rig.get('/api/v2/version', { token: null })).status).toBe(200);
    expect((await rig.get('/api/v2/monitor/health', { token: null })).status).toBe(200);
  });

  it('are not given for a wrong password or an unknown name, and the answer repeats neither', async () => {
    for (const username of ['admin', 'nobody']) {
      const answer = await rig.call('POST', '/auth/token', { token: null, body: { username, password: 'wrong' } });
      expect(answer).toMatchObject({ status: 401, body: { detail: 'Invalid credentials' } });
    }
    const malformed = await rig.call('POST', '/auth/token', { token: null, body: { username: 'admin', pasword: 'hunter2' } });
    expect(malformed.status).toBe(422);
    expect(JSON.stringify(malformed.body)).not.toContain('hunter2');
  });

  it('end when their generation is raised, and carry the role', async () => {
    await rig.sql(`insert into app_user (name, password_hash, role) select 'vera', password_hash, 'Viewer' from app_user where name = 'admin'`);
    const token = await rig.login('vera');
    expect((await rig.get('/api/v2/dags', { token })).status).toBe(200);
    expect(await rig.call('POST', `${DAG}/dagRuns`, { token, body: {} })).toMatchObject({ status: 403, body: { detail: expect.stringContaining('may not create') as string } });
    expect((await rig.get('/api/v2/connections', { token })).status).toBe(403);
    await rig.sql(`update app_user set token_generation = token_generation + 1 where name = 'vera'`);
    await waitFor(async () => (await rig.get('/api/v2/dags', { token })).status === 401, { timeoutMs: 10_000, what: 'the revocation to be seen' });
  });
});

describe('dags', () => {
  const ids = async (queryText: string): Promise<string[]> => (await rig.get(`/api/v2/dags?${queryText}`)).body.dags.map((dag: { dag_id: string }) => dag.dag_id) as string[];

  it.each([
    ['', ['example_bash_operator', 'two']],
    ['order_by=-dag_id', ['two', 'example_bash_operator']],
    ['limit=1&offset=1', ['two']],
    ['limit=0', []],
    ['tags=example&tags=example2', ['example_bash_operator', 'two']],
    ['tags=example&tags=example2&tags_match_mode=all', ['example_bash_operator']],
    ['owners=ada', ['two']],
    ['dag_id_pattern=bash', ['example_bash_operator']],
    ['dag_id_pattern=bash|tw', ['example_bash_operator', 'two']],
    ['dag_id_pattern=e%25_bash', ['example_bash_operator']],
    ['paused=true', []],
    ['last_dag_run_state=failed', []],
    ['is_favorite=true', []],
    ['dag_run_state=success&dag_run_start_date_gte=2026-01-01T00:00:00Z', []],
    ['order_by=-last_run_start_date', ['example_bash_operator', 'two']],
  ])('?%s', async (queryText, expected) => {
    expect(await ids(queryText)).toEqual(expected);
  });

  it('refuse what cannot be', async () => {
    expect(await rig.get('/api/v2/dags/nope')).toMatchObject({ status: 404, body: { detail: 'Dag with id nope was not found' } });
    expect(await rig.get('/api/v2/dags?limit=-1')).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'limit'] }] } });
    expect(await rig.get('/api/v2/dags?order_by=pg_sleep(1)')).toMatchObject({ status: 400, body: { detail: expect.stringContaining("Ordering with 'pg_sleep(1)'") as string } });
    expect(await rig.call('PATCH', DAG, { body: { is_paused: true, owners: [] } })).toMatchObject({ status: 422, body: { detail: [{ type: 'extra_forbidden', loc: ['body', 'owners'], msg: 'Extra inputs are not permitted' }] } });
    expect(await rig.call('PATCH', DAG, { body: {} })).toMatchObject({ status: 422, body: { detail: [{ type: 'missing', loc: ['body', 'is_paused'], msg: 'Field required' }] } });
    expect((await rig.call('PATCH', '/api/v2/dags', { body: { is_paused: true } })).status).toBe(400);
    expect(await rig.call('PATCH', DAG, { body: '{"is_paused": tr' })).toMatchObject({ status: 422, body: { detail: [{ type: 'json_invalid', loc: ['body'] }] } });
    expect(await rig.call('PATCH', DAG, { body: '{"is_paused": true, "__proto__": {}}' })).toMatchObject({ status: 422 });
  });

  it('take a request without a body, also when its header announces JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    expect(await rig.call('DELETE', '/api/v2/dags/nope', { headers })).toMatchObject({ status: 404, body: { detail: 'Dag with id nope was not found' } });
    expect(await rig.call('DELETE', `${DAG}/dagRuns/nope`, { headers })).toMatchObject({ status: 404, body: { detail: expect.stringContaining('nope') as string } });
    expect(await rig.call('POST', `${DAG}/dagRuns`, { headers })).toMatchObject({ status: 422, body: { detail: [{ type: 'missing', loc: ['body'] }] } });
  });

  it('are paused alone and together', async () => {
    expect((await rig.call('PATCH', `${TWO}?update_mask=is_paused`, { body: { is_paused: true } })).body).toMatchObject({ dag_id: 'two', is_paused: true });
    expect(await ids('paused=true')).toEqual(['two']);
    expect((await rig.call('PATCH', '/api/v2/dags?dag_id_pattern=~', { body: { is_paused: false } })).body).toMatchObject({ total_entries: 2, dags: [{ is_paused: false }, { is_paused: false }] });
    expect(await ids('paused=true')).toEqual([]);
  });

  it('are favourites of one user', async () => {
    expect((await rig.call('POST', `${TWO}/favorite`)).status).toBe(204);
    expect(await ids('is_favorite=true')).toEqual(['two']);
    expect((await rig.get(`${TWO}/details`)).body.is_favorite).toBe(true);
    await rig.call('POST', `${TWO}/unfavorite`);
    expect(await ids('is_favorite=false')).toEqual(['example_bash_operator', 'two']);
  });

  it('show details, tasks, versions, source, tags and counts', async () => {
    expect((await rig.get(`${DAG}/details`)).body).toMatchObject({ dag_run_timeout: 'PT1H', timezone: 'UTC', start_date: '2021-01-01T00:00:00Z', latest_dag_version: { version_number: 1 } });
    expect((await rig.get(`${DAG}/tasks`)).body.tasks.map((task: { task_id: string }) => task.task_id)).toEqual(['also_run_this', 'run_after_loop', 'run_this_last', 'runme_0', 'runme_1', 'runme_2']);
    expect((await rig.get(`${DAG}/tasks/runme_0`)).body).toMatchObject({ downstream_task_ids: ['run_after_loop'], retry_delay: { __type: 'TimeDelta', days: 0, seconds: 300, microseconds: 0 } });
    expect(await rig.get(`${DAG}/tasks/zzz`)).toMatchObject({ status: 404, body: { detail: 'Task with id zzz was not found' } });
    expect((await rig.get(`${DAG}/dagVersions`)).body).toMatchObject({ total_entries: 1, dag_versions: [{ version_number: 1, dag_id: 'example_bash_operator' }] });
    expect((await rig.get(`${DAG}/dagVersions/9`)).status).toBe(404);
    expect((await rig.get('/api/v2/dagSources/example_bash_operator')).body).toMatchObject({ content: 'export default 1;', version_number: 1 });
    expect((await rig.get('/api/v2/dagSources/example_bash_operator', { headers: { accept: 'text/plain' } })).body).toBe('export default 1;');
    expect((await rig.get('/api/v2/dagTags')).body).toEqual({ tags: ['example', 'example2'], total_entries: 2 });
    expect((await rig.get('/api/v2/dagStats?dag_ids=two')).body.dags[0].stats).toHaveLength(4);
  });
});

describe('runs', () => {
  it('are triggered, with a conf, a note and a date of their own', async () => {
    const { body, path } = await trigger(DAG, { dag_run_id: 'mine 1', logical_date: '2018-01-11T00:00:00+00:00', conf: { n: 1 }, note: 'look' });
    expect(body).toMatchObject({ dag_run_id: 'mine 1', logical_date: '2018-01-11T00:00:00Z', state: 'queued', run_type: 'manual', triggered_by: 'rest_api', triggering_user_name: 'admin', conf: { n: 1 }, note: 'look' });
    expect((await rig.get(path)).body).toMatchObject({ dag_run_id: 'mine 1' });
  });

  it('refuse what cannot be', async () => {
    await trigger(TWO, { dag_run_id: 'there', logical_date: '2019-01-01' });
    expect(await rig.call('POST', '/api/v2/dags/nope/dagRuns', { body: {} })).toMatchObject({ status: 404, body: { detail: "DAG with dag_id: 'nope' not found" } });
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { dag_run_id: 'there' } })).status).toBe(409);
    expect(await rig.call('POST', `${TWO}/dagRuns`, { body: { logical_date: '2019-01-01T00:00:00Z' } })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('logical_date 2019-01-01') as string } });
    expect(await rig.call('POST', `${TWO}/dagRuns`, { body: { conf: [1] } })).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'conf'], msg: 'Input should be a valid dictionary' }] } });
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { logical_date: 'yesterday' } })).status).toBe(422);
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { data_interval_start: '2019-01-01' } })).status).toBe(422);
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { dag_run_id: '../../etc' } })).status).toBe(422);
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { conf: { a: 'a\0b' } } })).status).toBe(422);
    expect(await rig.get(`${TWO}/dagRuns/nope`)).toMatchObject({ status: 404, body: { detail: 'The DagRun with dag_id: `two` and run_id: `nope` was not found' } });
    expect((await rig.get('/api/v2/dags/nope/dagRuns')).status).toBe(404);
  });

  it('are listed by dag and over all of them, filtered, ordered and paged', async () => {
    const list = async (queryText: string, dag = '~'): Promise<string[]> => (await rig.get(`/api/v2/dags/${dag}/dagRuns?${queryText}`)).body.dag_runs.map((run: { dag_run_id: string }) => run.dag_run_id) as string[];
    expect(await list('logical_date_lte=2018-12-31')).toEqual(['mine 1']);
    expect(await list('logical_date_gte=2018-01-11T00:00:00+00:00&logical_date_lt=2020-01-01&order_by=-logical_date')).toEqual(['there', 'mine 1']);
    expect(await list('state=success')).toEqual([]);
    expect(await list('run_id_pattern=min', 'example_bash_operator')).toEqual(['mine 1']);
    expect(await list('conf_contains=%22n%22')).toEqual(['mine 1']);
    const batch = await rig.call('POST', '/api/v2/dags/~/dagRuns/list', { body: { dag_ids: ['two'], order_by: '-logical_date', page_limit: 1, states: ['queued'] } });
    expect(batch.body).toMatchObject({ dag_runs: [{ dag_run_id: 'there' }], total_entries: 1 });
  });

  it('are marked, noted, waited for, cleared and deleted', async () => {
    const { id, path } = await trigger(TWO, {});
    await withInstances('two', id, { x: 'failed', y: 'upstream_failed' });
    expect((await rig.call('POST', `${path}/clear`, { body: { only_failed: true } })).body).toMatchObject({ total_entries: 2, task_instances: [{ state: 'failed' }, { state: 'upstream_failed' }] });
    expect((await rig.call('PATCH', path, { body: { note: 'checked' } })).body).toMatchObject({ note: 'checked', state: 'running' });
    expect((await rig.call('PATCH', path, { body: { state: 'success' } })).body).toMatchObject({ state: 'success', note: 'checked' });
    expect((await rig.call('PATCH', path, { body: { state: 'running' } })).status).toBe(422);
    expect((await rig.get(`${path}/wait?interval=0.1`)).body).toBe('{"state":"success"}\n');
    expect((await rig.call('POST', `${path}/clear`, { body: { dry_run: false } })).body).toMatchObject({ dag_run_id: id });
    expect((await rig.get(path)).body.state).not.toBe('success');
    await rig.call('PATCH', path, { body: { state: 'failed' } });
    expect((await rig.call('DELETE', path)).status).toBe(204);
    expect((await rig.get(path)).status).toBe(404);
  });
});

describe('task instances', () => {
  it('are listed, found, mapped and filtered', async () => {
    const { id, path } = await trigger(TWO);
    await withInstances('two', id, { x: 'success' });
    await withInstances('two', id, { y: 'running' }, [0, 1, 2]);
    const list = async (queryText: string): Promise<string[]> => (await rig.get(`${path}/taskInstances?${queryText}`)).body.task_instances.map((one: any) => `${one.task_id}${one.map_index}`) as string[];
    expect(await list('')).toEqual(['x-1', 'y0', 'y1', 'y2']);
    expect(await list('state=running&order_by=-map_index')).toEqual(['y2', 'y1', 'y0']);
    expect(await list('map_index=1&map_index=-1')).toEqual(['x-1', 'y1']);
    expect(await list('state=none')).toEqual([]);
    expect((await rig.get(`${path}/taskInstances?task_group_id=zzz`)).status).toBe(404);
    expect((await rig.get(`${path}/taskInstances/x`)).body).toMatchObject({ map_index: -1, task_display_name: 'x' });
    expect((await rig.get(`${path}/taskInstances/y/2`)).body).toMatchObject({ map_index: 2, task_display_name: 'Why' });
    expect(await rig.get(`${path}/taskInstances/y`)).toMatchObject({ status: 404, body: { detail: expect.stringContaining('add the map_index') as string } });
    expect(await rig.get(`${path}/taskInstances/zzz`)).toMatchObject({ status: 404, body: { detail: expect.stringContaining('`zzz`') as string } });
    expect((await rig.get(`/api/v2/dags/~/dagRuns/~/taskInstances?run_id_pattern=${encodeURIComponent(id)}&limit=2`)).body).toMatchObject({ total_entries: 4 });
    const batch = await rig.call('POST', '/api/v2/dags/~/dagRuns/~/taskInstances/list', { body: { dag_ids: ['two'], dag_run_ids: [id], state: ['success'] } });
    expect(batch.body).toMatchObject({ total_entries: 1, task_instances: [{ task_id: 'x' }] });
    expect((await rig.get(`${path}/taskInstances/x/tries`)).body).toMatchObject({ total_entries: 1, task_instances: [{ try_number: 1, state: 'success' }] });
    expect((await rig.get(`${path}/taskInstances/x/tries/7`)).status).toBe(404);
  });

  it('are cleared with their neighbours; a dry run changes nothing', async () => {
    const { id } = await trigger(TWO);
    await withInstances('two', id, { x: 'failed', y: 'upstream_failed' });
    const clear = (body: object) => rig.call('POST', `${TWO}/clearTaskInstances`, { body: { dag_run_id: id, ...body } });
    expect((await clear({})).body).toMatchObject({ total_entries: 2 });
    expect((await clear({ task_ids: ['x'], include_downstream: true, only_failed: false })).body).toMatchObject({ total_entries: 2, task_instances: [{ task_id: 'x', state: 'failed' }, { task_id: 'y' }] });
    expect((await clear({ only_running: true })).status).toBe(422);
    expect((await clear({ task_ids: [] })).status).toBe(422);
    expect(await clear({ task_ids: ['x', 'zzz'] })).toMatchObject({ status: 404, body: { detail: expect.stringContaining("'zzz'") as string } });
    expect((await clear({ task_ids: ['x'], dry_run: false, include_downstream: true })).body).toMatchObject({ total_entries: 2 });
    const [x] = (await rig.get(`${TWO}/dagRuns/${encodeURIComponent(id)}/taskInstances?task_id=x`)).body.task_instances;
    expect(x.state).not.toBe('failed');
    expect((await rig.call('POST', `${TWO}/clearTaskInstances`, { body: { dag_run_id: 'nope' } })).status).toBe(404);
  });

  it('are marked and noted', async () => {
    const { id, path } = await trigger(TWO);
    await withInstances('two', id, { x: 'running', y: null });
    const x = `${path}/taskInstances/x`;
    expect((await rig.call('PATCH', `${x}/dry_run`, { body: { new_state: 'success' } })).body).toMatchObject({ total_entries: 1, task_instances: [{ state: 'running' }] });
    expect((await rig.call('PATCH', x, { body: { note: 'hm' } })).body).toMatchObject({ task_instances: [{ task_id: 'x', note: 'hm', state: 'running' }] });
    expect((await rig.call('PATCH', x, { body: { new_state: 'success' } })).body).toMatchObject({ task_instances: [{ task_id: 'x', state: 'success', note: 'hm' }] });
    expect((await rig.call('PATCH', x, { body: { new_state: 'running' } })).status).toBe(422);
    expect((await rig.call('PATCH', `${path}/taskInstances/zzz`, { body: { new_state: 'success' } })).status).toBe(404);
  });

  it('keep XComs', async () => {
    const { id, path } = await trigger(TWO);
    await withInstances('two', id, { x: 'success' });
    const entries = `${path}/taskInstances/x/xcomEntries`;
    expect(await rig.call('POST', entries, { body: { key: 'k', value: { a: [1] } } })).toMatchObject({ status: 201, body: { key: 'k', value: { a: [1] }, map_index: -1, run_id: id } });
    expect((await rig.call('POST', entries, { body: { key: 'k', value: 1 } })).status).toBe(409);
    expect((await rig.get(`${entries}/k?stringify=true`)).body.value).toBe('{"a":[1]}');
    expect((await rig.call('PATCH', `${entries}/k`, { body: { value: 2 } })).body.value).toBe(2);
    expect((await rig.get(entries)).body).toMatchObject({ total_entries: 1, xcom_entries: [{ key: 'k' }] });
    expect((await rig.get(`${path}/taskInstances/~/xcomEntries`)).body).toMatchObject({ total_entries: 1 });
    expect(await rig.get(`${path}/taskInstances/zzz/xcomEntries`)).toMatchObject({ status: 404, body: { detail: expect.stringContaining('`zzz`') as string } });
    expect(await rig.get('/api/v2/dags/nope/dagRuns/~/taskInstances/~/xcomEntries')).toMatchObject({ status: 404, body: { detail: expect.stringContaining('nope') as string } });
    expect((await rig.call('DELETE', `${entries}/k`)).status).toBe(204);
    expect((await rig.get(`${entries}/k`)).status).toBe(404);
  });
});

describe('logs', () => {
  it('are read as JSON, NDJSON and text, from where a token says', async () => {
    const { id, path } = await trigger(TWO, { logical_date: '2017-05-05' });
    await withInstances('two', id, { x: 'success' });
    const file = join(rig.logsFolder, logPathOf({ dagId: 'two', runId: id, taskId: 'x', indexPath: [], tryNumber: 1 }));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '[2026-05-23T04:48:18.035+0000] {task.stdout} INFO - hello\n\tand more\nbare\n');
    const log = `${path}/taskInstances/x/logs/1`;
    const json = (await rig.get(log)).body;
    expect(json.content[0]).toMatchObject({ event: '::group::Log message source details', sources: [file] });
    expect(json.content.slice(-2)).toEqual([{ timestamp: '2026-05-23T04:48:18.035000Z', event: 'hello\nand more', level: 'info', logger: 'task.stdout' }, { event: 'bare' }]);
    expect(json.continuation_token).toBeNull();
    const text = (await rig.get(log, { headers: { accept: 'text/plain' } })).body as string;
    expect(text).toMatch(/^\*\*\* Reading local file: .*\n\[2026.*hello\n\tand more\nbare\n$/);
    const ndjson = ((await rig.get(log, { headers: { accept: 'application/x-ndjson' } })).body as string).trim().split('\n').map((line) => JSON.parse(line) as { event: string });
    expect(ndjson.at(-1)).toEqual({ event: 'bare' });
    expect((await rig.get(`/admin/airflow/logs?dag_id=two&task_id=x&execution_date=2017-05-05T00:00:00`)).body).toContain('hello');
    expect((await rig.get(`${log}?token=made-up`)).status).toBe(400);
    expect(await rig.get(`${path}/taskInstances/x/logs/9`)).toMatchObject({ status: 404, body: { detail: expect.stringContaining('its tries are 1') as string } });
    expect((await rig.get(`/api/millrace/v1${path.slice('/api/v2'.length)}/taskInstances/x/logs/1/stream`)).body).toContain('bare');
  });

  it('are read page by page from their end, and searched, without a message torn', async () => {
    const { id, path } = await trigger(TWO, { logical_date: '2017-05-06' });
    await withInstances('two', id, { x: 'success' });
    const file = join(rig.logsFolder, logPathOf({ dagId: 'two', runId: id, taskId: 'x', indexPath: [], tryNumber: 1 }));
    await mkdir(dirname(file), { recursive: true });
    const messages = Array.from({ length: 200 }, (_, n) => `[2026-05-23T04:48:18.035+0000] {task.stdout} INFO - number ${n}${n === 77 ? ' Needle' : ''}\n\tand more of ${n}\n`);
    await writeFile(file, messages.join(''));
    const log = `/api/millrace/v1${path.slice('/api/v2'.length)}/taskInstances/x/logs/1`;
    const seen: string[] = [];
    let page = (await rig.get(`${log}/page?max_bytes=3000`)).body;
    expect(page).toMatchObject({ size: messages.join('').length, next_byte: messages.join('').length, is_over: true });
    for (let pages = 1; pages < 100; pages++) {
      seen.unshift(...page.content.map((event: { event: string }) => event.event));
      if (page.first_byte === 0) break;
      const { first_byte: first } = page;
      page = (await rig.get(`${log}/page?max_bytes=3000&before=${first}`)).body;
      expect(page.next_byte).toBe(first);
    }
    expect(seen.slice(0, 3)).toEqual(['::group::Log message source details', expect.stringContaining('Reading local file') as string, '::endgroup::']);
    expect(seen.slice(3)).toEqual(messages.map((_, n) => `number ${n}${n === 77 ? ' Needle' : ''}\nand more of ${n}`));
    const { matches, next_byte: next } = (await rig.get(`${log}/search?text=needle`)).body;
    expect([matches, next]).toEqual([[{ byte: messages.slice(0, 77).join('').length, text: expect.stringContaining('number 77 Needle') as string }], null]);
    expect((await rig.get(`${log}/page?max_bytes=1024&after=${matches[0].byte}`)).body.content[0].event).toContain('Needle');
    const first = (await rig.get(`${log}/search?text=more&limit=150`)).body;
    const rest = (await rig.get(`${log}/search?text=more&limit=150&after=${first.next_byte}`)).body;
    expect([first.matches.length, rest.matches.length, rest.next_byte]).toEqual([150, 50, null]);
    expect((await rig.get(`${log}/page?before=1&after=1`)).status).toBe(422);
    expect((await rig.get(`${log}/search?text=`)).status).toBe(422);
  });

  it('go on while the task runs, and say where nothing was found', async () => {
    const { id, path } = await trigger(TWO);
    await withInstances('two', id, { x: 'running' });
    const body = (await rig.get(`${path}/taskInstances/x/logs/1`)).body;
    expect(body.content.map((event: { event: string }) => event.event)).toContainEqual(expect.stringContaining("*** Log file isn't local"));
    expect(body.continuation_token).toEqual(expect.any(String));
    expect((await rig.get(`${path}/taskInstances/x/logs/1?token=${body.continuation_token}`)).status).toBe(200);
  });
});

describe('ours', () => {
  it('runs one task at a date, and again', async () => {
    const body = { task_id: 'runme_0', logical_date: '2018-01-12' };
    const first = await rig.call('POST', '/api/millrace/v1/dags/example_bash_operator/taskRuns', { body });
    expect(first).toMatchObject({ status: 200, body: { task_id: 'runme_0', try_number: 1 } });
    await withInstances('example_bash_operator', first.body.dag_run_id, { runme_0: 'success' });
    expect((await rig.call('POST', '/api/millrace/v1/dags/example_bash_operator/taskRuns', { body })).body).toEqual({ dag_run_id: first.body.dag_run_id, task_id: 'runme_0', try_number: 2 });
    expect((await rig.call('POST', '/api/millrace/v1/dags/example_bash_operator/taskRuns', { body: { ...body, task_id: 'zzz' } })).status).toBe(404);
    expect((await rig.get('/api/millrace/v1/services?kind=api')).body).toMatchObject({ total_entries: 1, services: [{ kind: 'api', alive: true, partitions: [] }] });
    expect((await rig.get('/api/millrace/v1/workers')).body).toMatchObject({ total_entries: 0 });
  });

  it('says which doorbell partitions each living scheduler has, each partition once', async () => {
    await rig.sql(`insert into service_instance (id, kind, hostname, ended_at) values ('one', 'scheduler', 'h', null), ('two', 'scheduler', 'h', null), ('gone', 'scheduler', 'h', now())`);
    const { services } = (await rig.get('/api/millrace/v1/services?kind=scheduler')).body as { services: { id: string; partitions: number[] }[] };
    const of = (id: string): number[] => services.find((service) => service.id === id)!.partitions;
    expect(of('one').length * of('two').length).toBeGreaterThan(0);
    expect([...of('one'), ...of('two')].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, partition) => partition));
    expect(of('gone')).toEqual([]);
    await rig.sql(`delete from service_instance where id in ('one', 'two', 'gone')`);
  });
});

describe('backfills', () => {
  it('are planned, made, paused and cancelled', async () => {
    const body = { dag_id: 'example_bash_operator', from_date: '2026-01-10', to_date: '2026-01-11' };
    expect((await rig.call('POST', '/api/v2/backfills/dry_run', { body })).body).toEqual({
      backfills: [{ logical_date: '2026-01-10T00:00:00Z', partition_key: null, partition_date: null }, { logical_date: '2026-01-11T00:00:00Z', partition_key: null, partition_date: null }], total_entries: 2,
    });
    expect((await rig.call('POST', '/api/millrace/v1/backfills/dry_run', { body })).body).toMatchObject({ counts: { create: 2, clear: 0, skip: 0 }, runs: [{ logical_date: '2026-01-10T00:00:00Z', action: 'create', existing_state: null }, {}] });
    const made = await rig.call('POST', '/api/v2/backfills', { body });
    expect((await rig.get(`/api/millrace/v1/backfills/${made.body.id}`)).body).toMatchObject({ state: 'running', dates: 2, done: 0, runs: { queued: 2, running: 0 }, skipped: {}, run_on_latest_version: true });
    expect((await rig.get(`/api/millrace/v1/backfills/${made.body.id}/dates?limit=1`)).body).toMatchObject({ total_entries: 2, dates: [{ ordinal: 1, logical_date: '2026-01-10T00:00:00Z', state: 'queued', exception_reason: null }] });
    expect(made).toMatchObject({ status: 200, body: { dag_id: 'example_bash_operator', from_date: '2026-01-10T00:00:00Z', reprocess_behavior: 'none', max_active_runs: 10, is_paused: false, completed_at: null } });
    const path = `/api/v2/backfills/${made.body.id}`;
    expect((await rig.call('PUT', `${path}/pause`)).body.is_paused).toBe(true);
    expect((await rig.call('PUT', `${path}/unpause`)).body.is_paused).toBe(false);
    expect((await rig.call('PUT', `${path}/cancel`)).body.completed_at).not.toBeNull();
    expect((await rig.call('PUT', `${path}/cancel`)).status).toBe(409);
    expect((await rig.get(`/api/millrace/v1/backfills/${made.body.id}`)).body).toMatchObject({ state: 'cancelled', done: 2, runs: { failed: 2 } });
    expect((await rig.get('/api/v2/backfills?dag_id=example_bash_operator')).body).toMatchObject({ total_entries: 1 });
    expect((await rig.get('/api/v2/backfills/4711')).status).toBe(404);
    expect((await rig.call('POST', '/api/v2/backfills', { body: { ...body, dag_id: 'nope' } })).status).toBe(404);
    expect((await rig.call('POST', '/api/v2/backfills', { body: { ...body, to_date: '2025-01-01' } })).status).toBe(422);
  });
});

describe('settings', () => {
  /** What the audit log's lines of an event say, oldest first. */
  const audited = async (event: string) => ((await rig.get(`/api/v2/eventLogs?event=${event}&order_by=id&limit=100`)).body.event_logs as { extra: string }[]).map((line) => JSON.parse(line.extra) as { before: unknown; after: unknown; replaced?: string[] });
  /** What the last of them says was there before. */
  const before = async (event: string) => (await audited(event)).at(-1)?.before;

  it('pools', async () => {
    expect(await rig.call('POST', '/api/v2/pools', { body: { name: 'small', slots: 2 } })).toMatchObject({ status: 201, body: { name: 'small', slots: 2, open_slots: 2, include_deferred: false } });
    expect((await rig.call('POST', '/api/v2/pools', { body: { name: 'small', slots: 2 } })).status).toBe(409);
    expect((await rig.call('PATCH', '/api/v2/pools/small?update_mask=slots', { body: { slots: 3, description: 'ignored' } })).body).toMatchObject({ slots: 3, description: null });
    expect((await rig.get('/api/v2/pools?pool_name_pattern=sma')).body.total_entries).toBe(1);
    expect((await rig.call('DELETE', '/api/v2/pools/default_pool')).status).toBe(400);
    expect((await rig.call('DELETE', '/api/v2/pools/small')).status).toBe(204);
    expect((await rig.get('/api/v2/pools/small')).status).toBe(404);
    await rig.call('PATCH', '/api/v2/pools', { body: { actions: [{ action: 'create', entities: [{ name: 'bulk', slots: 1 }] }, { action: 'update', entities: [{ name: 'default_pool', slots: -1 }] }] } });
    expect(await before('patch_pool')).toEqual({ slots: 2, description: null, include_deferred: false, team_name: null });
    expect(await before('delete_pool')).toMatchObject({ slots: 3 });
    expect(await audited('bulk_pools')).toMatchObject([
      { pool_name: 'bulk', before: null, after: { slots: 1 } },
      { pool_name: 'default_pool', before: { slots: -1, description: 'Default pool', include_deferred: false, team_name: null }, after: { slots: -1 } },
    ]);
    expect((await rig.call('DELETE', '/api/v2/pools/bulk')).status).toBe(204);
  });

  it('variables and connections, whose secrets are never shown, stored or logged as they are', async () => {
    const canary = 'canary-5f3a';
    expect((await rig.call('POST', '/api/v2/variables', { body: { key: 'bucket', value: 'b1' } })).body).toMatchObject({ key: 'bucket', value: 'b1', is_encrypted: true });
    expect((await rig.call('POST', '/api/v2/variables', { body: { key: 'api_token', value: canary } })).body).toMatchObject({ value: '***' });
    expect((await rig.call('PATCH', '/api/v2/variables/bucket', { body: { key: 'bucket', value: { password: canary, n: 1 } } })).body.value).toBe('{"password":"***","n":1}');
    const connection = { connection_id: 'wh', conn_type: 'postgres', host: 'h', port: 5432, login: 'u', password: canary, extra: JSON.stringify({ token: canary, sslmode: 'require' }) };
    expect(await rig.call('POST', '/api/v2/connections', { body: connection })).toMatchObject({ status: 201, body: { password: '***', extra: '{"token":"***","sslmode":"require"}' } });
    expect((await rig.call('POST', '/api/v2/connections', { body: connection })).status).toBe(409);
    expect((await rig.call('PATCH', '/api/v2/connections/wh', { body: { connection_id: 'wh', conn_type: 'postgres', password: '***' } })).body).toMatchObject({ password: '***', host: 'h' });
    expect((await rig.get('/api/v2/connections')).body.total_entries).toBe(1);
    expect(await before('patch_variable')).toEqual({ value: '***', description: null, team_name: null });
    expect(await before('patch_connection')).toEqual({ conn_type: 'postgres', description: null, host: 'h', port: 5432, schema: null, team_name: null, login: '***', password: '***', extra: '***' });
    expect(await audited('patch_connection')).toMatchObject([{ after: { host: 'h' } }]);
    expect((await audited('patch_variable')).at(-1)).toMatchObject({ after: { value: '***' }, replaced: ['value'] });
    // A request that changes nothing leaves no line.
    expect((await rig.call('DELETE', '/api/v2/variables/nobody')).status).toBe(404);
    expect(await audited('delete_variable')).toEqual([]);
    for (const table of ['variable', 'connection', 'audit_log']) expect(JSON.stringify(await rig.sql(`select * from ${table}`)), table).not.toContain(canary);
    expect(rig.logged.join('\n')).not.toContain(canary);
    expect((await rig.call('DELETE', '/api/v2/connections/wh')).status).toBe(204);
    expect((await rig.call('DELETE', '/api/v2/variables/api_token')).status).toBe(204);
  });

  it('configuration without secrets', async () => {
    const { body } = await rig.get('/api/v2/config');
    expect(JSON.stringify(body)).not.toContain('internal token for specs');
    expect((await rig.get('/api/v2/config/section/api/option/token_ttl_seconds')).body).toEqual({ sections: [{ name: 'api', options: [{ key: 'token_ttl_seconds', value: '86400' }] }] });
    expect((await rig.get('/api/v2/config?section=nope')).status).toBe(404);
  });
});

describe('the rest', () => {
  it('shows import errors and the audit log', async () => {
    await rig.publish('broken.ts', ['{']);
    const { body } = await rig.get('/api/v2/importErrors?filename_pattern=broken');
    expect(body).toMatchObject({ total_entries: 1, import_errors: [{ filename: 'broken.ts', bundle_name: 'dags' }] });
    expect((await rig.get(`/api/v2/importErrors/${body.import_errors[0].import_error_id}`)).status).toBe(200);
    expect((await rig.get('/api/v2/importErrors/999')).status).toBe(404);
    expect((await rig.get('/api/v2/eventLogs?event=post_pool')).body).toMatchObject({ total_entries: 1, event_logs: [{ owner: 'admin', event: 'post_pool' }] });
    expect((await rig.get('/api/v2/eventLogs?event=trigger_dag_run&dag_id=two&limit=1')).body.event_logs[0]).toMatchObject({ dag_id: 'two', owner: 'admin' });
    expect((await rig.get('/api/v2/jobs?is_alive=true')).body).toMatchObject({ jobs: [{ job_type: 'ApiJob', state: 'running' }] });
  });

  it('says what is not there, and what is too large', async () => {
    expect(await rig.get('/api/v2/nonsense')).toMatchObject({ status: 404, body: { detail: expect.any(String) as string } });
    expect((await rig.get('/api/v2/plugins')).body).toEqual({ plugins: [], total_entries: 0 });
    expect((await rig.get('/api/v2/nonsense')).headers.get('x-content-type-options')).toBe('nosniff');
    expect((await rig.call('POST', `${TWO}/dagRuns`, { body: { conf: { a: 'x'.repeat(1_100_000) } } })).status).toBe(413);
  });

  it.each([
    ['GET', '/api/v2/dags/%00', undefined],
    ['GET', '/api/v2/backfills/abc', undefined],
    ['GET', '/api/v2/backfills/999999999999999999999', undefined],
    ['GET', '/api/v2/dags/two/dagVersions/99999999999', undefined],
    ['GET', '/api/v2/dags?offset=99999999999', undefined],
    ['GET', '/api/v2/dags/~/dagRuns?dag_version=99999999999', undefined],
    ['GET', '/api/v2/dags/~/dagRuns?run_after_gte=2018-13-99', undefined],
    ['GET', '/api/v2/dags/~/dagRuns?duration_gte=x', undefined],
    ['POST', '/api/v2/pools', { name: 'p', slots: 1, team_name: 'ghosts' }],
    ['POST', '/api/v2/pools', { name: 'p', slots: 1e12 }],
    ['POST', '/api/v2/pools', 'null'],
    ['POST', '/api/v2/pools', '[]'],
    ['POST', '/api/v2/pools', '{"__proto__": {"slots": 1}, "name": "p"}'],
  ])('refuses %s %s %j with the caller\'s fault', async (method, path, body) => {
    const answer = await rig.call(method, path, body === undefined ? {} : { body });
    expect([400, 404, 422], JSON.stringify(answer.body)).toContain(answer.status);
  });

  it('deletes a dag with its history', async () => {
    await rig.publish('gone.ts', [{ format: 1, dagId: 'gone', tasks: [{ taskId: 'a', operator: 'EmptyOperator' }] }]);
    const { path } = await trigger('/api/v2/dags/gone');
    expect((await rig.call('DELETE', '/api/v2/dags/gone')).status).toBe(409);
    await rig.call('PATCH', path, { body: { state: 'failed' } });
    expect((await rig.call('DELETE', '/api/v2/dags/gone')).status).toBe(204);
    expect((await rig.get('/api/v2/dags/gone')).status).toBe(404);
  });

  it('fails nowhere with 500', () => {
    expect(rig.logged.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});
