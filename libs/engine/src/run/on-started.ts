import { allInstances } from '../mapping/instance-tree.js';
import { setOff } from './control.js';
import { createInstances } from './create-instances.js';
import { enter } from './evolve.js';
import type { RunEvent } from './events.js';
import type { Step } from './step.js';

/** The run begins, or begins again after it was put back to queued: instances come into being, roots are ready. */
export function onStarted(step: Step, event: Extract<RunEvent, { type: 'started' }>): string | null {
  const { run } = step;
  if (run.state !== 'queued') return `the run is ${run.state} already`;
  if (event.off !== undefined) setOff(step, event.off);
  if (run.instances.size === 0) createInstances(step);
  begin(step);
  for (const instance of allInstances(run)) if (instance.state === null) step.pending.push(instance);
  return null;
}

/** Its instances are stored, undecided, before the run starts. */
export function onMade(step: Step): string | null {
  if (step.run.instances.size > 0) return 'the run has instances already';
  createInstances(step);
  return null;
}

/** Sets the run running from now, with its time-out. */
export function begin(step: Step): void {
  const { run, nowMs } = step;
  run.state = 'running';
  run.startedAtMs = nowMs;
  run.endedAtMs = null;
  run.reason = null;
  const timeout = run.plan.dagrunTimeoutSeconds;
  if (timeout !== null) {
    step.timers.push({ type: 'timer', kind: 'run_timeout', instanceId: null, attemptSeq: 0, dueAtMs: nowMs + timeout * 1000 });
  }
}

/** What `markClaimed` does in memory, as an event that can be stored. */
export function onClaimed(step: Step, event: Extract<RunEvent, { type: 'claimed' }>): string | null {
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (instance.attemptId !== event.attemptId) return 'not the current attempt';
  if (instance.state !== 'queued') return `the instance is ${instance.state ?? 'none'}, not queued`;
  enter(step, instance, 'running', null);
  return null;
}

/** A paused dag queues nothing new; what waits is queued when it is unpaused (`promote` looks). */
export function onPaused(step: Step, event: Extract<RunEvent, { type: 'paused' }>): string | null {
  if (step.run.paused === event.paused) return `the dag is ${event.paused ? 'paused' : 'not paused'} already`;
  step.run.paused = event.paused;
  return null;
}
