import { reachable } from '../graph/setup-scopes.js';
import { enter } from './evolve.js';
import type { Instance, Run } from './run.js';
import type { Step } from './step.js';

/** The first chosen id that is no task of the dag, if any. */
export function unknownChoice(run: Run, chosen: readonly string[]): string | undefined {
  return chosen.find((taskId) => !run.plan.byId.has(taskId));
}

/**
 * Skips the direct downstream tasks a branch did not choose, whatever their rule, except those also downstream of a chosen
 * one. Teardowns judge for themselves. O(what is downstream of the chosen).
 */
export function skipNotChosen(step: Step, branch: Instance, chosen: readonly string[]): void {
  const { plan } = step.run;
  const positions = chosen.flatMap((taskId) => plan.byId.get(taskId) ?? []);
  const below = plan.tasks[branch.task]?.downstreamTasks ?? [];
  const direct = new Set(positions);
  const others = below.filter((position) => !direct.has(position));
  if (others.length === 0) return;
  const behind = reachable(positions, (at) => plan.tasks[at]?.downstreamTasks);
  skip(step, others.filter((position) => !behind.has(position)), skippedBy(step.run, branch));
}

/** A short circuit skips all that is downstream, or what is directly. */
export function skipBy(step: Step, circuit: Instance, reach: 'all' | 'direct'): void {
  const { plan } = step.run;
  const direct = plan.tasks[circuit.task]?.downstreamTasks ?? [];
  const positions = reach === 'direct' ? direct : [...reachable([circuit.task], (at) => plan.tasks[at]?.downstreamTasks)];
  skip(step, positions, skippedBy(step.run, circuit));
}

/**
 * Whether an instance was skipped by a direct upstream task whose word still stands: then clearing the instance alone does
 * not make it run (`isCleared`: the instances that are cleared with it).
 */
export function isHeldSkipped(run: Run, instance: Instance, isCleared: (other: Instance) => boolean): boolean {
  if (instance.state !== 'skipped' || instance.reason === null) return false;
  for (const position of run.plan.tasks[instance.task]?.upstreamTasks ?? []) {
    for (const above of run.book.byTask[position] ?? []) {
      if (above.state === 'success' && !isCleared(above) && instance.reason === skippedBy(run, above)) return true;
    }
  }
  return false;
}

function skippedBy(run: Run, instance: Instance): string {
  return `skipped by "${run.plan.tasks[instance.task]?.taskId ?? ''}"`;
}

/** Only what has not begun: a task that runs already (its rule did not wait for the branch) goes on. */
function skip(step: Step, positions: readonly number[], reason: string): void {
  for (const position of positions) {
    if (step.run.plan.tasks[position]?.isTeardown === true) continue;
    for (const instance of step.run.book.byTask[position] ?? []) {
      const hasNotBegun = instance.state === null || (instance.state === 'scheduled' && instance.attemptId === null);
      if (hasNotBegun) enter(step, instance, 'skipped', reason);
    }
  }
}
