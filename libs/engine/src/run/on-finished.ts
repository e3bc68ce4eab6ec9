import { retryDelayMs } from '../retries/retry-delay.js';
import { skipBy, skipNotChosen, unknownChoice } from './branching.js';
import type { FinishedEvent } from './events.js';
import { enter, retire } from './evolve.js';
import { stopTheRest } from './fail-fast.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** An attempt ended by itself. Only the current attempt's word counts. */
export function onFinished(step: Step, event: FinishedEvent): string | null {
  const instance = step.run.instances.get(event.instanceId);
  if (instance === undefined) return 'no such instance in this run';
  if (instance.attemptId !== event.attemptId) return 'not the current attempt';
  if (instance.state === 'restarting') return beginAgain(step, instance, event.outcome, event.error);
  if (instance.state !== 'queued' && instance.state !== 'running') return `the instance is ${instance.state ?? 'none'}, not running`;
  // The claim may have been made where this run's memory did not hear of it: a result proves it.
  if (instance.state === 'queued') enter(step, instance, 'running', null);

  switch (event.outcome) {
    case 'success':
      succeed(step, instance, event);
      return null;
    case 'skipped':
      enter(step, instance, 'skipped', event.error || null);
      return null;
    case 'failed':
      fail(step, instance, event.error, event.retryable ? 'failed' : null);
      return null;
    case 'deferred':
      enter(step, instance, 'deferred', null);
      if (event.resumeAtMs !== null) resumeAt(step, instance, event.resumeAtMs);
      return null;
    case 'rescheduled':
      enter(step, instance, 'up_for_reschedule', null);
      resumeAt(step, instance, event.resumeAtMs ?? step.nowMs);
      return null;
    default:
      return unknownOutcome(event.outcome);
  }
}

/**
 * A try failed: up for retry while there are tries left, else failed.
 * `endedAs`: the try's word in history if another follows; null: none may follow.
 */
export function fail(step: Step, instance: Instance, reason: string, endedAs: 'failed' | 'lost' | null): void {
  const task = step.run.plan.tasks[instance.task];
  if (endedAs === null || task === undefined || instance.tryNumber > instance.maxTries) {
    if (enter(step, instance, 'failed', reason || null)) stopTheRest(step, instance);
    return;
  }
  // Clears and lost tries that came before do not make the wait longer.
  const delayMs = retryDelayMs(task, instance.tryNumber - instance.freeTries, `${instance.id}/${instance.tryNumber}`);
  if (!enter(step, instance, 'up_for_retry', reason || null)) return;
  retire(step, instance, endedAs, reason);
  if (delayMs <= 0) enter(step, instance, null, null);
  else step.timers.push({ type: 'timer', kind: 'retry', instanceId: instance.id, attemptSeq: instance.attemptSeq, dueAtMs: step.nowMs + delayMs });
}

/** The attempt of an instance that was cleared while it ran has stopped, however: the instance begins again at no cost. */
export function beginAgain(step: Step, instance: Instance, endedAs: string, reason: string): null {
  retire(step, instance, endedAs === 'success' || endedAs === 'skipped' || endedAs === 'lost' ? endedAs : 'failed', reason || 'cleared while it ran');
  enter(step, instance, null, null);
  return null;
}

function succeed(step: Step, instance: Instance, event: FinishedEvent): void {
  const unknown = event.branch === null ? undefined : unknownChoice(step.run, event.branch);
  if (unknown !== undefined) {
    fail(step, instance, `the branch chose "${unknown}", which is not a task of the dag`, event.retryable ? 'failed' : null);
    return;
  }
  enter(step, instance, 'success', null);
  if (event.branch !== null) skipNotChosen(step, instance, event.branch);
  if (event.skipDownstream !== '') skipBy(step, instance, event.skipDownstream);
}

function resumeAt(step: Step, instance: Instance, dueAtMs: number): void {
  step.timers.push({ type: 'timer', kind: 'resume', instanceId: instance.id, attemptSeq: instance.attemptSeq, dueAtMs });
}

function unknownOutcome(outcome: never): string {
  return `unknown outcome ${JSON.stringify(outcome) ?? ''}`;
}
