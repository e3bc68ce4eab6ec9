import { MillraceError, RUN_TYPES } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, runPath, withDagName } from '../client/dag-names.js';
import { confirmed } from '../output/confirm.js';
import { Progress } from '../output/progress.js';
import type { Format } from '../output/render.js';
import { renderRows } from '../output/render.js';
import { RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { resolveRun } from './tasks.js';

const REPORT_COLUMNS = ['file', 'seconds', 'dag_num', 'dags', 'last_parsed_time'];

/** The state of a run alone, so that a script can compare it. */
export async function dagState(dagId: string, run: string | undefined, options: { readonly output?: Format }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const row = await withDagName(api, dagId, () => api.get(runPath(dagId, runId)));
  if (options.output === undefined) print(`${String(row['state'])}\n`);
  else print(await renderRows([withSeconds(row)], RUN_COLUMNS, options.output));
}

export interface ListRunsOptions extends OutputOptions {
  readonly state?: string;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly backfill: boolean;
  readonly limit: number;
}

/** Airflow's command of this name: the runs of a range of logical dates, newest first. */
export async function listDagRuns(dagId: string, options: ListRunsOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const query = { state: options.state, run_type: options.backfill ? undefined : RUN_TYPES.filter((type) => type !== 'backfill'), logical_date_gte: options.startDate, logical_date_lte: options.endDate, order_by: '-run_after' };
  const runs = await withDagName(api, dagId, () => api.list(`${dagPath(dagId)}/dagRuns`, 'dag_runs', query, options.limit));
  print(await renderRows(runs.map(withSeconds), RUN_COLUMNS, options.output));
}

/** Deletes a dag with its runs, after asking; its file brings it back empty. */
export async function deleteDag(dagId: string, options: { readonly yes?: boolean }): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const dag = await withDagName(api, dagId, () => api.get(dagPath(dagId)));
  if (options.yes !== true) {
    const { total_entries: runs } = await api.get<{ total_entries: number }>(`${dagPath(dagId)}/dagRuns`, { limit: 1 });
    const answer = await confirmed(`Delete ${dagId} with its ${runs} runs and all that is known of them?`);
    if (answer === null) throw new MillraceError('bad_request', `this would delete ${dagId} with its ${runs} runs; there is no terminal to ask: say it again with --yes`);
    if (!answer) {
      tell('Nothing was deleted.');
      return 0;
    }
  }
  await api.delete(dagPath(dagId));
  tell(`${dagId} is deleted${dag['is_stale'] === true ? '' : `; as long as ${String(dag['relative_fileloc'] ?? dag['fileloc'] ?? 'its file')} has it, it comes back, without its past`}`);
  return 0;
}

/** Which dags begin with, or wait for, what others do: one arrow a line, or as a Graphviz graph. */
export async function showDependencies(options: OutputOptions & { readonly dot?: boolean }): Promise<void> {
  const { dag_dependencies: rows } = await ApiClient.fromEnvironment().get<{ dag_dependencies: Row[] }>('/api/millrace/v1/dagDependencies');
  if (options.dot !== true) return print(await renderRows(rows, ['source', 'target', 'kind', 'via'], options.output));
  const quoted = (value: unknown): string => `"${String(value).replaceAll(/["\\]/g, '\\$&')}"`;
  print(`digraph dags {\n  rankdir=LR;\n${rows.map((row) => `  ${quoted(row['source'])} -> ${quoted(row['target'])} [label=${quoted(`${String(row['kind'])}: ${String(row['via'])}`)}];\n`).join('')}}\n`);
}

/** What each file gave and how long reading it took, slowest first. */
export async function reportDags(options: OutputOptions): Promise<void> {
  const dags = await ApiClient.fromEnvironment().list('/api/v2/dags', 'dags', { order_by: 'dag_id' });
  const files = new Map<string, Row & { dags: string[] }>();
  for (const dag of dags) {
    const file = String(dag['relative_fileloc'] ?? dag['fileloc'] ?? '');
    const key = `${String(dag['bundle_name'])}\n${file}`;
    const known = files.get(key) ?? { file, bundle_name: dag['bundle_name'] ?? null, seconds: dag['last_parse_duration'] ?? null, last_parsed_time: dag['last_parsed_time'] ?? null, dags: [] };
    known.dags.push(String(dag['dag_id']));
    files.set(key, known);
  }
  const rows = [...files.values()].map((row) => ({ ...row, dag_num: row.dags.length })).toSorted((a, b) => Number(b['seconds' as keyof typeof b] ?? 0) - Number(a['seconds' as keyof typeof a] ?? 0));
  print(await renderRows(rows, REPORT_COLUMNS, options.output));
}

/** Asks dag-processors to read the files of these dags, or of all, again. */
export async function reserializeDags(dagIds: readonly string[]): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const dags: Row[] = [];
  if (dagIds.length === 0) dags.push(...(await api.list('/api/v2/dags', 'dags', { order_by: 'dag_id' })));
  for (const dagId of dagIds) dags.push(await withDagName(api, dagId, () => api.get(dagPath(dagId))));
  const tokens = new Set(dags.map((dag) => String(dag['file_token'])));
  const progress = new Progress('files asked for', tokens.size);
  try {
    let done = 0;
    for (const token of tokens) {
      await api.put(`/api/v2/parseDagFile/${encodeURIComponent(token)}`);
      progress.at(++done);
    }
  } finally {
    progress.end();
  }
  tell(`dag-processors read ${tokens.size} files again; millrace dags list-import-errors shows what cannot be read`);
  return 0;
}
