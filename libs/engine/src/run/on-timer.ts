import { allInstances } from '../mapping/instance-tree.js';
import { isFinished } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import type { RunEvent, WaitTimerKind } from './events.js';
import { enter } from './evolve.js';
import { fail } from './on-finished.js';
import type { Instance } from './run.js';
import { forgetRetry, onRunRetry } from './run-retries.js';
import type { Step } from './step.js';
import { tell } from './tell.js';

const TIMED_OUT = 'timed out while it waited';
/** What a retry policy may name for it. */
const WAIT_TIMED_OUT = ['TaskDeferralTimeout'];

/** A time has come. A timer of an earlier dispatch means nothing. */
export function onTimer(step: Step, event: Extract<RunEvent, { type: 'timer' }>): string | null {
  if (event.kind === 'run_timeout') return onRunTimeout(step);
  if (event.kind === 'run_retry') return onRunRetry(step);
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (instance.attemptSeq !== event.attemptSeq) return 'the timer is of an earlier attempt';
  if (event.kind !== 'retry') return onWaitTimer(step, instance, event.kind);
  if (instance.state !== 'up_for_retry') return `the instance is ${instance.state ?? 'none'}, not up for retry`;
  // By way of none: what is upstream may have been cleared meanwhile, and then the retry waits for it.
  enter(step, instance, null, null);
  return null;
}

/** What an instance waited for has come. */
export function onResumed(step: Step, event: Extract<RunEvent, { type: 'resumed' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (event.attemptSeq !== undefined && event.attemptSeq !== instance.attemptSeq) return 'it is of an earlier wait';
  return resume(step, instance);
}

function onWaitTimer(step: Step, instance: Instance, kind: WaitTimerKind): string | null {
  if (kind === 'resume' || kind === 'give_up_resume') return resume(step, instance);
  if (!waits(instance)) return `the instance is ${instance.state ?? 'none'}, it does not wait for anything`;
  switch (kind) {
    case 'give_up_skip':
      enter(step, instance, 'skipped', TIMED_OUT);
      tell(step, instance, 'skipped', TIMED_OUT);
      return null;
    case 'give_up_fail_for_good':
      fail(step, instance, TIMED_OUT, null);
      return null;
    case 'give_up_fail':
      fail(step, instance, TIMED_OUT, 'failed', WAIT_TIMED_OUT);
      return null;
    default:
      return kind satisfies never;
  }
}

/** The same try goes on, with a new attempt. */
function resume(step: Step, instance: Instance): string | null {
  if (!waits(instance)) return `the instance is ${instance.state ?? 'none'}, it does not wait for anything`;
  enter(step, instance, 'scheduled', null);
  return null;
}

function waits(instance: Instance): boolean {
  return instance.state === 'deferred' || instance.state === 'up_for_reschedule' || instance.state === 'awaiting_input';
}

/** As in Airflow: what is unfinished is skipped, what runs is stopped, the run has failed. */
function onRunTimeout(step: Step): string | null {
  const { run, nowMs } = step;
  const timeout = run.plan.dagrunTimeoutSeconds;
  if (run.state !== 'running') return `the run is ${run.state}`;
  if (timeout === null || run.startedAtMs === null || nowMs < run.startedAtMs + timeout * 1000) return 'the run has time left: it was started anew';
  const reason = `the run timed out after ${timeout} s`;
  for (const instance of allInstances(run)) {
    if (isFinished(instance.state)) continue;
    cancel(step, instance, reason);
    enter(step, instance, 'skipped', reason);
  }
  forgetRetry(step);
  run.state = 'failed';
  run.endedAtMs = nowMs;
  run.reason = reason;
  return null;
}
