import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';
import { shapeDifferences } from '../../testing/shape-differences.js';

/** Keys and JSON types of answers that a real Airflow 3.2.1 gave. */
const SHAPES = JSON.parse(readFileSync(new URL('../../testing/airflow-3.2.1-shapes.json', import.meta.url), 'utf8')) as Readonly<Record<string, unknown>>;
const of = (name: string) => ({ name, uri: `s3://${name}`, group: 'lake' });
const task = (taskId: string, more: object = {}) => ({ taskId, operator: 'x', ...more });

let rig: ApiRig;
const idOf = async (name: string): Promise<number> => (await rig.get(`/api/v2/assets?name_pattern=${name}`)).body.assets[0].id as number;
const report = async (name: string, more: object = {}) => rig.call('POST', '/api/v2/assets/events', { body: { asset_id: await idOf(name), ...more } });

beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('assets.ts', [
    { format: 1, dagId: 'writes', tasks: [task('w', { outlets: [of('orders'), of('twice')], outletAliases: [{ name: 'daily' }] })] },
    { format: 1, dagId: 'other', tasks: [task('w', { outlets: [of('twice')], inlets: [of('orders')] })] },
    { format: 1, dagId: 'reads', schedule: { kind: 'assets', condition: { all: [{ asset: of('orders') }, { any: [{ asset: of('twice') }, { alias: { name: 'daily' } }] }] } as never }, tasks: [task('t')] },
    {
      format: 1, dagId: 'weeks', tasks: [task('t')],
      schedule: {
        kind: 'partitionedAssets', condition: { asset: of('orders') } as never,
        defaultMapper: { kind: 'rollup', upstream: { kind: 'startOf', unit: 'week', timezone: 'UTC', inputFormat: '%Y-%m-%d', outputFormat: null }, window: { kind: 'period', unit: 'week', direction: 'forward' }, wait: { kind: 'all' } } as never,
      },
    },
  ]);
});
afterAll(() => rig[Symbol.asyncDispose]());

it('lists assets with who waits for, writes and reads them, in Airflow\'s shape', async () => {
  const { body } = await rig.get('/api/v2/assets?name_pattern=orders&order_by=-name');
  expect(body).toMatchObject({
    total_entries: 1,
    assets: [{ name: 'orders', uri: 's3://orders', group: 'lake', extra: {}, scheduled_dags: [{ dag_id: 'reads' }, { dag_id: 'weeks' }], producing_tasks: [{ dag_id: 'writes', task_id: 'w' }], consuming_tasks: [{ dag_id: 'other', task_id: 'w' }], aliases: [], watchers: [] }],
  });
  expect(shapeDifferences(body, SHAPES['assets'])).toEqual([]);
  expect((await rig.get('/api/v2/assets?dag_ids=other')).body.assets.map((asset: { name: string }) => asset.name)).toEqual(['orders', 'twice']);
  expect(await rig.get(`/api/v2/assets/${await idOf('orders')}`)).toMatchObject({ status: 200, body: { name: 'orders' } });
  expect(await rig.get('/api/v2/assets/99999')).toMatchObject({ status: 404, body: { detail: 'The Asset with ID: `99999` was not found' } });
  expect((await rig.get('/api/v2/dags/reads/details')).body.asset_expression).toEqual({ all: [{ asset: of('orders') }, { any: [{ asset: of('twice') }, { alias: { name: 'daily', group: 'asset' } }] }] });
});

it('aliases', async () => {
  const { body } = await rig.get('/api/v2/assets/aliases');
  expect(body).toEqual({ asset_aliases: [{ id: expect.any(Number) as number, name: 'daily', group: 'asset' }], total_entries: 1 });
  expect((await rig.get(`/api/v2/assets/aliases/${body.asset_aliases[0].id}`)).body.name).toBe('daily');
  expect((await rig.get('/api/v2/assets/aliases/9999')).status).toBe(404);
});

