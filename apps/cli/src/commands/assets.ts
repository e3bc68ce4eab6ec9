import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Query, Row } from '../client/api-client.js';
import { withDagName } from '../client/dag-names.js';
import { renderOne, renderRows } from '../output/render.js';
import { RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

export interface AssetName {
  readonly name?: string;
  readonly uri?: string;
  readonly alias?: boolean;
}

const ASSET_COLUMNS = ['name', 'uri', 'group', 'extra'];
const EVENT_COLUMNS = ['id', 'name', 'timestamp', 'partition_key', 'source_dag_id', 'source_run_id', 'source_task_id', 'extra'];

/** Assets, or aliases. */
export async function listAssets(options: OutputOptions & { readonly alias?: boolean; readonly pattern?: string; readonly all?: boolean }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const pattern: Query = options.pattern === undefined ? {} : { name_pattern: options.pattern };
  if (options.alias === true) return print(await renderRows(await api.list('/api/v2/assets/aliases', 'asset_aliases', pattern), ['name', 'group'], options.output));
  print(await renderRows(await api.list('/api/v2/assets', 'assets', { ...pattern, order_by: 'name', ...(options.all === true ? { only_active: false } : {}) }), ASSET_COLUMNS, options.output));
}

/** One asset (or alias) with who waits for, writes and reads it. */
export async function showAsset(given: string | undefined, options: AssetName & OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  if (options.alias === true) {
    const aliases = await api.list('/api/v2/assets/aliases', 'asset_aliases', { name_pattern: given ?? options.name ?? '' });
    const found = aliases.find((alias) => alias['name'] === (given ?? options.name));
    if (found === undefined) throw new MillraceError('not_found', `there is no asset alias "${given ?? options.name ?? ''}"`);
    return print(await renderOne(found, ['name', 'group'], options.output));
  }
  const asset = await findAsset(api, given, options);
  if (options.output === 'json' || options.output === 'yaml') return print(await renderOne(asset, [], options.output));
  const users = (key: string): string => (asset[key] as Row[]).map((use) => [use['dag_id'], use['task_id']].filter(Boolean).join('.')).join(', ');
  const last = asset['last_asset_event'] as Row;
  print(await renderOne({
    ...asset, waited_for_by: users('scheduled_dags'), written_by: users('producing_tasks'), read_by: users('consuming_tasks'), aliases: (asset['aliases'] as Row[]).map((alias) => alias['name']).join(', '),
    watchers: (asset['watchers'] as Row[]).map((watcher) => watcher['name']).join(', '), last_event: last['timestamp'] ?? 'none',
  }, [...ASSET_COLUMNS, 'waited_for_by', 'written_by', 'read_by', 'aliases', 'watchers', 'last_event'], options.output));
}

/** Runs the dag that writes an asset. */
export async function materializeAsset(given: string | undefined, options: AssetName & OutputOptions & { readonly conf?: object; readonly partitionKey?: string }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const asset = await findAsset(api, given, options);
  const run = await api.post(`/api/v2/assets/${String(asset['id'])}/materialize`, { conf: options.conf ?? {}, ...(options.partitionKey === undefined ? {} : { partition_key: options.partitionKey }) });
  print(await renderRows([withSeconds(run)], RUN_COLUMNS, options.output));
}

/** The newest events, of one asset or of all. */
export async function listAssetEvents(given: string | undefined, options: AssetName & OutputOptions & { readonly limit: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const one: Query = given === undefined && options.name === undefined && options.uri === undefined ? {} : { asset_id: Number((await findAsset(api, given, options))['id']) };
  print(await renderRows(await api.list('/api/v2/assets/events', 'asset_events', { ...one, order_by: '-timestamp' }, options.limit), EVENT_COLUMNS, options.output));
}

/** Says that an asset was written by somebody else: what waits for it runs. */
export async function recordAssetEvent(given: string | undefined, options: AssetName & OutputOptions & { readonly extra?: object; readonly partitionKey?: string }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const asset = await findAsset(api, given, options);
  const event = await api.post('/api/v2/assets/events', { asset_id: Number(asset['id']), extra: options.extra ?? {}, ...(options.partitionKey === undefined ? {} : { partition_key: options.partitionKey }) });
  print(await renderRows([event], EVENT_COLUMNS, options.output));
}

/** What a dag that runs by assets waits for. */
export async function nextRunAssets(dagId: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const next = await withDagName(api, dagId, () => api.get(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/nextRunAssets`));
  if (next['asset_expression'] === null) throw new MillraceError('bad_request', `dag "${dagId}" does not run by assets`);
  const missing = (next['missing'] as Row[]).map((asset) => asset['name']);
  print(await renderRows((next['events'] as Row[]).map((asset) => ({ ...asset, waits: missing.includes(asset['name'] ?? null) })), ['name', 'uri', 'last_update', 'queued_events', 'waits'], options.output));
}

/** Partitions of a dag, newest first. */
export async function listPartitions(dagId: string, options: OutputOptions & { readonly waiting?: boolean; readonly limit: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const rows = await withDagName(api, dagId, () => api.list(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/partitions`, 'partitions', options.waiting === true ? { is_open: true } : {}, options.limit));
  if (options.output === 'json' || options.output === 'yaml') return print(await renderRows(rows, [], options.output));
  const waitsFor = (row: Row): string =>
    row['state'] !== 'waiting' ? '' : (row['assets'] as Row[]).filter((asset) => asset['is_complete'] !== true).map((asset) => `${String(asset['name'])}${asset['expected'] === null ? '' : ` (${String(asset['arrived'])} of ${String(asset['expected'])})`}`).join(', ');
  print(await renderRows(rows.map((row) => ({ ...row, waits_for: waitsFor(row) })), ['partition_key', 'state', 'dag_run_id', 'events', 'created_at', 'waits_for'], options.output));
}

/** What is listened to outside, and how it is. */
export async function listWatchers(options: OutputOptions): Promise<void> {
  const watchers = await ApiClient.fromEnvironment().list('/api/millrace/v1/assets/watchers', 'watchers');
  print(await renderRows(watchers, ['id', 'asset_name', 'name', 'kind', 'state', 'last_event_at', 'parked', 'last_error'], options.output));
}

/** What a watcher could not use. */
export async function listParked(id: number, options: OutputOptions): Promise<void> {
  print(await renderRows(await ApiClient.fromEnvironment().list(`/api/millrace/v1/assets/watchers/${id}/parked`, 'parked'), ['id', 'parked_at', 'item', 'error', 'content'], options.output));
}

async function findAsset(api: ApiClient, given: string | undefined, options: AssetName): Promise<Row> {
  const name = given ?? options.name;
  if (name === undefined && options.uri === undefined) throw new MillraceError('bad_request', 'name an asset: by its name, --name NAME or --uri URI');
  const found = (await api.list('/api/v2/assets', 'assets', { only_active: false, ...(name === undefined ? { uri_pattern: literal(options.uri!) } : { name_pattern: literal(name) }) }))
    .filter((asset) => (name === undefined || asset['name'] === name) && (options.uri === undefined || asset['uri'] === options.uri));
  if (found.length === 0) throw new MillraceError('not_found', `there is no asset ${[name === undefined ? '' : `"${name}"`, options.uri ?? ''].filter(Boolean).join(' at ')}; millrace assets list shows all`);
  if (found.length > 1) {
    tell(found.map((asset) => `  ${String(asset['name'])}  ${String(asset['uri'])}`).join('\n'));
    throw new MillraceError('conflict', `there are ${found.length} such assets; add --uri or --name to say which`);
  }
  return found[0]!;
}

/** In a pattern `|` separates alternatives; its first part finds the rest. */
function literal(text: string): string {
  return text.split('|')[0]!;
}
