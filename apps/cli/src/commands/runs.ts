import { ApiClient } from '../client/api-client.js';
import { dagPath, runPath, withDagName } from '../client/dag-names.js';
import { renderOne, renderRows } from '../output/render.js';
import { INSTANCE_COLUMNS, RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
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
