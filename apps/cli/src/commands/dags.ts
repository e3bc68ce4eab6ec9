import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, withDagName } from '../client/dag-names.js';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { printable, renderOne, renderRows } from '../output/render.js';
import { RUN_COLUMNS, withSeconds } from '../output/run-rows.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { LogPrinter } from '../watching/log-printer.js';
import { watchRun } from '../watching/watch-run.js';
import { endOfRun } from './runs.js';

const EXIT_IMPORT_ERRORS = 1;
const LIST = ['dag_id', 'schedule', 'is_paused', 'owners', 'tags', 'next_run', 'file'];
const DETAILS = ['dag_id', 'description', 'schedule', 'timezone', 'is_paused', 'catchup', 'owners', 'tags', 'max_active_runs', 'max_active_tasks', 'start_date', 'end_date', 'next_run', 'file', 'version', 'last_parsed_time', 'has_import_errors'];

export async function listDags(options: OutputOptions & { readonly pattern?: string; readonly tags?: string; readonly paused?: boolean }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const dags = await api.list('/api/v2/dags', 'dags', { dag_id_pattern: options.pattern, tags: options.tags, paused: options.paused, order_by: 'dag_id' });
  print(await renderRows(options.output === 'table' || options.output === 'plain' ? dags.map(forPeople) : dags, LIST, options.output));
}

export async function showDag(dagId: string, options: OutputOptions & { readonly tree?: boolean }): Promise<void> {
  const api = ApiClient.fromEnvironment();
  if (options.tree === true) return print(treeOf((await withDagName(api, dagId, () => api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`))).tasks));
  const [dag, tasks] = await withDagName(api, dagId, () => Promise.all([api.get(`${dagPath(dagId)}/details`), api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`)]));
  if (options.output === 'json' || options.output === 'yaml') return print(await renderOne({ ...dag, tasks: tasks.tasks }, [], options.output));
  print(await renderOne(forPeople(dag), DETAILS, options.output));
  print(`\n${await renderRows(tasks.tasks.map(taskForPeople), ['task_id', 'operator', 'downstream', 'trigger_rule', 'retries', 'queue'], options.output)}`);
}

/** Each task below those it comes after; what was drawn before is not drawn again, since a wide dag has more paths than anyone reads. */
function treeOf(tasks: readonly Row[]): string {
  const below = new Map(tasks.map((task) => [String(task['task_id']), (task['downstream_task_ids'] as string[] | null) ?? []]));
  const later = new Set([...below.values()].flat());
  const drawn = new Set<string>();
  const lines: string[] = [];
  const open = [...below.keys()].filter((id) => !later.has(id)).map((id) => ({ id, depth: 0 }));
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { id, depth } = next;
    const following = below.get(id) ?? [];
    const isRepeated = drawn.has(id) && following.length > 0;
    lines.push(`${'    '.repeat(depth)}${printable(id)}${isRepeated ? ' (see above)' : ''}\n`);
    if (!isRepeated) open.unshift(...following.map((each) => ({ id: each, depth: depth + 1 })));
    drawn.add(id);
  }
  return lines.join('');
}

/** Airflow's command of this name: exit code 1 when there are any, for scripts that check dags before they are rolled out. */
export async function listImportErrors(options: OutputOptions): Promise<number> {
  const errors = await ApiClient.fromEnvironment().list('/api/v2/importErrors', 'import_errors', { order_by: 'filename' });
  if (options.output !== 'table') print(await renderRows(errors, ['filename', 'timestamp', 'stack_trace'], options.output));
  else if (errors.length === 0) print('No data found\n');
  // What an author reads is the text around the mistake, which no cell of a table holds.
  else print(errors.map((error) => `${String(error['stack_trace']).trimEnd().split('\n').map(printable).join('\n')}\n`).join('\n'));
  return errors.length === 0 ? 0 : EXIT_IMPORT_ERRORS;
}

export interface TriggerOptions extends OutputOptions {
  readonly conf?: object;
  readonly logicalDate?: string;
  readonly runId?: string;
  readonly note?: string;
  readonly partitionKey?: string;
  readonly wait?: boolean;
  readonly timeout?: number;
}

export async function triggerDag(dagId: string, options: TriggerOptions): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const run = await trigger(api, dagId, options);
  if (options.wait === true) {
    tell(`${dagId}: ${String(run['dag_run_id'])}`);
    return endOfRun(api, dagId, String(run['dag_run_id']), options);
  }
  print(await renderRows([withSeconds(run)], RUN_COLUMNS, options.output));
  return run['state'] === 'failed' ? EXIT_FAILED_RUN : 0;
}

export async function setPaused(dagId: string, paused: boolean, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const dag = await withDagName(api, dagId, () => api.patch(dagPath(dagId), { is_paused: paused }));
  print(await renderRows([dag], ['dag_id', 'is_paused'], options.output));
}

/** One run with everything it says, for an author: states and logs as they come, and the exit code of the run. */
export async function testDag(dagId: string, date: string | undefined, options: OutputOptions & { readonly conf?: object }): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const triggered = await trigger(api, dagId, { ...options, note: 'millrace dags test', ...(date === undefined ? {} : { logicalDate: date }) });
  const runId = String(triggered['dag_run_id']);
  tell(`${dagId}: ${runId}`);
  const logs = new LogPrinter(api, dagId, runId);
  const run = await watchRun(api, dagId, runId, { onProgress: tell, onTry: (instance) => logs.follow(instance) });
  await logs.finished();
  print(await renderRows([withSeconds(run)], RUN_COLUMNS, options.output));
  return run['state'] === 'failed' ? EXIT_FAILED_RUN : 0;
}

async function trigger(api: ApiClient, dagId: string, options: Omit<TriggerOptions, 'output'>): Promise<Row> {
  const run = await withDagName(api, dagId, () => api.post(`${dagPath(dagId)}/dagRuns`, {
    logical_date: options.logicalDate ?? null,
    ...(options.conf === undefined ? {} : { conf: options.conf }),
    ...(options.runId === undefined ? {} : { dag_run_id: options.runId }),
    ...(options.note === undefined ? {} : { note: options.note }),
    ...(options.partitionKey === undefined ? {} : { partition_key: options.partitionKey }),
  }));
  const dag = await api.get(dagPath(dagId)).catch(() => null);
  if (dag?.['is_paused'] === true) tell(`${dagId} is paused: the run waits until you say: millrace dags unpause ${dagId}`);
  return run;
}

function forPeople(dag: Row): Row {
  const tags = Array.isArray(dag['tags']) ? dag['tags'].map((tag) => String((tag as Row)['name'] ?? tag)) : [];
  const version = (dag['latest_dag_version'] as Row | null | undefined)?.['version_number'] ?? null;
  return {
    ...dag, tags, version, schedule: dag['timetable_summary'] ?? dag['timetable_description'] ?? null,
    next_run: dag['next_dagrun_run_after'] ?? null, file: dag['relative_fileloc'] ?? dag['fileloc'] ?? null,
  };
}

function taskForPeople(task: Row): Row {
  return { ...task, operator: task['operator_name'] ?? null, downstream: task['downstream_task_ids'] ?? [] };
}
