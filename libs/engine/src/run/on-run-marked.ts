import { allInstances } from '../mapping/instance-tree.js';
import { isFinished } from '@millrace/vocabulary';
import type { InstanceState } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import { cancelledBy, markedFailedBy } from './conclude.js';
import { createInstances } from './create-instances.js';
import type { RunEvent } from './events.js';
import { enter } from './evolve.js';
import { forgetRetry } from './run-retries.js';
import type { Step } from './step.js';

/**
 * A person says how the run ended, as in Airflow: failed makes what runs failed and what has not run skipped; success makes
 * every instance success. Teardowns complete their work first. queued puts a run that ended back in line.
 */
export function onRunMarked(step: Step, event: Extract<RunEvent, { type: 'run_marked' }>): string | null {
  const { run } = step;
  if (run.state === event.state) return `the run is ${event.state} already`;
  forgetRetry(step);
  if (event.state === 'queued') {
    if (run.state === 'running') return 'the run is running already';
    run.state = 'queued';
    if (run.control.retriesUsed > 0) {
      run.control.retriesUsed = 0;
      step.controlChanged = true;
    }
    run.endedAtMs = null;
    run.reason = null;
    return null;
  }
  endByHand(step, event.state, `run marked ${event.state} by ${event.by}`);
  run.reason = event.state === 'failed' ? markedFailedBy(event.by) : null;
  return null;
}

/** What runs is stopped and has failed, the rest is skipped, the run has failed; teardowns complete their work first. */
export function onRunCancelled(step: Step, event: Extract<RunEvent, { type: 'run_cancelled' }>): string | null {
  const { run } = step;
  if (run.state === 'success' || run.state === 'failed') return `the run is ${run.state} already`;
  forgetRetry(step);
  endByHand(step, 'failed', `run cancelled by ${event.by}`);
  run.reason = cancelledBy(event.by);
  return null;
}

function endByHand(step: Step, state: 'success' | 'failed', reason: string): void {
  const { run } = step;
  if (run.instances.size === 0) createInstances(step);
  for (const instance of allInstances(run)) {
    if (run.plan.tasks[instance.task]?.isTeardown === true) {
      if (instance.state === null) step.pending.push(instance);
      continue;
    }
    const next = state === 'success' ? 'success' : stateInFailedRun(instance.state);
    if (next === null || next === instance.state || instance.state === 'removed') continue;
    cancel(step, instance, reason);
    enter(step, instance, next, reason);
  }
  // `conclude` ends it as soon as no teardown is left; until then its reason remembers how.
  run.state = 'running';
  run.startedAtMs ??= step.nowMs;
  run.endedAtMs = null;
}

function stateInFailedRun(state: InstanceState): 'failed' | 'skipped' | null {
  if (isFinished(state)) return null;
  const hasBegun = state === 'running' || state === 'restarting' || state === 'deferred' || state === 'up_for_reschedule' || state === 'awaiting_input';
  return hasBegun ? 'failed' : 'skipped';
}
