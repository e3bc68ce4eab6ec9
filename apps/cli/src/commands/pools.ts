import { writeFileSync } from 'node:fs';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { withName } from '../client/names.js';
import { importInBulk } from '../files/import-in-bulk.js';
import type { OnExisting } from '../files/import-in-bulk.js';
import { formatOf, readSettings, settingsText } from '../files/settings-file.js';
import { teamOf, tellOfTeams } from '../files/team-of.js';
import type { FileFormat } from '../files/settings-file.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const POOL_COLUMNS = ['name', 'slots', 'open_slots', 'occupied_slots', 'running_slots', 'queued_slots', 'scheduled_slots', 'deferred_slots', 'include_deferred', 'description', 'team_name'];
const NAMED = { path: '/api/v2/pools', list: 'pools', key: 'name', what: 'pool' } as const;
const WARNING_COLUMNS = ['dag_id', 'warning_type', 'message'];

export async function listPools(options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderRows(await api.list('/api/v2/pools', 'pools', { order_by: 'name' }), POOL_COLUMNS, options.output));
}

export async function showPool(name: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderOne(await withName(api, NAMED, name, () => api.get(pathOf(name))), POOL_COLUMNS, options.output));
}

/** Makes a pool, or changes the one of that name. */
export async function setPool(name: string, slots: number, description: string | undefined, options: OutputOptions & { readonly includeDeferred?: boolean; readonly teamName?: string }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const given = { slots, ...(description === undefined ? {} : { description }), ...(options.includeDeferred === undefined ? {} : { include_deferred: options.includeDeferred }), ...teamOf(options) };
  try {
    print(await renderOne(await api.post('/api/v2/pools', { name, ...given }), POOL_COLUMNS, options.output));
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    print(await renderOne(await api.patch(pathOf(name), given), POOL_COLUMNS, options.output));
  }
}

export async function deletePool(name: string): Promise<void> {
  const api = ApiClient.fromEnvironment();
  await withName(api, NAMED, name, () => api.delete(pathOf(name)));
  tell(`pool ${name} is deleted; tasks that name it will fail`);
}

/** `{"name": {"slots": …, "description": …, "include_deferred": …}}`; in env files `NAME=slots`. */
export async function importPools(file: string, options: { readonly actionOnExistingKey: OnExisting; readonly format?: FileFormat }): Promise<number> {
  const entries = await readSettings(file, formatOf(file, options.format));
  const entities = [...entries].map(([name, entry]): Row => {
    const isObject = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
    const { slots, description, include_deferred: includeDeferred, team_name } = (isObject ? entry : { slots: entry }) as { slots?: unknown; description?: unknown; include_deferred?: unknown; team_name?: unknown };
    if (!/^-?\d+$/.test(String(slots))) throw new MillraceError('bad_request', `pool ${name}: slots must be a whole number, got ${JSON.stringify(slots)}`);
    return { name, slots: Number(slots), ...(typeof description === 'string' ? { description } : {}), ...(typeof includeDeferred === 'boolean' ? { include_deferred: includeDeferred } : {}), ...(typeof team_name === 'string' ? { team_name } : {}) };
  });
  return importInBulk(ApiClient.fromEnvironment(), '/api/v2/pools', 'pools', entities, options.actionOnExistingKey);
}

export async function exportPools(file: string, options: { readonly format?: FileFormat }): Promise<void> {
  const format = formatOf(file, options.format);
  const rows = await ApiClient.fromEnvironment().list('/api/v2/pools', 'pools', { order_by: 'name' });
  const entry = (row: Row): unknown => (format === 'env' ? row['slots'] : { slots: row['slots'], description: row['description'] ?? '', include_deferred: row['include_deferred'], ...(row['team_name'] == null ? {} : { team_name: row['team_name'] }) });
  const text = await settingsText(new Map(rows.map((row) => [String(row['name']), entry(row)])), format);
  if (file === '-') print(text);
  else writeFileSync(file, text);
  if (format === 'env') tellOfTeams(rows);
  tell(`${rows.length} pools exported${file === '-' ? '' : ` to ${file}`}`);
}

/** Tasks that would fail because of their pool; exit code 1 when there are any. */
export async function listWarnings(options: OutputOptions): Promise<number> {
  const warnings = await ApiClient.fromEnvironment().list('/api/v2/dagWarnings', 'dag_warnings', {});
  print(await renderRows(warnings, WARNING_COLUMNS, options.output));
  return warnings.length === 0 ? 0 : 1;
}

function pathOf(name: string): string {
  return `/api/v2/pools/${encodeURIComponent(name)}`;
}
