import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Metadata, credentials, status } from '@grpc/grpc-js';
import { workflowsProto } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '@millrace/test-services';
import { ApiRig } from '../../testing/api-rig.js';
import type { Answer } from '../../testing/api-rig.js';
import { CONTROLLERS } from '../api.module.js';
import { OPERATIONS } from '../openapi/operations.js';
import { routesOf } from '../openapi/operation.js';
import type { RouteFacts } from '../openapi/operation.js';

/** What only dag `closed` holds; the caller below never says it. */
const CANARY = /canary/i;
const PASSWORD = 'violet tractor seldom sings';
const V1 = '/api/millrace/v1';
const CLOSED = '/api/v2/dags/closed';
const T = '2026-01-01T00:00:00Z';

/** Of every path; the ids of what the closed dag has are put in before the first test. */
const IDS: Record<string, string> = {
  dag_id: 'closed', dag_run_id: 'r1', task_id: 'write', map_index: '-1', try_number: '1', task_try_number: '1', xcom_key: 'k', version_number: '1', key: 'kept', state_id: 'kept',
  section: 'core', option: 'home', pool_name: 'secret_pool', variable_key: 'red_variable', connection_id: 'secret_connection', asset_name: 'hidden', key_: '',
  token: 'nonsense', user_name: 'admin', role_name: 'Viewer', team_name: 'red', worker_name: 'nobody', token_id: 'nonsense', parked_id: '1',
  bundle: 'deployed', revision: '1', sha256: 'a'.repeat(64),
};

/** Bodies of routes that act on what the body names, or that are checked before they look. */
const BODIES: Record<string, (dagId: string) => unknown> = {
  create_backfill: () => ({ dag_id: 'closed', from_date: T, to_date: '2026-01-03T00:00:00Z' }),
  create_backfill_dry_run: () => ({ dag_id: 'closed', from_date: T, to_date: '2026-01-03T00:00:00Z' }),
  'BackfillsController.preview': () => ({ dag_id: 'closed', from_date: T, to_date: '2026-01-03T00:00:00Z' }),
  create_asset_event: () => ({ asset_id: Number(IDS['asset_id']) }),
  materialize_asset: () => ({}),
  get_list_dag_runs_batch: () => ({ dag_ids: ['closed'] }),
  get_task_instances_batch: () => ({ dag_ids: ['closed'] }),
  bulk_task_instances: () => ({ actions: [{ action: 'update', entities: [{ dag_id: 'closed', dag_run_id: 'r1', task_id: 'write', new_state: 'failed' }] }, { action: 'delete', entities: [{ dag_id: 'closed', dag_run_id: 'r1', task_id: 'write' }] }] }),
  patch_dags: () => ({ is_paused: true }),
  patch_dag: () => ({ is_paused: true }),
  trigger_dag_run: () => ({ logical_date: null }),
  patch_dag_run: () => ({ state: 'failed' }),
  clear_dag_run: () => ({ dry_run: false }),
  post_clear_task_instances: () => ({ dry_run: false, only_failed: false }),
  patch_task_instance: () => ({ new_state: 'failed' }), patch_task_instance_by_map_index: () => ({ new_state: 'failed' }),
  patch_task_instance_dry_run: () => ({ new_state: 'failed' }), patch_task_instance_dry_run_by_map_index: () => ({ new_state: 'failed' }),
  create_xcom_entry: () => ({ key: 'new', value: 1 }), update_xcom_entry: () => ({ value: 1 }),
  update_hitl_detail: () => ({ chosen_options: ['yes'] }),
  patch_pool: () => ({ name: 'secret_pool', slots: 5 }), bulk_pools: () => ({ actions: [{ action: 'delete', entities: ['secret_pool'] }, { action: 'update', entities: [{ name: 'secret_pool', slots: 7 }] }] }),
  patch_variable: () => ({ key: 'red_variable', value: 'x' }), bulk_variables: () => ({ actions: [{ action: 'delete', entities: ['red_variable'] }] }),
  patch_connection: () => ({ connection_id: 'secret_connection', conn_type: 'http' }), bulk_connections: () => ({ actions: [{ action: 'delete', entities: ['secret_connection'] }] }),
  'WaitingController.resume': () => ({ payload: 1 }),
  'StatesController.setOfTask': () => ({ value: 1 }), 'StatesController.setOfAsset': () => ({ value: 1 }),
  'MillraceController.runTask': () => ({ task_id: 'write', logical_date: T }),
  'ControlController.switchTask': () => ({ off: true }),
  'RerunsController.plan': () => ({ run_ids: ['r1'] }),
};
/** Queries without which a route does not look. */
const QUERIES: Record<string, string> = {
  list_backfills: 'dag_id=closed', wait_dag_run_until_finished: 'interval=1', get_dag_stats: 'dag_ids=closed', 'MillraceController.getFoundingLog': `dag_id=closed&task_id=write&execution_date=${T}`,
  patch_dags: 'dag_id_pattern=~', 'RunBoardController.getBackfills': 'dag_id=closed',
};
/** Ends only when the caller goes away; has a test of its own. */
const FOLLOWED = new Set(['UpdatesController.follow', 'LogsController.follow']);
/** Nothing of a dag, a team's settings or an asset is in these: they name only the caller's own, or the installation's. */
const NOT_OF_DAGS = new Set(['plugin', 'provider', 'health']);

