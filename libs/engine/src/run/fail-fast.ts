import { isFinished } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import { enter } from './evolve.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** `failFast`: the first failure stops what runs and skips what has not; teardowns still run. O(instances), once in a run. */
export function stopTheRest(step: Step, failed: Instance): void {
  const { run } = step;
  const first = run.plan.tasks[failed.task];
  if (!run.plan.failFast || first === undefined || first.isTeardown) return;
  const reason = `stopped because "${first.taskId}" failed (fail fast)`;
  for (const instance of run.instances.values()) {
    if (isFinished(instance.state) || run.plan.tasks[instance.task]?.isTeardown === true) continue;
    cancel(step, instance, reason);
    const hasRun = instance.state === 'running' || instance.state === 'restarting';
    enter(step, instance, hasRun ? 'failed' : 'skipped', reason);
  }
}
