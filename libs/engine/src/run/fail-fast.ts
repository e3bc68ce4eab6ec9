import { allInstances } from '../mapping/instance-tree.js';
import { isFinished } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import { enter } from './evolve.js';
import type { RunEvent } from './events.js';
import type { Instance, Run } from './run.js';
import type { Step } from './step.js';

/** Whether an event may set off fail fast: what it does to the others depends on who had started. */
export function mayStopOthers(run: Run, event: RunEvent): boolean {
  if (!run.plan.failFast) return false;
  if (event.type === 'finished') return event.outcome === 'failed' || event.loop === 'again';
  return event.type === 'slots_refused' || (event.type === 'timer' && event.kind.startsWith('give_up'));
}

/** `failFast`: the first failure stops what runs and skips what has not; teardowns still run. O(instances), once in a run. */
export function stopTheRest(step: Step, failed: Instance): void {
  const { run } = step;
  const first = run.plan.tasks[failed.task];
  if (!run.plan.failFast || first === undefined || first.isTeardown) return;
  const reason = `stopped because "${first.taskId}" failed (fail fast)`;
  for (const instance of allInstances(run)) {
    if (isFinished(instance.state) || run.plan.tasks[instance.task]?.isTeardown === true) continue;
    cancel(step, instance, reason);
    const hasRun = instance.state === 'running' || instance.state === 'restarting';
    enter(step, instance, hasRun ? 'failed' : 'skipped', reason);
  }
}
