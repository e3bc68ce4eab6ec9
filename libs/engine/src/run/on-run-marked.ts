import { isFinished } from '@millrace/vocabulary';
import type { InstanceState } from '@millrace/vocabulary';
import { cancel } from './cancelling.js';
import { markedFailedBy } from './conclude.js';
import { createInstances } from './create-run.js';
import type { RunEvent } from './events.js';
import { enter } from './evolve.js';
import type { Step } from './step.js';

/**
 * A person says how the run ended, as in Airflow: failed makes what runs failed and what has not run skipped; success makes
 * every instance success. Teardowns complete their work first. queued puts a run that ended back in line.
 */
export function onRunMarked(step: Step, event: Extract<RunEvent, { type: 'run_marked' }>): string | null {
  const { run } = step;
  if (run.state === event.state) return `the run is ${event.state} already`;
  if (event.state === 'queued') {
    if (run.state === 'running') return 'the run is running already';
    run.state = 'queued';
    run.endedAtMs = null;
    run.reason = null;
    return null;
  }
  if (run.instances.size === 0) createInstances(step);
  const reason = `run marked ${event.state} by ${event.by}`;
  for (const instance of run.instances.values()) {
    if (run.plan.tasks[instance.task]?.isTeardown === true) {
      if (instance.state === null) step.pending.push(instance);
      continue;
    }
    const next = event.state === 'success' ? 'success' : stateInFailedRun(instance.state);
    if (next === null || next === instance.state || instance.state === 'removed') continue;
    cancel(step, instance, reason);
    enter(step, instance, next, reason);
  }
  // `conclude` ends it as soon as no teardown is left; until then its reason remembers how.
  run.state = 'running';
  run.startedAtMs ??= step.nowMs;
  run.endedAtMs = null;
  run.reason = event.state === 'failed' ? markedFailedBy(event.by) : null;
  return null;
}

function stateInFailedRun(state: InstanceState): 'failed' | 'skipped' | null {
  if (isFinished(state)) return null;
  const hasBegun = state === 'running' || state === 'restarting' || state === 'deferred' || state === 'up_for_reschedule' || state === 'awaiting_input';
  return hasBegun ? 'failed' : 'skipped';
}
