import type { InstanceId, InstanceState } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import type { Plan, PlanTask } from '../graph/plan.js';
import type { StoredInstance } from '../run/run.js';

/*
 * Which stored rows have to do with each other, read from the rows alone by whole scans: the checker's own idea of index paths, without trees,
 * stand-ins' counts or shortcuts.
 */

type Rows = ReadonlyMap<unknown, StoredInstance>;

/** States of the instances of these tasks that an instance depends on: the same indexes, of a loop it stands outside of the last iteration. */
export function statesAbove(plan: Plan, rows: Rows, task: PlanTask, path: readonly number[], positions: readonly number[]): InstanceState[] {
  return positions.flatMap((position) => {
    const above = plan.tasks[position];
    if (above === undefined) return [];
    const shared = sharedLength(task.dims, above.dims);
    const own = ofTask(rows, above).filter((row) => agree(row.indexPath, path, shared));
    return own.filter((row) => isLast(plan, own, row, shared)).map((row) => (isOver(plan, rows, row, above, shared) || !isFinished(row.state) ? row.state : null));
  });
}

/** Rows that count when the run's end is decided: not what a loop left behind. */
export function decidingRows(plan: Plan, rows: Rows, task: PlanTask): StoredInstance[] {
  const own = ofTask(rows, task);
  return own.filter((row) => isLast(plan, own, row, 0));
}

/** A stand-in has as many instances as its length says, each once; what is beyond is removed. */
export function wrongChildren(rows: Rows): string | null {
  const all = [...rows.values()];
  for (const row of all) {
    if (row.expandedTo === null || row.expandedTo === 0) continue;
    const depth = row.indexPath.length;
    const indexes = all
      .filter((other) => other.taskId === row.taskId && other.indexPath.length === depth + 1 && agree(other.indexPath, row.indexPath, depth))
      .map((other) => ({ index: other.indexPath[depth] ?? -1, isThere: other.state !== 'removed' || (other.expandedTo ?? 0) > 0 }));
    const there = indexes.filter(({ isThere }) => isThere).map(({ index }) => index).sort((a, b) => a - b);
    const isRight = there.length === row.expandedTo && there.every((index, i) => index === i) && new Set(indexes.map(({ index }) => index)).size === indexes.length;
    if (!isRight) return `${row.taskId} [${row.indexPath.join(',')}] was expanded to ${row.expandedTo}, and has ${there.join(',') || 'none'}`;
  }
  return null;
}

/** What was expanded over one result that stands has its length. */
export function wrongLength(plan: Plan, rows: Rows): string | null {
  for (const task of plan.tasks) {
    for (const row of ofTask(rows, task, true)) {
      const dimension = plan.dimensions[task.dims[row.indexPath.length] ?? -1];
      const [only] = dimension?.lengths ?? [];
      if (row.expandedTo === null || row.expandedTo === 0 || dimension === undefined || dimension.lengths.length !== 1 || only?.of !== 'task' || only.isMany) continue;
      const source = plan.tasks[only.task];
      const of = source === undefined ? undefined : ofTask(rows, source).find((other) => other.indexPath.length === only.shared && agree(other.indexPath, row.indexPath, only.shared));
      const length = of?.state === 'success' ? of.lengths?.[only.key] : undefined;
      if (length !== undefined && length !== row.expandedTo) return `${task.taskId} [${row.indexPath.join(',')}] was expanded to ${row.expandedTo}, its list has ${length}`;
    }
  }
  return null;
}

/** A loop went on exactly where its condition said so. */
export function wrongIterations(plan: Plan, rows: Rows, words: ReadonlyMap<InstanceId, 'again' | 'stop'>): string | null {
  for (const dimension of plan.dimensions) {
    const condition = plan.tasks[dimension.loop?.condition ?? -1];
    if (dimension.loop === null || condition === undefined) continue;
    const own = ofTask(rows, condition);
    for (const row of own) {
      const word = words.get(row.id);
      const index = row.indexPath[dimension.depth];
      if (row.state !== 'success' || word === undefined || index === undefined) continue;
      const next = own.some((other) => other.indexPath.length === row.indexPath.length && agree(other.indexPath, row.indexPath, dimension.depth) && other.indexPath[dimension.depth] === index + 1);
      if (next !== (word === 'again' && index + 1 < dimension.loop.max)) return `${condition.taskId} [${row.indexPath.join(',')}] said ${word}, and there is ${next ? 'another' : 'no other'} iteration`;
    }
  }
  return null;
}

function ofTask(rows: Rows, task: PlanTask, withExpanded = false): StoredInstance[] {
  return [...rows.values()].filter((row) => row.taskId === task.taskId && (withExpanded ? row.expandedTo !== null : row.state !== 'removed'));
}

function agree(a: readonly number[], b: readonly number[], length: number): boolean {
  for (let i = 0; i < Math.min(length, a.length, b.length); i++) if (a[i] !== b[i]) return false;
  return true;
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((dimension, i) => dimension !== b[i]);
  return differing < 0 ? Math.min(a.length, b.length) : differing;
}

function isLoopAt(plan: Plan, task: PlanTask, at: number): boolean {
  return plan.dimensions[task.dims[at] ?? -1]?.loop != null;
}

function isLast(plan: Plan, own: readonly StoredInstance[], row: StoredInstance, shared: number): boolean {
  const task = plan.tasks[plan.byId.get(row.taskId) ?? -1];
  if (task === undefined) return false;
  return row.indexPath.every((index, at) => at < shared || !isLoopAt(plan, task, at) || own.every((other) => !agree(other.indexPath, row.indexPath, at) || (other.indexPath[at] ?? 0) <= index));
}

function isOver(plan: Plan, rows: Rows, row: StoredInstance, task: PlanTask, shared: number): boolean {
  return row.indexPath.every((_, at) => {
    if (at < shared || !isLoopAt(plan, task, at)) return true;
    const condition = plan.tasks[plan.dimensions[task.dims[at] ?? -1]?.loop?.condition ?? -1];
    if (condition === undefined || condition === task) return true;
    const said = [...rows.values()].find((other) => other.taskId === condition.taskId && other.indexPath.length === at + 1 && agree(other.indexPath, row.indexPath, at + 1));
    return said === undefined || isFinished(said.state);
  });
}
