import { expandFromTheStart } from '../mapping/expand.js';
import { link, register } from './evolve.js';
import { newInstance } from './new-instance.js';
import type { Step } from './step.js';

/** Makes the instances of all tasks that exist in the run, undecided; of mapped tasks those whose number is known from the start. */
export function createInstances(step: Step): void {
  const { run } = step;
  for (const task of run.plan.tasks) {
    if (run.book.selection !== null && !run.book.selection.has(task.position)) continue;
    const instance = newInstance(run, task, []);
    register(run, instance);
    step.created.add(instance);
  }
  for (const instance of step.created) link(run, instance);
  expandFromTheStart(step);
}