let rig: ApiRig;
let sly: string;
let routes: readonly RouteFacts[];

beforeAll(async () => {
  rig = await ApiRig.open();
  const asset = (name: string) => ({ name, uri: `s3://${name}` });
  await rig.publish('closed.ts', [{
    format: 1, dagId: 'closed', displayName: 'Canary title', description: 'canary', tags: ['canary'], schedule: { kind: 'assets', condition: { asset: asset('shared') } } as never, params: { p: { value: 'canary' } } as never,
    tasks: [{ taskId: 'write', operator: 'CanaryOperator', outlets: [asset('hidden'), asset('shared')], pool: 'canary_pool' } as never],
  }], { code: '// canary source' });
  await rig.publish('open.ts', [{ format: 1, dagId: 'open', tags: ['plain'], tasks: [{ taskId: 'read', operator: 'EmptyOperator', inlets: [asset('shared')] } as never] }]);
  const must = async (answer: Promise<Answer>): Promise<any> => {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body;
  };
  await must(rig.call('POST', `${CLOSED}/dagRuns`, { body: { dag_run_id: 'r1', logical_date: T, conf: { p: 'canary' }, note: 'canary' } }));
  await must(rig.call('POST', '/api/v2/dags/open/dagRuns', { body: { dag_run_id: 'r1', logical_date: T } }));
  for (const [dag, task] of [['closed', 'write'], ['open', 'read']]) await must(rig.call('PATCH', `/api/v2/dags/${dag}/dagRuns/r1/taskInstances/${task}`, { body: { note: dag === 'closed' ? 'canary' : 'plain' } }));
  // States as schedulers would have left them, without the arrows between.
  const bare = (statements: string) => rig.sql(`begin; set local session_replication_role = replica; ${statements}; commit`);
  await bare(`update dag_run set state = 'running', start_date = now(); update task_instance set state = case dag_id when 'closed' then 'awaiting_input' else 'running' end, try_number = 1, start_date = now()`);
  await must(rig.call('POST', `${CLOSED}/dagRuns/r1/taskInstances/write/xcomEntries`, { body: { key: 'k', value: 'canary' } }));
  await rig.sql(`insert into hitl_detail (instance_id, try_number, dag_run_id, dag_id, run_id, task_id, subject, options) select id, 1, dag_run_id, dag_id, run_id, task_id, 'canary?', '{yes,no}' from task_instance where dag_id = 'closed'`);
  const log = join(rig.logsFolder, logPathOf({ dagId: 'closed', runId: 'r1', taskId: 'write', indexPath: [], tryNumber: 1 }));
  await mkdir(dirname(log), { recursive: true });
  await writeFile(log, 'canary in the log\n');
  const [backfill] = await rig.sql<{ id: string }>(`insert into backfill (dag_id, from_date, to_date, max_active_runs, triggering_user_name) values ('closed', now(), now(), 1, 'canary') returning id`);
  const [error] = await rig.sql<{ id: string }>(`insert into import_error (bundle_name, relative_fileloc, fileloc, stack_trace) values ('dags', 'closed.ts', '/dags/closed.ts', 'canary failed') returning id`);
  const [hidden] = await rig.sql<{ id: string }>(`select id from asset where name = 'hidden'`);
  await rig.sql(`insert into asset_event (asset_id, extra, source_dag_id, source_run_id, source_task_id) select id, '{"x":"canary"}', 'closed', 'r1', 'write' from asset`);
  await rig.sql(`insert into asset_queued_event (asset_id, dag_id, event_id) select e.asset_id, 'closed', e.id from asset_event e`);
  const [watcher] = await rig.sql<{ id: string }>(`insert into asset_watcher (asset_id, name, kind, config) select id, 'canary', 'file', '{}' from asset where name = 'hidden' returning id`);
  await rig.sql(`insert into asset_watcher_parked (watcher_id, item, content, error) select id, 'canary', 'canary', 'canary' from asset_watcher`);
  await must(rig.call('PUT', `${V1}/dags/closed/tasks/write/states/kept`, { body: { value: 'canary' } }));
  await must(rig.call('PUT', `${V1}/assets/hidden/states/kept`, { body: { value: 'canary' } }));
  for (const name of ['blue', 'red']) await must(rig.call('POST', `${V1}/teams`, { body: { name, sources: [`nothing-${name}`] } }));
  await must(rig.call('POST', '/api/v2/pools', { body: { name: 'secret_pool', slots: 3, description: 'canary', team_name: 'red' } }));
  await must(rig.call('POST', '/api/v2/variables', { body: { key: 'red_variable', value: 'canary', team_name: 'red' } }));
  await must(rig.call('POST', '/api/v2/connections', { body: { connection_id: 'secret_connection', conn_type: 'http', host: 'canary', team_name: 'red' } }));
  const [line] = await rig.sql<{ id: string }>(`select id from audit_log where dag_id = 'closed' order by id limit 1`);
  const file = Buffer.from(JSON.stringify({ bundle_name: 'dags', relative_fileloc: 'closed.ts' })).toString('base64url');
  const alias = (await rig.sql<{ id: string }>(`with made as (insert into asset_alias (name, asset_group) values ('canary_alias', 'canary') returning id), tied as (insert into asset_alias_asset (alias_id, asset_id) select made.id, a.id from made, asset a where a.name = 'hidden') select id from made`))[0]!;
  const rerun = await must(rig.call('POST', `${V1}/dags/closed/reruns`, { body: { run_ids: ['r1'], note: 'canary' } }));
  Object.assign(IDS, {
    backfill_id: backfill!.id, import_error_id: error!.id, asset_id: hidden!.id, asset_alias_id: alias.id, watcher_id: watcher!.id, event_log_id: line!.id, file_token: file, rerun_id: rerun.id,
  });
  await must(rig.call('POST', `${V1}/bundles/deployed/deployments`, { body: { files: [{ path: 'dags/closed.ts', sha256: 'a'.repeat(64), size: 1 }], note: 'canary' } }));
  // May do everything to everything of dag `open` and of team `blue`, and nothing else.
  await must(rig.call('POST', `${V1}/roles`, { body: { name: 'Sly', permissions: [{ actions: ['*'], resources: ['*'], dags: ['open'], teams: ['blue'] }] } }));
  await must(rig.call('POST', `${V1}/users`, { body: { name: 'sly', password: PASSWORD, roles: ['Sly'] } }));
  sly = await rig.login('sly', PASSWORD);
  routes = routesOf(CONTROLLERS);
}, 120_000);
afterAll(() => rig[Symbol.asyncDispose]());

