import { cancel } from './cancelling.js';
import { abandonWork } from './external-work.js';
import { enter, retire, setFreeTries } from './evolve.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** @returns whether it changed anything. `reason` stands in the history of the try that is replaced. */
export function clearInstance(step: Step, instance: Instance, reason: string): boolean {
  const { state } = instance;
  if (state === null || state === 'restarting' || state === 'removed') return false;
  abandonWork(step, instance);
  if (state === 'running') {
    cancel(step, instance, reason);
    setFreeTries(step, instance, instance.tryNumber);
    return enter(step, instance, 'restarting', reason);
  }
  // Queued or scheduled: not started as far as is known, so a try that has an attempt goes on with a new one.
  if (state === 'queued') cancel(step, instance, reason);
  else if (state !== 'scheduled') retire(step, instance, state, instance.reason ?? reason);
  setFreeTries(step, instance, instance.attemptId === null ? instance.tryNumber : instance.tryNumber - 1);
  return enter(step, instance, null, null);
}
