import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const POOL_COLUMNS = ['name', 'slots', 'open_slots', 'occupied_slots', 'running_slots', 'queued_slots', 'scheduled_slots', 'deferred_slots', 'include_deferred', 'description'];
const WARNING_COLUMNS = ['dag_id', 'warning_type', 'message'];

export async function listPools(options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderRows(await api.list('/api/v2/pools', 'pools', { order_by: 'name' }), POOL_COLUMNS, options.output));
}

export async function showPool(name: string, options: OutputOptions): Promise<void> {
  print(await renderOne(await ApiClient.fromEnvironment().get(pathOf(name)), POOL_COLUMNS, options.output));
}

/** Makes a pool, or changes the one of that name. */
export async function setPool(name: string, slots: number, description: string | undefined, options: OutputOptions & { readonly includeDeferred?: boolean }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const given = { slots, ...(description === undefined ? {} : { description }), ...(options.includeDeferred === undefined ? {} : { include_deferred: options.includeDeferred }) };
  try {
    print(await renderOne(await api.post('/api/v2/pools', { name, ...given }), POOL_COLUMNS, options.output));
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    print(await renderOne(await api.patch(pathOf(name), given), POOL_COLUMNS, options.output));
  }
}

export async function deletePool(name: string): Promise<void> {
  await ApiClient.fromEnvironment().delete(pathOf(name));
  tell(`pool ${name} is deleted; tasks that name it will fail`);
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