it('records what happened outside, and shows what waits', async () => {
  const recorded = await report('orders', { extra: { rows: 3 } });
  expect(recorded).toMatchObject({ status: 200, body: { name: 'orders', extra: { rows: 3, from_rest_api: true }, source_dag_id: null, source_map_index: -1, partition_key: null, created_dagruns: [] } });
  const events = await rig.get(`/api/v2/assets/events?asset_id=${recorded.body.asset_id}&timestamp_gte=2026-01-01T00:00:00Z`);
  expect(events.body).toMatchObject({ total_entries: 1, asset_events: [{ id: recorded.body.id }] });
  expect(shapeDifferences(events.body, SHAPES['assets_events'])).toEqual([]);
  const assetId = recorded.body.asset_id as number;
  const queued = { dag_id: 'reads', asset_id: assetId, dag_display_name: 'reads', created_at: expect.any(String) as string };
  expect((await rig.get(`/api/v2/assets/${assetId}/queuedEvents`)).body).toEqual({ queued_events: [queued], total_entries: 1 });
  expect((await rig.get('/api/v2/dags/reads/assets/queuedEvents')).body.queued_events).toEqual([queued]);
  expect((await rig.get(`/api/v2/dags/reads/assets/${assetId}/queuedEvents`)).body).toEqual(queued);
  expect((await rig.get('/api/v2/dags/reads/assets/queuedEvents?before=2020-01-01T00:00:00Z')).body.queued_events).toEqual([]);
  expect((await rig.get('/api/millrace/v1/dags/reads/nextRunAssets')).body).toMatchObject({ events: [{ name: 'orders', queued_events: 1 }, { name: 'twice', queued_events: 0 }], aliases: ['daily'], missing: [{ name: 'twice', uri: 's3://twice' }] });
  expect((await rig.call('DELETE', `/api/v2/dags/reads/assets/${assetId}/queuedEvents`)).status).toBe(204);
  expect((await rig.call('DELETE', `/api/v2/dags/reads/assets/${assetId}/queuedEvents`)).status).toBe(404);
  expect((await rig.call('DELETE', '/api/v2/dags/reads/assets/queuedEvents')).status).toBe(404);
  expect((await rig.call('DELETE', `/api/v2/assets/${assetId}/queuedEvents`)).status).toBe(404);
});

it.each([
  [{ asset_id: 99_999 }, 404],
  [{ asset_id: 'x' }, 422],
  [{}, 422],
  [{ asset_id: 1, extra: [] }, 422],
  [{ asset_id: 1, partition_key: 'x'.repeat(300) }, 422],
  [{ asset_id: 1, other: 1 }, 422],
])('refuses an event %j', async (body, status) => {
  expect((await rig.call('POST', '/api/v2/assets/events', { body })).status).toBe(status);
});

it('materialises an asset with the one dag that writes it', async () => {
  const made = await rig.call('POST', `/api/v2/assets/${await idOf('orders')}/materialize`, { body: { conf: { a: 1 }, partition_key: 'p' } });
  expect(made).toMatchObject({ status: 200, body: { dag_id: 'writes', run_type: 'asset_materialization', triggered_by: 'rest_api', conf: { a: 1 }, partition_key: 'p' } });
  expect((await rig.call('POST', `/api/v2/assets/${await idOf('orders')}/materialize`)).status).toBe(200);
  expect(await rig.call('POST', `/api/v2/assets/${await idOf('twice')}/materialize`, { body: {} })).toMatchObject({ status: 409 });
});

it('a viewer reads and changes nothing', async () => {
  await rig.sql(`insert into app_user (name, password_hash, role) select 'eve', password_hash, 'Viewer' from app_user where name = 'admin'`);
  const token = await rig.login('eve');
  expect((await rig.get('/api/v2/assets', { token })).status).toBe(200);
  expect((await rig.call('POST', '/api/v2/assets/events', { token, body: { asset_id: 1 } })).status).toBe(403);
  expect((await rig.call('POST', '/api/v2/assets/1/materialize', { token, body: {} })).status).toBe(403);
});

it('shows which partitions wait for what', async () => {
  await report('orders', { partition_key: '2026-01-06' });
  const { body } = await rig.get('/api/millrace/v1/dags/weeks/partitions?is_open=true');
  expect(body).toMatchObject({
    total_entries: 1,
    partitions: [{ partition_key: '2026-01-05 (W02)', state: 'waiting', dag_run_id: null, events: 1, assets: [{ name: 'orders', is_complete: false, arrived: 1, expected: 7, missing_count: 6, missing: expect.arrayContaining(['2026-01-05', '2026-01-11']) as string[] }] }],
  });
});

it('an asset no dag has any more is inactive, and its events stay', async () => {
  await rig.publish('gone.ts', [{ format: 1, dagId: 'gone', tasks: [task('t', { outlets: [of('gone')] })] }]);
  const id = await idOf('gone');
  await rig.publish('gone.ts', [{ format: 1, dagId: 'gone', tasks: [task('t')] }]);
  expect((await rig.get('/api/v2/assets?name_pattern=gone')).body.assets).toEqual([]);
  expect((await rig.get('/api/v2/assets?name_pattern=gone&only_active=false')).body.assets).toMatchObject([{ id, producing_tasks: [] }]);
  await rig.publish('gone.ts', [{ format: 1, dagId: 'gone', tasks: [task('t', { outlets: [of('gone')] })] }]);
  expect(await idOf('gone')).toBe(id);
});

it('one name for two places in a dag is refused', async () => {
  const result = await rig.publish('bad.ts', [{ format: 1, dagId: 'bad', tasks: [task('t', { outlets: [of('x'), { name: 'x', uri: 's3://elsewhere' }] })] }]);
  expect(result.refused).toContain('asset "x" stands for two places, s3://x and s3://elsewhere');
});
