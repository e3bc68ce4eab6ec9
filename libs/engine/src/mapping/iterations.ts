import { isFinished } from '@millrace/vocabulary';
import type { EndClass, Instance, Run } from '../run/run.js';
import { nodeAt, walk } from './instance-tree.js';

/** Whether a loop it is in went on to another iteration: outside of the loop only the last one counts. `loops`: places in its path. */
export function isSuperseded(run: Run, instance: Instance, loops: readonly number[]): boolean {
  const tree = run.book.trees[instance.task];
  if (tree == null) return false;
  return loops.some((at) => {
    if (at >= instance.indexPath.length) return false;
    const iterations = nodeAt(tree, instance.indexPath, at)?.instance.expandedTo ?? 0;
    return iterations - 1 > (instance.indexPath[at] ?? 0);
  });
}

/**
 * What an instance counts as outside of the loops an edge leaves: nothing until the loop is over, then its end if it is of the last iteration.
 * `ended`: what it counts as inside.
 */
export function countsAs(run: Run, instance: Instance, loops: readonly number[] | null, ended: EndClass | null): EndClass | null {
  if (loops === null || ended === null) return ended;
  if (isSuperseded(run, instance, loops)) return 'removed';
  return loops.every((at) => at >= instance.indexPath.length || isOver(run, instance, at)) ? ended : null;
}

/** All instances of the iteration a condition decides about, but itself. */
export function iterationOf(run: Run, condition: Instance): Instance[] {
  const dimension = run.plan.dimensions[run.plan.tasks[condition.task]?.mapping?.conditionOf ?? -1];
  const found: Instance[] = [];
  for (const position of dimension?.tasks ?? []) {
    const tree = run.book.trees[position];
    const node = tree == null ? undefined : nodeAt(tree, condition.indexPath, condition.indexPath.length);
    if (node !== undefined) walk(node, (instance) => instance !== condition && found.push(instance));
  }
  return found;
}

function isOver(run: Run, instance: Instance, at: number): boolean {
  const dimension = run.plan.dimensions[run.plan.tasks[instance.task]?.dims[at] ?? -1];
  const position = dimension?.loop?.condition ?? -1;
  const tree = run.book.trees[position];
  // The condition's own end is what it says.
  if (tree == null || position === instance.task) return true;
  const condition = nodeAt(tree, instance.indexPath, at + 1)?.instance;
  return condition === undefined || isFinished(condition.state);
}
