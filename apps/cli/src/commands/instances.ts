import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, runPath, withDagName } from '../client/dag-names.js';
import { confirmed } from '../output/confirm.js';
import { Progress } from '../output/progress.js';
import type { Format } from '../output/render.js';
import { renderOne, renderRows } from '../output/render.js';
import { withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { instanceOf } from '../watching/log-printer.js';
import { instancesOf, resolveRun } from './tasks.js';

const STATE_COLUMNS = ['dag_id', 'logical_date', 'task_id', 'map_index', 'state', 'start_date', 'end_date', 'seconds'];
const CLEAR_COLUMNS = ['dag_run_id', 'task_id', 'map_index', 'state', 'try_number', 'start_date'];

export interface InstanceOptions {
  readonly mapIndex?: number;
  /** Left out: only what was asked for. */
  readonly output?: Format;
}

/** The state alone, so that a script can compare it. */
export async function taskState(dagId: string, taskId: string, run: string | undefined, options: InstanceOptions): Promise<void> {
  const instance = await oneInstance(dagId, taskId, run, options);
  if (options.output === undefined) print(`${String(instance['state'] ?? 'None')}\n`);
  else print(await renderRows([withSeconds(instance)], STATE_COLUMNS, options.output));
}

export async function statesOfRun(dagId: string, run: string | undefined, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const instances = await withDagName(api, dagId, () => instancesOf(api, dagId, runId));
  print(await renderRows(instances.map(withSeconds), STATE_COLUMNS, options.output));
}

/** Fields of an operator as its newest try had them, after templates. */
export async function renderedFields(dagId: string, taskId: string, run: string | undefined, options: InstanceOptions): Promise<void> {
  const instance = await oneInstance(dagId, taskId, run, options);
  const fields = (instance['rendered_fields'] ?? {}) as Row;
  const names = Object.keys(fields);
  if (names.length === 0) tell(`${dagId}.${taskId} has no rendered fields: ${Number(instance['try_number']) > 0 ? 'its operator has none' : 'it has not run yet in this run'}`);
  if (options.output !== undefined) return print(await renderOne(fields, names, options.output));
  for (const name of names) print(`# ${name}\n${typeof fields[name] === 'string' ? fields[name] : JSON.stringify(fields[name], null, 2)}\n`);
}

/** Airflow's words for what `tasks why` tells: what is not met. */
export async function failedDependencies(dagId: string, taskId: string, run: string | undefined, options: OutputOptions & { readonly mapIndex?: number }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const { dependencies } = await withDagName(api, dagId, () => api.get<{ dependencies: Row[] }>(`${runPath(dagId, runId)}/taskInstances/${encodeURIComponent(taskId)}/dependencies`, { map_index: options.mapIndex }));
  if (dependencies.length === 0) tell(`${dagId}.${taskId} waits for nothing: it may run, runs, or is over`);
  print(await renderRows(dependencies, ['name', 'reason'], options.output));
}

export interface ClearOptions extends OutputOptions {
  readonly taskRegex?: string;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly run?: string;
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly onlyFailed?: boolean;
  readonly onlyRunning?: boolean;
  readonly latest?: boolean;
  readonly note?: string;
  readonly yes?: boolean;
}

/** Shows what would run again, and clears it run by run once that is agreed to. */
export async function clearTasks(dagId: string, options: ClearOptions): Promise<number> {
  if (options.onlyFailed === true && options.onlyRunning === true) throw new MillraceError('bad_request', '--only-failed and --only-running together choose nothing');
  if (options.run !== undefined && (options.startDate !== undefined || options.endDate !== undefined)) throw new MillraceError('bad_request', 'say either --run or dates');
  if (options.startDate !== undefined && options.endDate !== undefined && options.endDate < options.startDate) throw new MillraceError('bad_request', `--end-date ${options.endDate} is before --start-date ${options.startDate}`);
  const api = ApiClient.fromEnvironment();
  const path = `${dagPath(dagId)}/clearTaskInstances`;
  const taskIds = await withDagName(api, dagId, () => matchingTasks(api, dagId, options.taskRegex));
  const which = { only_failed: options.onlyFailed === true, only_running: options.onlyRunning === true };
  const { task_instances: found } = await api.post<{ task_instances: Row[] }>(path, {
    ...which, dry_run: true, include_upstream: options.upstream === true, include_downstream: options.downstream === true,
    ...(taskIds === undefined ? {} : { task_ids: taskIds }), ...(options.run === undefined ? {} : { dag_run_id: await resolveRun(api, dagId, options.run) }),
    ...(options.startDate === undefined ? {} : { start_date: options.startDate }), ...(options.endDate === undefined ? {} : { end_date: options.endDate }),
  });
  print(await renderRows(found, CLEAR_COLUMNS, options.output));
  if (found.length === 0) return 0;
  const runs = groupedByRun(found);
  if (options.yes !== true) {
    const answer = await confirmed(`Clear ${found.length} task instances of ${runs.size} runs? They run again.`);
    if (answer !== true) {
      tell(answer === null ? 'Nothing was cleared. With --yes it is.' : 'Nothing was cleared.');
      return 0;
    }
  }
  await clearRuns(api, path, runs, { ...which, run_on_latest_version: options.latest === true, ...(options.note === undefined ? {} : { note: options.note }) });
  return 0;
}

async function clearRuns(api: ApiClient, path: string, runs: ReadonlyMap<string, readonly string[]>, how: object): Promise<void> {
  const progress = new Progress('cleared runs', runs.size);
  let [done, instances] = [0, 0];
  try {
    for (const [runId, tasks] of runs) {
      // What was shown, and no more: neighbours are among the tasks already.
      const { task_instances: cleared } = await api.post<{ task_instances: Row[] }>(path, { ...how, dry_run: false, dag_run_id: runId, task_ids: tasks });
      instances += cleared.length;
      progress.at(++done, `${instances} task instances`);
    }
  } finally {
    progress.end();
  }
}

function groupedByRun(instances: readonly Row[]): ReadonlyMap<string, readonly string[]> {
  const runs = new Map<string, Set<string>>();
  for (const instance of instances) {
    const runId = String(instance['dag_run_id']);
    if (!runs.has(runId)) runs.set(runId, new Set());
    runs.get(runId)!.add(String(instance['task_id']));
  }
  return new Map([...runs].map(([runId, tasks]) => [runId, [...tasks]]));
}

/** undefined: all. */
async function matchingTasks(api: ApiClient, dagId: string, regex: string | undefined): Promise<string[] | undefined> {
  if (regex === undefined) return undefined;
  let expression: RegExp;
  try {
    expression = new RegExp(regex);
  } catch (error) {
    throw new MillraceError('bad_request', `--task-regex ${JSON.stringify(regex)}: ${(error as Error).message}`);
  }
  const { tasks } = await api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`);
  const ids = tasks.map((task) => String(task['task_id']));
  const found = ids.filter((id) => expression.test(id));
  if (found.length === 0) throw new MillraceError('task_not_found', `no task of ${dagId} matches ${JSON.stringify(regex)}; it has ${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ', …' : ''}`);
  return found;
}

async function oneInstance(dagId: string, taskId: string, run: string | undefined, options: InstanceOptions): Promise<Row> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  return withDagName(api, dagId, () => instanceOf(api, dagId, runId, taskId, options.mapIndex ?? -1));
}
