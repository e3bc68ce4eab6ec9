import { isFinished } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import type { RunEvent } from './events.js';
import { enter } from './evolve.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** A time has come. A timer of an earlier dispatch means nothing. */
export function onTimer(step: Step, event: Extract<RunEvent, { type: 'timer' }>): string | null {
  if (event.kind === 'run_timeout') return onRunTimeout(step);
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (instance.attemptSeq !== event.attemptSeq) return 'the timer is of an earlier attempt';
  if (event.kind === 'resume') return resume(step, instance);
  if (instance.state !== 'up_for_retry') return `the instance is ${instance.state ?? 'none'}, not up for retry`;
  // By way of none: what is upstream may have been cleared meanwhile, and then the retry waits for it.
  enter(step, instance, null, null);
  return null;
}

/** Somebody reported what a deferred instance waited for. */
export function onResumed(step: Step, event: Extract<RunEvent, { type: 'resumed' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  return instance === undefined ? 'no such instance in this run' : resume(step, instance);
}

/** The same try goes on, with a new attempt. */
function resume(step: Step, instance: Instance): string | null {
  const waits = instance.state === 'deferred' || instance.state === 'up_for_reschedule' || instance.state === 'awaiting_input';
  if (!waits) return `the instance is ${instance.state ?? 'none'}, it does not wait for anything`;
  enter(step, instance, 'scheduled', null);
  return null;
}

/** As in Airflow: what is unfinished is skipped, what runs is stopped, the run has failed. */
function onRunTimeout(step: Step): string | null {
  const { run, nowMs } = step;
  const timeout = run.plan.dagrunTimeoutSeconds;
  if (run.state !== 'running') return `the run is ${run.state}`;
  if (timeout === null || run.startedAtMs === null || nowMs < run.startedAtMs + timeout * 1000) return 'the run has time left: it was started anew';
  const reason = `the run timed out after ${timeout} s`;
  for (const instance of run.instances.values()) {
    if (isFinished(instance.state)) continue;
    cancel(step, instance, reason);
    enter(step, instance, 'skipped', reason);
  }
  run.state = 'failed';
  run.endedAtMs = nowMs;
  run.reason = reason;
  return null;
}
