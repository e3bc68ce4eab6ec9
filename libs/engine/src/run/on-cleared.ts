import { isHeldSkipped } from './branching.js';
import { cancel } from './cancelling.js';
import type { RunEvent } from './events.js';
import { enter, retire, setFreeTries } from './evolve.js';
import { begin } from './on-started.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** These instances run again, when their rules say so; those downstream are not cleared unless the caller chose them too. */
export function onCleared(step: Step, event: Extract<RunEvent, { type: 'cleared' }>): string | null {
  const { run } = step;
  const chosen = event.instanceIds.flatMap((id) => run.instances.get(id) ?? []);
  if (chosen.length === 0) return 'none of the instances is in this run';
  const set = new Set(chosen);
  const isCleared = (other: Instance): boolean => set.has(other);
  const cleared = [...set].filter((instance) => !isHeldSkipped(run, instance, isCleared));
  const changed = cleared.filter((instance) => clear(step, instance, event.by));
  if (changed.length === 0) return 'the instances are undecided already, or a branch that stands skipped them';
  if (run.state === 'success' || run.state === 'failed') {
    step.reopened = true;
    begin(step);
    run.reason = `cleared by ${event.by}`;
    // Undecided ones of a run that could not proceed get another chance.
    if (run.book.undecided > 0) for (const instance of run.instances.values()) if (instance.state === null) step.pending.push(instance);
  }
  return null;
}

function clear(step: Step, instance: Instance, by: string): boolean {
  const { state } = instance;
  if (state === null || state === 'restarting' || state === 'removed') return false;
  const reason = `cleared by ${by}`;
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
