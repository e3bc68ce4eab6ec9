import { reachable } from '../graph/setup-scopes.js';
import { sharedDims } from '../mapping/dimensions.js';
import { instancesOf, nodeAt, walk } from '../mapping/instance-tree.js';
import { enter } from './evolve.js';
import type { Plan } from '../graph/plan.js';
import type { Instance, Run } from './run.js';
import type { Step } from './step.js';

/** The first chosen id that is neither a task nor a group of the dag, if any. */
export function unknownChoice(run: Run, chosen: readonly string[]): string | undefined {
  return chosen.find((id) => !run.plan.byId.has(id) && !run.plan.groupMembers.has(id));
}

/**
 * Skips the direct downstream tasks a branch did not choose, whatever their rule, except those also downstream of a chosen
 * one. Teardowns judge for themselves. O(what is downstream of the chosen).
 */
export function skipNotChosen(step: Step, branch: Instance, chosen: readonly string[]): void {
  const { plan } = step.run;
  const positions = chosen.flatMap((id) => plan.byId.get(id) ?? firstTasks(plan, id));
  const below = plan.tasks[branch.task]?.downstreamTasks ?? [];
  const direct = new Set(positions);
  const others = below.filter((position) => !direct.has(position));
  if (others.length === 0) return;
  const behind = reachable(positions, (at) => plan.tasks[at]?.downstreamTasks);
  skip(step, others.filter((position) => !behind.has(position)), branch);
}

/** A short circuit skips all that is downstream, or what is directly. */
export function skipBy(step: Step, circuit: Instance, reach: 'all' | 'direct'): void {
  const { plan } = step.run;
  const direct = plan.tasks[circuit.task]?.downstreamTasks ?? [];
  const positions = reach === 'direct' ? direct : [...reachable([circuit.task], (at) => plan.tasks[at]?.downstreamTasks)];
  skip(step, positions, circuit);
}

/**
 * Whether an instance was skipped by a direct upstream task whose word still stands: then clearing the instance alone does
 * not make it run (`isCleared`: the instances that are cleared with it).
 */
export function isHeldSkipped(run: Run, instance: Instance, isCleared: (other: Instance) => boolean): boolean {
  if (instance.state !== 'skipped' || instance.reason === null) return false;
  for (const position of run.plan.tasks[instance.task]?.upstreamTasks ?? []) {
    for (const above of sameIndexes(run, instance, position)) {
      if (above.state === 'success' && !isCleared(above) && instance.reason === skippedBy(run, above)) return true;
    }
  }
  return false;
}

function skippedBy(run: Run, instance: Instance): string {
  return `skipped by "${run.plan.tasks[instance.task]?.taskId ?? ''}"`;
}

/** Choosing a group chooses the tasks it begins with. */
function firstTasks(plan: Plan, groupId: string): number[] {
  const members = new Set(plan.groupMembers.get(groupId));
  return [...members].filter((position) => plan.tasks[position]?.upstreamTasks.some((above) => members.has(above)) === false);
}

/**
 * Only what has not begun: a task that runs already (its rule did not wait for the branch) goes on. And only the same index of a mapped group: what
 * is outside of it, and so comes after all its indexes, judges for itself.
 */
function skip(step: Step, positions: readonly number[], by: Instance): void {
  const { run } = step;
  const reason = skippedBy(run, by);
  const dims = run.plan.tasks[by.task]?.dims ?? [];
  for (const position of positions) {
    const task = run.plan.tasks[position];
    if (task === undefined || task.isTeardown || sharedDims(dims, task.dims) < dims.length) continue;
    for (const instance of allBelow(run, by, position)) {
      const hasNotBegun = instance.state === null || (instance.state === 'scheduled' && instance.attemptId === null);
      if (hasNotBegun) enter(step, instance, 'skipped', reason);
    }
  }
}

/** Instances of a task that have the indexes of an instance. */
function allBelow(run: Run, instance: Instance, position: number): readonly Instance[] {
  const tree = run.book.trees[position];
  if (tree == null || instance.indexPath.length === 0) return instancesOf(run, position);
  const node = nodeAt(tree, instance.indexPath, instance.indexPath.length);
  const found: Instance[] = [];
  if (node !== undefined) walk(node, (one) => found.push(one));
  return found;
}

/** The instance of a task whose whole path an instance has too. */
function sameIndexes(run: Run, instance: Instance, position: number): readonly Instance[] {
  const tree = run.book.trees[position];
  if (tree == null) return run.book.byTask[position] ?? [];
  const above = run.plan.tasks[position]?.dims ?? [];
  if (sharedDims(above, run.plan.tasks[instance.task]?.dims ?? []) < above.length) return [];
  const node = nodeAt(tree, instance.indexPath, above.length);
  return node === undefined ? [] : [node.instance];
}
