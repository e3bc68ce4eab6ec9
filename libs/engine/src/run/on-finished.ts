import { assetUpdates } from '../assets/outlet-events.js';
import { iterateTo, expandOver } from '../mapping/expand.js';
import { retryDelayMs } from '../retries/retry-delay.js';
import { retryTerms } from '../retries/retry-policy.js';
import { skipBy, skipNotChosen, unknownChoice } from './branching.js';
import type { FinishedEvent } from './events.js';
import { enter, retire } from './evolve.js';
import { stopTheRest } from './fail-fast.js';
import { tell } from './tell.js';
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
      tell(step, instance, 'skipped', event.error);
      return null;
    case 'failed':
      fail(step, instance, event.error, event.retryable ? 'failed' : null, event.errorNames);
      return null;
    case 'deferred':
      enter(step, instance, 'deferred', null);
      if (event.resumeAtMs !== null) resumeAt(step, instance, event.resumeAtMs);
      giveUpAt(step, instance, event.giveUp);
      return null;
    case 'awaiting_input':
      enter(step, instance, 'awaiting_input', null);
      giveUpAt(step, instance, event.giveUp);
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
 * `endedAs`: the try's word in history if another follows; null: none may follow. `errorNames`: what the task's retry policy looks at.
 */
export function fail(step: Step, instance: Instance, reason: string, endedAs: 'failed' | 'lost' | null, errorNames: readonly string[] = []): void {
  const task = step.run.plan.tasks[instance.task];
  const terms = task === undefined ? undefined : retryTerms(task, errorNames);
  if (endedAs === null || terms === undefined || instance.tryNumber - instance.freeTries > terms.retries) {
    tell(step, instance, 'failure', reason);
    if (enter(step, instance, 'failed', reason || null)) stopTheRest(step, instance);
    return;
  }
  // Clears and lost tries that came before do not make the wait longer.
  const delayMs = retryDelayMs(terms, instance.tryNumber - instance.freeTries, `${instance.id}/${instance.tryNumber}`);
  if (!enter(step, instance, 'up_for_retry', reason || null)) return;
  tell(step, instance, 'retry', reason);
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
  const mapping = step.run.plan.tasks[instance.task]?.mapping ?? null;
  if (mapping !== null && mapping.conditionOf >= 0 && !mayGoOn(step, instance, mapping.conditionOf, event)) return;
  if (mapping !== null && mapping.measuredKeys !== null) instance.lengths = event.lengths ?? null;
  enter(step, instance, 'success', null);
  tell(step, instance, 'success', '');
  oweAssetUpdates(step, instance, event);
  if (mapping !== null && mapping.conditionOf >= 0) goOn(step, instance, mapping.conditionOf, event.loop === 'again');
  if (mapping !== null && mapping.feeds.length > 0) expandOver(step, instance);
  if (event.branch !== null) skipNotChosen(step, instance, event.branch);
  if (event.skipDownstream !== '') skipBy(step, instance, event.skipDownstream);
}

function oweAssetUpdates(step: Step, instance: Instance, event: FinishedEvent): void {
  const outlets = step.run.plan.tasks[instance.task]?.outlets ?? null;
  if (outlets === null) return;
  const updates = assetUpdates(outlets, event.outletEvents ?? []);
  if (updates.length > 0) step.outbox.push({ type: 'outbox', kind: 'asset_updates', instanceId: instance.id, payload: { updates } });
}

function giveUpAt(step: Step, instance: Instance, giveUp: FinishedEvent['giveUp']): void {
  if (giveUp == null) return;
  step.timers.push({ type: 'timer', kind: `give_up_${giveUp.as}`, instanceId: instance.id, attemptSeq: instance.attemptSeq, dueAtMs: giveUp.atMs });
}

/** false: the loop has had its last iteration and is told to fail then. */
function mayGoOn(step: Step, condition: Instance, position: number, event: FinishedEvent): boolean {
  const dimension = step.run.plan.dimensions[position];
  if (event.loop !== 'again' || dimension?.loop == null || dimension.loop.atMax !== 'fail') return true;
  if ((condition.indexPath[dimension.depth] ?? 0) + 1 < dimension.loop.max) return true;
  fail(step, condition, `loop "${dimension.name}" was to go on after its last iteration (max ${dimension.loop.max})`, null);
  return false;
}

function goOn(step: Step, condition: Instance, position: number, isAgain: boolean): void {
  const dimension = step.run.plan.dimensions[position];
  if (dimension?.loop == null) return;
  const done = (condition.indexPath[dimension.depth] ?? 0) + 1;
  iterateTo(step, dimension, condition.indexPath.slice(0, dimension.depth), isAgain && done < dimension.loop.max ? done + 1 : done);
}

function resumeAt(step: Step, instance: Instance, dueAtMs: number): void {
  step.timers.push({ type: 'timer', kind: 'resume', instanceId: instance.id, attemptSeq: instance.attemptSeq, dueAtMs });
}

function unknownOutcome(outcome: never): string {
  return `unknown outcome ${JSON.stringify(outcome) ?? ''}`;
}
