import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, withDagName } from '../client/dag-names.js';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { renderOne, renderRows } from '../output/render.js';
import { RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { Progress } from '../output/progress.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

export interface BackfillOptions extends OutputOptions {
  readonly dagId?: string;
  readonly fromDate?: string;
  readonly toDate?: string;
  readonly maxActiveRuns: number;
  readonly reprocessBehavior: string;
  readonly runBackwards?: boolean;
  readonly dagRunConf?: object;
  readonly runOnLatestVersion: boolean;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

/** Runs for a range of dates, both ends included; waits for them unless told otherwise. */
export async function createBackfill(given: string | undefined, options: BackfillOptions): Promise<number> {
  const { fromDate, toDate } = options;
  const dagId = given ?? options.dagId;
  if (dagId === undefined) throw new MillraceError('bad_request', 'a backfill needs a dag: backfill DAG -s DATE -e DATE, or --dag-id DAG');
  if (fromDate === undefined || toDate === undefined) throw new MillraceError('bad_request', 'a backfill needs both dates: -s 2018-01-10 -e 2018-01-11');
  if (fromDate > toDate) throw new MillraceError('bad_request', `the range ends (${toDate}) before it begins (${fromDate})`);
  const api = ApiClient.fromEnvironment();
  const body = {
    dag_id: dagId, from_date: fromDate, to_date: toDate, max_active_runs: options.maxActiveRuns, reprocess_behavior: options.reprocessBehavior,
    run_backwards: options.runBackwards ?? false, dag_run_conf: options.dagRunConf ?? {},
    run_on_latest_version: options.runOnLatestVersion,
  };
  if (options.dryRun === true) {
    const plan = await withDagName(api, dagId, () => api.post<{ runs: Row[]; counts: Record<string, number> }>('/api/millrace/v1/backfills/dry_run', body));
    print(await renderRows(plan.runs, ['logical_date', 'data_interval_start', 'data_interval_end', 'action', 'existing_state', 'exception_reason'], options.output));
    tell(`${plan.counts['create'] ?? 0} runs would be made, ${plan.counts['clear'] ?? 0} run again, ${plan.counts['skip'] ?? 0} left alone (dry run: nothing was done)`);
    return 0;
  }
  const backfill = await withDagName(api, dagId, () => api.post('/api/v2/backfills', body));
  tell(`backfill ${String(backfill['id'])} of ${dagId}, ${fromDate} to ${toDate}`);
  if (!options.wait) {
    print(await renderRows([backfill], ['id', 'dag_id', 'from_date', 'to_date', 'max_active_runs', 'reprocess_behavior'], options.output));
    return 0;
  }
  const runs = await watchBackfill(api, Number(backfill['id']), dagId);
  print(await renderRows(runs.map(withSeconds), RUN_COLUMNS, options.output));
  if (runs.length === 0) tell('no run was made: every date of the range has one. --reprocess-behavior completed runs them again');
  return runs.some((run) => run['state'] === 'failed') ? EXIT_FAILED_RUN : 0;
}

/** Tells how far it is until it is over. @returns its runs */
async function watchBackfill(api: ApiClient, id: number, dagId: string): Promise<Row[]> {
  const progress = new Progress(`backfill ${id}`, 0);
  let told = '';
  for (let waitMs = 200; ; waitMs = Math.min(1_000, waitMs * 1.3)) {
    const current = await api.get(`/api/millrace/v1/backfills/${id}`);
    if (process.stderr.isTTY) progress.at(Number(current['done']), restOfProgress(current), datesToRun(current));
    else if (progressLine(current) !== told) tell(told = progressLine(current));
    if (current['completed_at'] !== null && current['completed_at'] !== undefined) break;
    await sleep(waitMs);
  }
  progress.end();
  const dates = await api.list(`/api/millrace/v1/backfills/${id}/dates`, 'dates', {});
  const names = new Set(dates.flatMap((date) => (date['dag_run_id'] === null ? [] : [String(date['dag_run_id'])])));
  if (names.size === 0) return [];
  const range = dates.map((date) => String(date['logical_date'])).sort();
  const runs = await api.list(`${dagPath(dagId)}/dagRuns`, 'dag_runs', { logical_date_gte: range[0], logical_date_lte: range.at(-1), order_by: 'logical_date' });
  return runs.filter((run) => names.has(String(run['dag_run_id'])));
}

function progressLine(backfill: Row): string {
  return `${String(backfill['done'])} of ${datesToRun(backfill)} done: ${restOfProgress(backfill)}`;
}

/** Those that were not left alone. */
function datesToRun(backfill: Row): number {
  return Number(backfill['dates']) - Object.values(backfill['skipped'] as Record<string, number>).reduce((sum, count) => sum + count, 0);
}

function restOfProgress(backfill: Row): string {
  const runs = Object.entries(backfill['runs'] as Record<string, number>).filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  const skipped = Object.entries(backfill['skipped'] as Record<string, number>).map(([reason, count]) => `${count} left alone (${reason})`);
  return `${[...runs, ...skipped].join(', ')}${backfill['state'] === 'paused' ? ' (paused)' : ''}`;
}

const LIST = ['id', 'dag_id', 'from_date', 'to_date', 'is_paused', 'max_active_runs', 'reprocess_behavior', 'created_at', 'completed_at'];

export async function listBackfills(options: OutputOptions & { readonly dagId: string }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderRows(await withDagName(api, options.dagId, () => api.list('/api/v2/backfills', 'backfills', { dag_id: options.dagId, order_by: '-id' })), LIST, options.output));
}

export async function showBackfill(id: number, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const backfill = await api.get(`/api/millrace/v1/backfills/${id}`);
  tell(progressLine(backfill));
  const dates = await api.list(`/api/millrace/v1/backfills/${id}/dates`, 'dates', {});
  if (options.output === 'json' || options.output === 'yaml') return print(await renderOne({ ...backfill, each: dates }, [], options.output));
  print(await renderOne(backfill, ['id', 'dag_id', 'state', 'from_date', 'to_date', 'max_active_runs', 'reprocess_behavior', 'run_backwards', 'created_at', 'completed_at'], options.output));
  print(`\n${await renderRows(dates, ['ordinal', 'logical_date', 'dag_run_id', 'state', 'exception_reason'], options.output)}`);
}

/** Pauses, unpauses or cancels. */
export async function changeBackfill(how: 'pause' | 'unpause' | 'cancel', id: number, options: OutputOptions): Promise<void> {
  print(await renderRows([await ApiClient.fromEnvironment().put(`/api/v2/backfills/${id}/${how}`)], LIST, options.output));
}
