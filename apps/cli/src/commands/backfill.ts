import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, withDagName } from '../client/dag-names.js';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { renderRows } from '../output/render.js';
import { RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

export interface BackfillOptions extends OutputOptions {
  readonly fromDate?: string;
  readonly toDate?: string;
  readonly maxActiveRuns: number;
  readonly reprocessBehavior: string;
  readonly runBackwards?: boolean;
  readonly dagRunConf?: object;
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

/** Runs for a range of dates, both ends included; waits for them unless told otherwise. */
export async function createBackfill(dagId: string, options: BackfillOptions): Promise<number> {
  const { fromDate, toDate } = options;
  if (fromDate === undefined || toDate === undefined) throw new MillraceError('bad_request', 'a backfill needs both dates: -s 2018-01-10 -e 2018-01-11');
  if (fromDate > toDate) throw new MillraceError('bad_request', `the range ends (${toDate}) before it begins (${fromDate})`);
  const api = ApiClient.fromEnvironment();
  const body = {
    dag_id: dagId, from_date: fromDate, to_date: toDate, max_active_runs: options.maxActiveRuns, reprocess_behavior: options.reprocessBehavior,
    run_backwards: options.runBackwards ?? false, dag_run_conf: options.dagRunConf ?? {},
  };
  if (options.dryRun === true) {
    const plan = await withDagName(api, dagId, () => api.post<{ backfills: Row[] }>('/api/v2/backfills/dry_run', body));
    print(await renderRows(plan.backfills, ['logical_date', 'partition_key'], options.output));
    tell(`${plan.backfills.length} runs would be made (dry run: nothing was)`);
    return 0;
  }
  const backfill = await withDagName(api, dagId, () => api.post('/api/v2/backfills', body));
  tell(`backfill ${String(backfill['id'])} of ${dagId}, ${fromDate} to ${toDate}`);
  if (!options.wait) {
    print(await renderRows([backfill], ['id', 'dag_id', 'from_date', 'to_date', 'max_active_runs', 'reprocess_behavior'], options.output));
    return 0;
  }
  const runs = await watchBackfill(api, backfill, dagId, fromDate, toDate);
  print(await renderRows(runs.map(withSeconds), RUN_COLUMNS, options.output));
  if (runs.length === 0) tell('no run was made: every date of the range has one. --reprocess-behavior completed runs them again');
  return runs.some((run) => run['state'] === 'failed') ? EXIT_FAILED_RUN : 0;
}

async function watchBackfill(api: ApiClient, backfill: Row, dagId: string, fromDate: string, toDate: string): Promise<Row[]> {
  const range = { run_type: 'backfill', logical_date_gte: fromDate, logical_date_lte: toDate, order_by: 'logical_date' };
  let told = '';
  for (let waitMs = 200; ; waitMs = Math.min(1_000, waitMs * 1.3)) {
    const current = await api.get(`/api/v2/backfills/${String(backfill['id'])}`);
    const runs = await api.list(`${dagPath(dagId)}/dagRuns`, 'dag_runs', range);
    const counts = new Map<string, number>();
    for (const run of runs) counts.set(String(run['state']), (counts.get(String(run['state'])) ?? 0) + 1);
    const line = `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}${current['is_paused'] === true ? ' (paused)' : ''}`;
    if (line !== told) tell(line);
    told = line;
    if (current['completed_at'] !== null && current['completed_at'] !== undefined) return runs;
    await sleep(waitMs);
  }
}
