import type { EndClass, Instance, Run, UpstreamCounts } from '../run/run.js';
import type { Step } from '../run/step.js';
import { judge, judgeSetups } from '../trigger-rules/trigger-rules.js';
import type { MappedEdge } from './edges.js';
import type { TreeNode } from './instance-tree.js';
import { nodeAt, nodesAtDepth, walk } from './instance-tree.js';
import { countsAs } from './iterations.js';

/** Has one instance looked at; `isTakenBack`: an end it may have been scheduled on is no more. */
export type Reconsider = (step: Step, below: Instance, isTakenBack: boolean) => void;

/** Counts an end, or an end that is taken back, in those below a task with an index path, and has them looked at where it can matter. */
export function countBelow(step: Step, instance: Instance, before: EndClass | null, next: EndClass | null, reconsider: Reconsider): void {
  forEachEdgeBelow(step.run, instance, (edge, below, isSetup) => {
    shift(step, edge, below, isSetup, countsAs(step.run, instance, edge.loops, before), countsAs(step.run, instance, edge.loops, next), reconsider);
  });
}

/** Counts an instance in those below it. Once for each, after those below exist. */
export function linkMapped(run: Run, instance: Instance, end: EndClass | null): void {
  forEachEdgeBelow(run, instance, (edge, below, isSetup) => {
    const counts = isSetup ? below.instance.setups : below.instance.upstream;
    if (counts === null) return;
    counts.total += 1;
    const as = countsAs(run, instance, edge.loops, end);
    if (as !== null) counts[as] += 1;
  });
}

/** Something changes that what these count as outside of a loop depends on: the loop went on, or is over, or is not any more. They do not change themselves. */
export function recount(step: Step, instances: readonly Instance[], end: (instance: Instance) => EndClass | null, reconsider: Reconsider, change: () => void): void {
  const { run } = step;
  const counted: { instance: Instance; edge: MappedEdge; below: TreeNode; isSetup: boolean; as: EndClass | null }[] = [];
  for (const instance of instances) {
    const ended = end(instance);
    if (ended === null) continue;
    forEachEdgeBelow(run, instance, (edge, below, isSetup) => {
      if (edge.loops !== null) counted.push({ instance, edge, below, isSetup, as: countsAs(run, instance, edge.loops, ended) });
    });
  }
  change();
  for (const { instance, edge, below, isSetup, as } of counted) {
    shift(step, edge, below, isSetup, as, countsAs(run, instance, edge.loops, end(instance)), reconsider);
  }
}

/** Those directly below that have to do with an instance: the same indexes, as far as both have them. */
export function forEachMappedBelow(run: Run, instance: Instance, visit: (below: Instance) => void): void {
  forEachEdgeBelow(run, instance, (_, below) => walk(below, visit));
}

/** By edge, where the instance is counted: the node all concerned stand under. */
export function forEachEdgeBelow(run: Run, instance: Instance, visit: (edge: MappedEdge, below: TreeNode, isSetup: boolean) => void): void {
  const mapping = run.plan.tasks[instance.task]?.mapping;
  if (mapping == null) return;
  for (const edge of mapping.below) {
    const below = countedIn(run, instance, edge);
    if (below !== undefined) visit(edge, below, false);
  }
  for (const edge of mapping.setupOf) {
    const below = countedIn(run, instance, edge);
    if (below !== undefined) visit(edge, below, true);
  }
}

function countedIn(run: Run, instance: Instance, edge: MappedEdge): TreeNode | undefined {
  const tree = run.book.trees[edge.task];
  if (tree != null) return nodeAt(tree, instance.indexPath, Math.min(edge.shared, instance.indexPath.length));
  const only = run.book.byTask[edge.task]?.[0];
  return only === undefined ? undefined : { instance: only, parent: null, children: [] };
}

function shift(step: Step, edge: MappedEdge, below: TreeNode, isSetup: boolean, before: EndClass | null, next: EndClass | null, reconsider: Reconsider): void {
  if (before === next) return;
  const counts = isSetup ? below.instance.setups : below.instance.upstream;
  if (counts === null) return;
  if (before !== null) counts[before] -= 1;
  if (next !== null) counts[next] += 1;
  if (below.children.length === 0) reconsider(step, below.instance, before !== null);
  else shiftAll(step, edge, below, counts, isSetup, before !== null, reconsider);
  const task = step.run.plan.tasks[edge.task];
  if (task?.mapping?.collects !== true || judge('all_done', counts) === 'wait') return;
  // What it is expanded over has ended once more, perhaps with more values or fewer.
  for (const node of nodesAtDepth(below, task.dims.length - 1)) if (node.instance.expandedTo !== null) step.pending.push(node.instance);
}

/** Only when somebody may be concerned: ten thousand that wait for the last of ten thousand are looked at once. */
function shiftAll(step: Step, edge: MappedEdge, below: TreeNode, counts: UpstreamCounts, isSetup: boolean, isTakenBack: boolean, reconsider: Reconsider): void {
  const task = step.run.plan.tasks[edge.task];
  const tree = step.run.book.trees[edge.task];
  if (task === undefined || tree == null) return;
  const isOpen = isSetup ? judgeSetups(counts) === 'wait' : judge(task.isTeardown ? 'all_done' : task.triggerRule, counts) === 'wait';
  if ((isTakenBack && tree.scheduled > 0) || (!isOpen && tree.undecided > 0)) walk(below, (instance) => reconsider(step, instance, isTakenBack));
}
