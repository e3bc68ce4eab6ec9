import { allInstances } from '../mapping/instance-tree.js';
import { iterateTo } from '../mapping/expand.js';
import { isHeldSkipped } from './branching.js';
import { clearInstance } from './clear-instance.js';
import type { RunEvent } from './events.js';
import { begin } from './on-started.js';
import { forgetRetry } from './run-retries.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** These instances run again, when their rules say so; those downstream are not cleared unless the caller chose them too. */
export function onCleared(step: Step, event: Extract<RunEvent, { type: 'cleared' }>): string | null {
  const { run } = step;
  const chosen = event.instanceIds.flatMap((id) => run.instances.get(id) ?? []);
  if (chosen.length === 0) return 'none of the instances is in this run';
  const set = new Set(chosen);
  const isCleared = (other: Instance): boolean => set.has(other);
  const cleared = [...set].filter((instance) => !isHeldSkipped(run, instance, isCleared));
  forgetRetry(step);
  const changed = cleared.filter((instance) => clearInstance(step, instance, `cleared by ${event.by}`));
  for (const instance of changed) forgetLaterIterations(step, instance);
  if (changed.length === 0) return 'the instances are undecided already, or a branch that stands skipped them';
  if ((run.state === 'success' || run.state === 'failed') && event.keepRun !== true) {
    step.reopened = true;
    begin(step);
    run.reason = `cleared by ${event.by}`;
    // Undecided ones of a run that could not proceed get another chance.
    if (run.book.undecided > 0) for (const instance of allInstances(run)) if (instance.state === null) step.pending.push(instance);
  }
  return null;
}

/** Whether the loop goes on after a condition that runs again is not known any more. */
function forgetLaterIterations(step: Step, instance: Instance): void {
  const { plan } = step.run;
  const dimension = plan.dimensions[plan.tasks[instance.task]?.mapping?.conditionOf ?? -1];
  if (dimension === undefined || instance.state === 'removed') return;
  iterateTo(step, dimension, instance.indexPath.slice(0, dimension.depth), (instance.indexPath[dimension.depth] ?? 0) + 1);
}
