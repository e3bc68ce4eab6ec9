import type { RunEvent } from './events.js';
import { dispatch } from './evolve.js';
import { fail } from './on-finished.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/*
 * Slots that are counted over all runs: pools, a task's or a dag's limit over its runs. The engine knows one run, so it asks, goes on with what needs
 * nobody's word, and is told. A scheduled instance that has asked waits outside the ready lines.
 */

export function ask(step: Step, instance: Instance): void {
  instance.slotsAskedAtMs = step.nowMs;
  step.run.book.ready.countAsking(instance, +1);
  step.slots.set(instance, 'ask');
}

/** It got what it asked for, and is queued once all events are applied: one of them may still stop it. */
export function onSlotsGranted(step: Step, event: Extract<RunEvent, { type: 'slots_granted' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  const late = notWaiting(instance, event.askedAtMs);
  if (instance === undefined || late !== null) return late;
  step.granted.push({ instance, askedAtMs: event.askedAtMs });
  return null;
}

/** Without room for it in its run it gives the slots back, and asks again when there is room. */
export function useGrants(step: Step): void {
  const { run } = step;
  for (const { instance, askedAtMs } of step.granted) {
    if (notWaiting(instance, askedAtMs) !== null) continue;
    if (run.state === 'running' && !run.paused && run.book.active < run.plan.maxActiveTasks) dispatch(step, instance);
    else giveBack(step, instance);
  }
}

export function onSlotsRefused(step: Step, event: Extract<RunEvent, { type: 'slots_refused' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  const late = notWaiting(instance, event.askedAtMs);
  if (instance === undefined || late !== null) return late;
  fail(step, instance, event.reason, null);
  return null;
}

function notWaiting(instance: Instance | undefined, askedAtMs: number): string | null {
  if (instance === undefined) return 'no such instance in this run';
  if (instance.state !== 'scheduled') return `the instance is ${instance.state ?? 'none'}, it does not wait for slots`;
  return instance.slotsAskedAtMs === askedAtMs ? null : 'it has given back what it asked for then';
}

function giveBack(step: Step, instance: Instance): void {
  const { ready } = step.run.book;
  ready.countAsking(instance, -1);
  instance.slotsAskedAtMs = null;
  step.slots.set(instance, 'give_back');
  ready.push(instance);
}
