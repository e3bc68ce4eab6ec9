import { sharedDims } from './dimensions.js';
import { instancesOf, nodeAt, walk } from './instance-tree.js';
import type { Instance, Run } from '../run/run.js';

/** Instances of a task that have to do with an instance of another: those with the same indexes, as far as both have them. */
export function relatedInstances(run: Run, instance: Instance, position: number): readonly Instance[] {
  const tree = run.book.trees[position];
  const shared = sharedDims(run.plan.tasks[instance.task]?.dims ?? [], run.plan.tasks[position]?.dims ?? []);
  if (tree == null || shared === 0) return instancesOf(run, position);
  const found: Instance[] = [];
  const node = nodeAt(tree, instance.indexPath, Math.min(shared, instance.indexPath.length));
  if (node !== undefined) walk(node, (one) => found.push(one));
  return found;
}