function call(route: RouteFacts, token: string | null, dagId: string): Promise<Answer> {
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => {
    const id = name === 'dag_id' ? dagId : name === 'dag_run_id' && dagId === '~' ? '~' : name === 'task_id' && dagId === '~' ? '~' : (IDS[name] ?? 'nowhere');
    return encodeURIComponent(id);
  });
  const query = QUERIES[route.name];
  const body = route.method === 'GET' || route.method === 'DELETE' ? undefined : (BODIES[route.name]?.(dagId) ?? {});
  return rig.call(route.method, path + (query === undefined ? '' : `?${query}`), { token, ...(body === undefined ? {} : { body }) });
}

/** Everything of the closed dag and of team red, as it is stored. */
async function stored(): Promise<string> {
  const tables = ['dag', 'dag_run', 'task_instance', 'xcom', 'backfill', 'hitl_detail', 'asset_queued_event', 'dag_version'];
  const rows = await Promise.all([
    ...tables.map((table) => rig.sql(`select * from ${table} where dag_id = 'closed' order by 1::text`)),
    ...['asset', 'asset_event', 'asset_watcher_parked', 'state_store', 'import_error', 'reparse_request', 'team', 'app_role'].map((table) => rig.sql(`select * from ${table} order by 1::text`)),
    ...['pool', 'variable', 'connection'].map((table) => rig.sql(`select * from ${table} where team = 'red'`)),
    rig.sql(`select name, role, is_active, token_generation from app_user order by name`),
  ]);
  return JSON.stringify(rows);
}

