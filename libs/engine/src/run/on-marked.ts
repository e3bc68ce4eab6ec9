import { cancel } from './cancelling.js';
import type { RunEvent } from './events.js';
import { directlyBelow, enter } from './evolve.js';
import { stopTheRest } from './fail-fast.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';
import { tell } from './tell.js';

/** A person says how instances ended. What ran is stopped; what was never run because of the old state is decided anew. */
export function onMarked(step: Step, event: Extract<RunEvent, { type: 'marked' }>): string | null {
  const { run } = step;
  const marked = event.instanceIds
    .flatMap((id) => run.instances.get(id) ?? [])
    .filter((instance) => instance.state !== event.state && instance.state !== 'removed');
  if (marked.length === 0) return `none of the instances is in this run and not ${event.state} already`;
  // The end of a run is found again from what its leaves are now (`conclude`).
  if (run.state === 'success' || run.state === 'failed') run.state = 'running';
  for (const instance of marked) {
    // Fail fast, set off by one of them, may have ended another already.
    if (instance.state === event.state) continue;
    const reason = `marked ${event.state} by ${event.by}`;
    const wasUnderWay = hasBegun(instance.state);
    cancel(step, instance, reason);
    if (!enter(step, instance, event.state, reason)) continue;
    if (wasUnderWay && event.state !== 'skipped') tell(step, instance, event.state === 'success' ? 'success' : 'failure', reason);
    reconsiderBelow(step, instance);
    if (event.state === 'failed') stopTheRest(step, instance);
  }
  return null;
}

/** As in Airflow: an end by hand is told of when the task was under way, and not when somebody tidies up. */
function hasBegun(state: Instance['state']): boolean {
  return state === 'running' || state === 'restarting' || state === 'deferred' || state === 'up_for_reschedule' || state === 'awaiting_input' || state === 'up_for_retry';
}

/** Instances that did not run because something upstream had failed are undecided again, and those behind them. */
function reconsiderBelow(step: Step, instance: Instance): void {
  const open = [instance];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const below of directlyBelow(step.run, at)) {
      if (below.state === 'upstream_failed' && enter(step, below, null, null)) open.push(below);
    }
  }
}
