import { instancesOf } from '../mapping/instance-tree.js';
import type { Plan } from '../graph/plan.js';
import type { RunEvent } from './events.js';
import { enter } from './evolve.js';
import type { Instance, RunControl, RunControlFacts } from './run.js';
import type { Step } from './step.js';

const NONE: ReadonlySet<number> = new Set();

export function controlFrom(plan: Plan, facts: RunControlFacts | undefined): RunControl {
  return {
    off: positionsOf(plan, facts?.switchedOff ?? []),
    retriesUsed: facts?.retriesUsed ?? 0,
    retryAtMs: facts?.retryAtMs ?? null,
    watched: facts?.watched ?? false,
  };
}

export const SWITCHED_OFF = 'the task is switched off';

/** Tasks of the dag were switched off or on. Those that wait for a slot stop waiting; those that run go on. */
export function onSwitched(step: Step, event: Extract<RunEvent, { type: 'switched' }>): string | null {
  const { run } = step;
  setOff(step, event.off);
  for (const position of run.control.off) {
    for (const instance of instancesOf(run, position)) {
      if (instance.state === 'scheduled' && instance.attemptId === null && run.state === 'running') enter(step, instance, 'skipped', SWITCHED_OFF);
    }
  }
  return null;
}

export function setOff(step: Step, taskIds: readonly string[]): void {
  step.run.control.off = positionsOf(step.run.plan, taskIds);
}

/** Somebody waits for this run: from now on its ends are told. */
export function onWatched(step: Step): string | null {
  if (step.run.control.watched) return 'its ends are told already';
  step.run.control.watched = true;
  step.controlChanged = true;
  // It ended before anybody was known to wait.
  if (step.run.state === 'success' || step.run.state === 'failed') step.outbox.push({ type: 'outbox', kind: 'watched', instanceId: null, payload: { ended: true } });
  return null;
}

/** Before an instance is scheduled: a task that is switched off is skipped instead. */
export function isOff(step: Step, instance: Instance): boolean {
  const { off } = step.run.control;
  return off.size > 0 && off.has(instance.task);
}

function positionsOf(plan: Plan, taskIds: readonly string[]): ReadonlySet<number> {
  return taskIds.length === 0 ? NONE : new Set(taskIds.flatMap((taskId) => plan.byId.get(taskId) ?? []));
}