describe('whoever may nothing to a dag', () => {
  it('reads, lists and changes nothing of it over any route', async () => {
    const before = await stored();
    const wrong: string[] = [];
    for (const route of routes) {
      if (route.needs === 'public' || route.needs === 'self' || FOLLOWED.has(route.name)) continue;
      for (const dagId of route.path.includes(':dag_id') ? ['closed', '~'] : ['']) {
        const { status, body } = await call(route, sly, dagId);
        const text = JSON.stringify(body);
        const what = `${route.name} ${dagId}: ${status} ${text.slice(0, 200)}`;
        if (status >= 500) wrong.push(`failed: ${what}`);
        if (CANARY.test(text)) wrong.push(`told: ${what}`);
        if (dagId === 'closed' && status !== 403) wrong.push(`let in: ${what}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(JSON.parse(await stored())).toEqual(JSON.parse(before));
  }, 120_000);

  it('is told the same of a dag that does not exist', async () => {
    for (const path of ['', '/details', '/dagRuns', '/dagRuns/r1']) {
      const [there, nowhere] = [await rig.get(`${CLOSED}${path}`, { token: sly }), await rig.get(`/api/v2/dags/nowhere${path}`, { token: sly })];
      expect([nowhere.status, nowhere.body.detail.replaceAll('nowhere', 'closed')]).toEqual([there.status, there.body.detail]);
    }
  });

  it('counts only what it sees: pages and totals of lists', async () => {
    for (const [path, total] of [['/api/v2/dags', 1], ['/api/v2/dags/~/dagRuns', 1], ['/api/v2/dags/~/dagRuns/~/taskInstances', 1], ['/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries', 0], ['/api/v2/importErrors', 0], ['/api/v2/assets', 1], ['/api/v2/assets/events', 0], ['/api/v2/pools', 0], ['/api/v2/variables', 0], ['/api/v2/dagTags', 1], ['/api/v2/dags/~/dagRuns/~/hitlDetails', 0]] as const) {
      for (const query of ['?limit=1', '?limit=1&offset=1', '?limit=0']) expect([path, (await rig.get(path + query, { token: sly })).body.total_entries]).toEqual([path, total]);
    }
  });

  it('gets nothing of it over gRPC', async () => {
    const client = new workflowsProto.WorkflowServiceClient(`127.0.0.1:${rig.api.grpcPort}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${sly}`);
    const ask = <Request, Response>(method: (request: Request, metadata: Metadata, callback: (error: Error | null, response: Response) => void) => unknown, request: Request): Promise<Response> => promisify<Request, Metadata, Response>(method.bind(client) as never)(request, metadata);
    const run = { dagId: 'closed', runId: 'r1' };
    const denied = { code: status.PERMISSION_DENIED };
    await expect(ask(client.getRun, run)).rejects.toMatchObject(denied);
    await expect(ask(client.cancelRun, run)).rejects.toMatchObject(denied);
    await expect(ask(client.triggerRun, workflowsProto.TriggerRunRequest.fromPartial({ dagId: 'closed' }))).rejects.toMatchObject(denied);
    await expect(ask(client.listTaskInstances, { ...run, pageSize: 0, pageToken: '' })).rejects.toMatchObject(denied);
    const all: workflowsProto.ListRunsResponse = await ask(client.listRuns, { dagId: '', states: [], pageSize: 0, pageToken: '' });
    expect([all.total, all.runs.map((one) => one.dagId)]).toEqual([1, ['open']]);
    const read = async (stream: AsyncIterable<unknown>): Promise<void> => {
      for await (const message of stream) expect(message).toBeUndefined();
    };
    await expect(read(client.followLog(workflowsProto.FollowLogRequest.fromPartial({ ...run, taskId: 'write', mapIndex: -1, tryNumber: 1 }), metadata))).rejects.toMatchObject(denied);
    await expect(read(client.watchRun({ ...run, taskInstances: true }, metadata))).rejects.toMatchObject(denied);
    client.close();
  });

  it('hears no live update of it, and hears those of its own', async () => {
    const stop = new AbortController();
    const updates = await fetch(`${rig.url}${V1}/updates`, { headers: { authorization: `Bearer ${sly}` }, signal: stop.signal });
    const reader = updates.body!.pipeThrough(new TextDecoderStream()).getReader();
    let heard = (await reader.read()).value!;
    rig.liveUpdates.publish([{ kind: 'run', dagId: 'closed', runId: 'canary', atMs: 1 }, { kind: 'worker', atMs: 1 }, { kind: 'run', dagId: 'open', runId: 'mine', atMs: 2 }]);
    while (!heard.includes('mine')) heard += (await reader.read()).value!;
    expect(heard).not.toMatch(/canary|closed|worker/);
    // Disabled: the stream ends, though nothing was sent on it.
    await rig.call('PATCH', `${V1}/users/sly`, { body: { is_active: false } });
    for (;;) if ((await reader.read()).done) break;
    await rig.call('PATCH', `${V1}/users/sly`, { body: { is_active: true } });
    sly = await rig.login('sly', PASSWORD);
    await waitFor(async () => (await rig.get('/api/v2/dags', { token: sly })).status === 200, { timeoutMs: 60_000, what: 'sly to be let in again' });
  }, 120_000);
});

describe('every route', () => {
  it('asks who calls', async () => {
    const open: string[] = [];
    for (const route of routes) {
      if (route.needs === 'public') continue;
      const { status } = await call(route, null, 'closed');
      if (status !== 401) open.push(`${route.name}: ${status}`);
    }
    expect(open).toEqual([]);
  }, 120_000);

  it('that a Viewer may not use is refused, whatever is sent', async () => {
    await rig.call('POST', `${V1}/users`, { body: { name: 'vic', password: PASSWORD, roles: ['Viewer'] } });
    const token = await rig.login('vic', PASSWORD);
    const before = await stored();
    const letIn: string[] = [];
    for (const route of routes) {
      if (route.needs === 'public' || route.needs === 'self' || route.needs.action === 'read') continue;
      const { status } = await call(route, token, 'closed');
      if (status !== 403) letIn.push(`${route.name}: ${status}`);
    }
    expect(letIn).toEqual([]);
    expect(await stored()).toEqual(before);
  }, 120_000);

  it('that shows something of a dag shows it to an admin: what was hidden above was there', async () => {
    const silent: string[] = [];
    // They show the shape, a file or the calendar of the dag, or answer that there is none.
    const plain = new Set(['get_external_log_url', 'get_extra_links', 'get_dag_asset_queued_event', 'wait_dag_run_until_finished', 'get_mapped_task_instances', 'WaitingController.result', 'DagDocumentsController.get']);
    const seen = new Set<string>();
    const admin = await rig.login();
    for (const route of routes) {
      if (route.method !== 'GET' || route.needs === 'public' || route.needs === 'self' || FOLLOWED.has(route.name) || plain.has(route.name) || NOT_OF_DAGS.has(route.needs.resource)) continue;
      const { status, body } = await call(route, admin, 'closed');
      if (status !== 200 && Object.hasOwn(OPERATIONS, route.name)) silent.push(`${route.name}: ${status} ${JSON.stringify(body).slice(0, 200)}`);
      if (CANARY.test(JSON.stringify(body))) seen.add(route.name);
    }
    expect(silent).toEqual([]);
    for (const name of ['get_dags', 'get_dag', 'get_dag_runs', 'get_task_instances', 'get_xcom_entry', 'get_log', 'get_hitl_details', 'get_import_errors', 'get_backfill', 'get_assets', 'get_asset_events', 'get_asset_aliases', 'get_dag_source', 'get_pools', 'get_variables', 'get_connections', 'get_dag_tags', 'get_event_logs', 'OverviewController.getHome', 'OverviewController.getDags', 'OverviewController.getFacets', 'WatchersController.list']) expect([name, seen.has(name)]).toEqual([name, true]);
  }, 120_000);
});
