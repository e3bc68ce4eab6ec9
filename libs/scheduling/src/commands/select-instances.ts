import type { RunCommandReader, SelectableRow } from '@millrace/persistence';
import { MillraceError, mapIndexOf } from '@millrace/vocabulary';
import type { InstanceId, InstanceState, RunId } from '@millrace/vocabulary';
import type { Plan } from '@millrace/engine';
import type { RunCache } from '../run-cache/run-cache.js';
import type { InstanceSelection, SelectedInstance } from './commands.js';

const FAILED: readonly (string | null)[] = ['failed', 'upstream_failed'];
const RUNNING: readonly (string | null)[] = ['running', 'restarting', 'queued', 'scheduled'];

/** Airflow's selection for clear and mark: tasks of one run or of a range of dates, with what is up- and downstream, earlier and later. */
export async function selectInstances(reader: RunCommandReader, cache: RunCache, selection: InstanceSelection): Promise<SelectedInstance[]> {
  const range = await rangeOf(reader, selection);
  const rows = await reader.selectable(selection.dagId, range.runId, range.from, range.to);
  await cache.loadVersions(rows.map((row) => row.versionId));
  refuseUnknownTasks(cache, selection, rows);
  const wantedOf = wantedTasks(cache, selection);
  const selected = rows.filter((row) => {
    const wanted = wantedOf(row);
    if (wanted === undefined) return false;
    if (wanted !== 'all' && !wanted.includes(mapIndexOf(row.indexPath))) return false;
    if (selection.onlyFailed && !FAILED.includes(row.state)) return false;
    if (selection.onlyRunning && !RUNNING.includes(row.state)) return false;
    return true;
  });
  return selected.map((row) => ({
    id: row.id as InstanceId,
    dagRunUuid: row.dagRunUuid as RunId,
    dagId: row.dagId,
    runId: row.runId,
    taskId: row.taskId,
    indexPath: row.indexPath,
    state: row.state as InstanceState,
  }));
}

async function rangeOf(reader: RunCommandReader, selection: InstanceSelection): Promise<{ runId: string | null; from: Date | null; to: Date | null }> {
  const from = selection.startDate ?? null;
  const to = selection.endDate ?? null;
  if (selection.runId === null) return { runId: null, from, to };
  const run = await reader.run(selection.dagId, selection.runId);
  if (run === undefined) throw new MillraceError('run_not_found', `The DagRun with dag_id: \`${selection.dagId}\` and run_id: \`${selection.runId}\` was not found`);
  if (!selection.includePast && !selection.includeFuture) return { runId: selection.runId, from: null, to: null };
  return { runId: null, from: selection.includePast ? from : run.orderDate, to: selection.includeFuture ? to : run.orderDate };
}

/** A task that none of the versions involved has is a mistyped name, not an empty selection. A selection without runs has nothing to judge by. */
function refuseUnknownTasks(cache: RunCache, selection: InstanceSelection, rows: readonly SelectableRow[]): void {
  if (rows.length === 0) return;
  const plans = [...new Set(rows.map((row) => row.versionId))].map((versionId) => cache.version(versionId).plan);
  for (const item of selection.tasks ?? []) {
    const taskId = typeof item === 'string' ? item : item[0];
    if (!plans.some((plan) => plan.byId.has(taskId))) throw new MillraceError('task_not_found', `Task '${taskId}' not found in DAG '${selection.dagId}'`);
  }
}

/** For each row: which map indexes of its task are meant (`all`, a list, or not at all), by the version its run is pinned to. */
function wantedTasks(cache: RunCache, selection: InstanceSelection): (row: SelectableRow) => 'all' | readonly number[] | undefined {
  const byVersion = new Map<string, Map<string, 'all' | number[]>>();
  return (row) => {
    if (selection.tasks === null) return 'all';
    let wanted = byVersion.get(row.versionId);
    if (wanted === undefined) byVersion.set(row.versionId, (wanted = closure(cache.version(row.versionId).plan, selection)));
    return wanted.get(row.taskId);
  };
}

function closure(plan: Plan, selection: InstanceSelection): Map<string, 'all' | number[]> {
  const wanted = new Map<string, 'all' | number[]>();
  for (const item of selection.tasks ?? []) {
    const [taskId, mapIndex] = typeof item === 'string' ? [item, undefined] : item;
    const known = wanted.get(taskId);
    if (mapIndex === undefined) wanted.set(taskId, 'all');
    else if (known !== 'all') wanted.set(taskId, [...(known ?? []), mapIndex]);
  }
  const roots = [...wanted.keys()];
  if (selection.includeDownstream) for (const id of reach(plan, roots, 'downstreamTasks')) wanted.set(id, wanted.get(id) ?? 'all');
  if (selection.includeUpstream) for (const id of reach(plan, roots, 'upstreamTasks')) wanted.set(id, wanted.get(id) ?? 'all');
  if (selection.withoutSetups === true) return wanted;
  // What it needs around it: the setups it stands under, and their teardowns.
  for (const position of around(plan, [...wanted.keys()])) wanted.set(plan.tasks[position]!.taskId, wanted.get(plan.tasks[position]!.taskId) ?? 'all');
  return wanted;
}

function around(plan: Plan, taskIds: readonly string[]): Set<number> {
  const found = new Set<number>();
  for (const taskId of taskIds) {
    const task = plan.tasks[plan.byId.get(taskId) ?? -1];
    if (task === undefined) continue;
    for (const setup of task.setups) {
      found.add(setup);
      for (const below of task.isTeardown ? [] : plan.tasks[setup]!.downstreamTasks) if (plan.tasks[below]!.isTeardown) found.add(below);
    }
    for (const below of task.isSetup ? task.downstreamTasks : []) if (plan.tasks[below]!.isTeardown) found.add(below);
  }
  return found;
}

function reach(plan: Plan, from: readonly string[], edges: 'downstreamTasks' | 'upstreamTasks'): Set<string> {
  const seen = new Set<string>();
  const open = from.flatMap((id) => plan.byId.get(id) ?? []);
  while (open.length > 0) {
    for (const next of plan.tasks[open.pop()!]![edges]) {
      const { taskId } = plan.tasks[next]!;
      if (seen.has(taskId)) continue;
      seen.add(taskId);
      open.push(next);
    }
  }
  return seen;
}
