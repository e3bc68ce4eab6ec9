import type { RunEvent } from './events.js';
import { enter, retire, setFreeTries } from './evolve.js';
import { beginAgain, fail } from './on-finished.js';
import type { Step } from './step.js';
import { tell } from './tell.js';

/** What a retry policy may name for it. */
const LOST = ['AttemptLost'];

/**
 * An attempt's worker was not heard of for a full lease. One that never started is dispatched again, same try, at no cost;
 * one that had started follows the task's `onLost`.
 */
export function onLost(step: Step, event: Extract<RunEvent, { type: 'lost' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (instance.attemptId !== event.attemptId) return 'not the current attempt';
  if (instance.state === 'restarting') return beginAgain(step, instance, 'lost', event.reason);
  if (instance.state === 'queued' && event.started === true) enter(step, instance, 'running', null);
  if (instance.state === 'queued') {
    enter(step, instance, 'scheduled', event.reason);
    return null;
  }
  if (instance.state !== 'running') return `the instance is ${instance.state ?? 'none'}, not running`;

  const onLost = step.run.plan.tasks[instance.task]?.onLost ?? 'fail';
  switch (onLost) {
    case 'retry':
      setFreeTries(step, instance, instance.freeTries + 1);
      enter(step, instance, 'up_for_retry', event.reason);
      tell(step, instance, 'retry', event.reason);
      retire(step, instance, 'lost', event.reason);
      enter(step, instance, null, null);
      return null;
    case 'retry-policy':
      fail(step, instance, event.reason, 'lost', LOST);
      return null;
    case 'fail':
      fail(step, instance, event.reason, null);
      return null;
    case 'ask':
      fail(step, instance, `${event.reason}; nobody knows how far it came: look, then clear it to run it again or mark it`, null);
      return null;
    default:
      return onLost satisfies never;
  }
}
