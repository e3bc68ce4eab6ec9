import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, runPath, withDagName } from '../client/dag-names.js';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { renderOne, renderRows } from '../output/render.js';
import { INSTANCE_COLUMNS, RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { watchRun } from '../watching/watch-run.js';
import { instancesOf, resolveRun } from './tasks.js';

export async function listRuns(dagId: string, options: OutputOptions & { readonly state?: string; readonly limit: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runs = await withDagName(api, dagId, () => api.list(`${dagPath(dagId)}/dagRuns`, 'dag_runs', { state: options.state, order_by: '-run_after' }, options.limit));
  print(await renderRows(runs.map(withSeconds), RUN_COLUMNS, options.output));
}

export async function showRun(dagId: string, run: string | undefined, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const [row, instances] = await withDagName(api, dagId, async () => [await api.get(runPath(dagId, runId)), await instancesOf(api, dagId, runId)] as const);
  if (options.output === 'json' || options.output === 'yaml') return print(await renderOne({ ...row, task_instances: instances }, [], options.output));
  print(await renderOne(withSeconds(row), [...RUN_COLUMNS, 'conf', 'note', 'triggered_by', 'triggering_user_name'], options.output));
  print(`\n${await renderRows(instances.map(withSeconds), INSTANCE_COLUMNS, options.output)}`);
}

export async function waitForRun(dagId: string, run: string | undefined, options: OutputOptions & { readonly timeout?: number }): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  return endOfRun(api, dagId, runId, options);
}

/** Watches a run to its end, prints it with its result, and gives the exit code. */
export async function endOfRun(api: ApiClient, dagId: string, runId: string, options: OutputOptions & { readonly timeout?: number }): Promise<number> {
  const ended = await watchRun(api, dagId, runId, { onProgress: tell, ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1_000 }) });
  const result = await resultOf(api, dagId, runId);
  if (result === undefined) print(await renderRows([withSeconds(ended)], RUN_COLUMNS, options.output));
  else print(await renderRows([{ ...withSeconds(ended), result: result['result'] ?? null }], [...RUN_COLUMNS, 'result'], options.output));
  return ended['state'] === 'failed' ? EXIT_FAILED_RUN : 0;
}

/** undefined: the dag has none. */
async function resultOf(api: ApiClient, dagId: string, runId: string): Promise<Row | undefined> {
  try {
    return await api.get(`${runPath(dagId, runId).replace('/api/v2/', '/api/millrace/v1/')}/result`);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not_found') return undefined;
    throw error;
  }
}
