import type { PlanTask } from '../graph/plan.js';
import type { Verdict } from '../trigger-rules/trigger-rules.js';
import { judge, judgeSetups, judgeTeardown } from '../trigger-rules/trigger-rules.js';
import { dispatch, enter } from './evolve.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** Decides about every undecided instance something changed for, and about what follows from it. */
export function settle(step: Step): void {
  const { pending, run } = step;
  for (let instance = pending.pop(); instance !== undefined; instance = pending.pop()) {
    // A run that waits to start again is looked at whole when it does.
    if (instance.state !== null || run.state !== 'running') continue;
    const task = run.plan.tasks[instance.task];
    if (task === undefined) continue;
    const verdict = verdictOn(task, instance);
    if (verdict === 'run') enter(step, instance, 'scheduled', null);
    else if (verdict !== 'wait') enter(step, instance, verdict, null);
  }
}

/** Fills the free slots with the most urgent scheduled instances; O(log n) for each. */
export function promote(step: Step): void {
  const { run } = step;
  if (run.paused || run.state !== 'running') return;
  const room = Math.min(run.plan.maxActiveTasks, step.window);
  while (run.book.active < room) {
    const instance = run.book.ready.pop();
    if (instance === undefined) return;
    if (instance.state === 'scheduled') dispatch(step, instance);
  }
}

function verdictOn(task: PlanTask, instance: Instance): Verdict {
  if (task.isTeardown) return judgeTeardown(instance.upstream, instance.setups);
  const bySetups = instance.setups === null ? 'run' : judgeSetups(instance.setups);
  return bySetups === 'run' ? judge(task.triggerRule, instance.upstream) : bySetups;
}
