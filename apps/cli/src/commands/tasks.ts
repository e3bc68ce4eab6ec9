import { ERRORS, MillraceError, isFinished } from '@millrace/vocabulary';
import type { InstanceState } from '@millrace/vocabulary';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { dagPath, runPath, withDagName } from '../client/dag-names.js';
import { EXIT_FAILED_RUN } from '../client/failure.js';
import { instant, isInstant } from '../client/instants.js';
import { renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';
import { logEvents, logLine } from '../watching/follow-log.js';
import { instanceOf, isTryOver } from '../watching/log-printer.js';

export async function listTasks(dagId: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const { tasks } = await withDagName(api, dagId, () => api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`));
  const rows = options.output === 'json' || options.output === 'yaml' ? tasks : tasks.map((task) => ({ ...task, operator: task['operator_name'] ?? null, downstream: task['downstream_task_ids'] ?? [] }));
  print(await renderRows(rows, ['task_id', 'operator', 'downstream', 'trigger_rule', 'retries', 'queue'], options.output));
}

/** The founding `run DAG TASK DATE`: one task of the run of that date, its log as it is written, its result as exit code. */
export async function runTask(dagId: string, taskId: string, date: string): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const begun = await withDagName(api, dagId, () => api.post<{ dag_run_id: string; try_number: number }>(`/api/millrace/v1/dags/${encodeURIComponent(dagId)}/taskRuns`, { task_id: taskId, logical_date: date }));
  tell(`${dagId}.${taskId}: ${begun.dag_run_id}, try ${begun.try_number}`);
  const state = await followToTheEnd(api, dagId, begun.dag_run_id, taskId, begun.try_number);
  tell(`${dagId}.${taskId}: ${String(state)}`);
  return state === 'success' || state === 'skipped' ? 0 : EXIT_FAILED_RUN;
}

export interface LogsOptions extends OutputOptions {
  readonly try?: number;
  readonly mapIndex?: number;
  readonly follow?: boolean;
}

export async function showLogs(dagId: string, taskId: string, run: string | undefined, options: LogsOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const runId = await resolveRun(api, dagId, run);
  const mapIndex = options.mapIndex ?? -1;
  let instance = await instanceOf(api, dagId, runId, taskId, mapIndex);
  if (options.follow === true) instance = await firstStart(api, dagId, runId, taskId, mapIndex);
  const tryNumber = options.try ?? Number(instance['try_number']);
  if (tryNumber < 1) throw new MillraceError('not_found', `${taskId} of ${runId} has not run yet (it is ${String(instance['state'] ?? 'not scheduled')}); -f waits for it`);
  const isOver = async (): Promise<boolean> => isTryOver(await instanceOf(api, dagId, runId, taskId, mapIndex), tryNumber);
  for await (const event of logEvents(api, { dagId, runId, taskId, mapIndex, tryNumber }, options.follow === true, isOver)) {
    if (options.output === 'json') print(`${JSON.stringify(event)}\n`);
    else printLine(event);
  }
}

/** A run by its id, by its logical date, or the newest. */
export async function resolveRun(api: ApiClient, dagId: string, run: string | undefined): Promise<string> {
  if (run !== undefined && !isInstant(run)) return run;
  const date = run === undefined ? undefined : instant(run);
  const query = date === undefined ? { order_by: '-run_after' } : { logical_date_gte: date, logical_date_lte: date };
  const found = await withDagName(api, dagId, () => api.get<{ dag_runs: Row[] }>(`${dagPath(dagId)}/dagRuns`, { ...query, limit: 1 }));
  const id = found.dag_runs[0]?.['dag_run_id'];
  if (typeof id !== 'string') throw new MillraceError('run_not_found', date === undefined ? `${dagId} has no runs yet; millrace dags trigger ${dagId} starts one` : `${dagId} has no run with logical date ${date}`);
  return id;
}

async function followToTheEnd(api: ApiClient, dagId: string, runId: string, taskId: string, firstTry: number): Promise<InstanceState> {
  for (let tryNumber = firstTry; ; tryNumber++) {
    const started = await firstStart(api, dagId, runId, taskId, -1, tryNumber);
    if (Number(started['try_number']) < tryNumber) return started['state'] as InstanceState;
    const isOver = async (): Promise<boolean> => isTryOver(await instanceOf(api, dagId, runId, taskId, -1), tryNumber);
    for await (const event of logEvents(api, { dagId, runId, taskId, mapIndex: -1, tryNumber }, true, isOver)) printLine(event);
    let instance = await instanceOf(api, dagId, runId, taskId, -1);
    while (!isTryOver(instance, tryNumber)) {
      await sleep(200);
      instance = await instanceOf(api, dagId, runId, taskId, -1);
    }
    const state = instance['state'] as InstanceState;
    if (isFinished(state) && Number(instance['try_number']) <= tryNumber) return state;
    tell(`${dagId}.${taskId}: ${String(state)}, waiting for try ${tryNumber + 1}`);
  }
}

/** Instances come into being when their run starts: until then one is as good as not scheduled. */
async function instanceSoon(api: ApiClient, dagId: string, runId: string, taskId: string, mapIndex: number): Promise<Row> {
  try {
    return await instanceOf(api, dagId, runId, taskId, mapIndex);
  } catch (error) {
    if (!(error instanceof MillraceError && ERRORS[error.code].http === 404)) throw error;
    const run = await api.get<Row>(runPath(dagId, runId));
    const { tasks } = await api.get<{ tasks: Row[] }>(`${dagPath(dagId)}/tasks`);
    const isToCome = run['state'] === 'queued' && tasks.some((task) => task['task_id'] === taskId);
    // The run may have started between the two questions; then the next look finds the instance, or the task is not in the run.
    if (!isToCome && run['state'] !== 'running') throw error;
    if (!isToCome) return instanceOf(api, dagId, runId, taskId, mapIndex);
    return { task_id: taskId, map_index: mapIndex, state: null, try_number: 0, start_date: null };
  }
}

/** Waits until a try runs or is over. */
async function firstStart(api: ApiClient, dagId: string, runId: string, taskId: string, mapIndex: number, tryNumber = 1): Promise<Row> {
  let told: unknown = 'running';
  for (let waitMs = 50; ; waitMs = Math.min(1_000, waitMs * 1.5)) {
    const instance = await instanceSoon(api, dagId, runId, taskId, mapIndex);
    const state = instance['state'] as InstanceState;
    if ((Number(instance['try_number']) >= tryNumber && state !== 'queued' && state !== 'scheduled' && state !== null) || isFinished(state)) return instance;
    if (waitMs > 500 && state !== told) {
      tell(`${taskId}: ${String(state ?? 'not scheduled yet')}`);
      told = state;
    }
    await sleep(waitMs);
  }
}

function printLine(event: Row): void {
  const line = logLine(event);
  if (line !== '') print(`${line}\n`);
}

export async function instancesOf(api: ApiClient, dagId: string, runId: string): Promise<Row[]> {
  return api.list(`${runPath(dagId, runId)}/taskInstances`, 'task_instances', {}, 5_000);
}
