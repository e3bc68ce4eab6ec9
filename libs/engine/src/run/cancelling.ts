import { isActive } from './evolve.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** Asks the attempt under way to stop, if there is one. A queued one may have been claimed meanwhile, so it is asked too. */
export function cancel(step: Step, instance: Instance, reason: string): void {
  if (!isActive(instance.state) || instance.attemptId === null) return;
  step.cancels.push({ type: 'cancel', instanceId: instance.id, attemptId: instance.attemptId, reason });
}
