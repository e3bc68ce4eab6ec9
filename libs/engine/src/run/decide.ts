import { isFinished } from '@millrace/vocabulary';
import { conclude } from './conclude.js';
import { onSwitched, onWatched } from './control.js';
import type { Decision, Effect } from './decision.js';
import type { RunEndState, RunEvent } from './events.js';
import { stopAbandonedWork } from './external-work.js';
import { onCleared } from './on-cleared.js';
import { onFinished } from './on-finished.js';
import { onLost } from './on-lost.js';
import { onMarked } from './on-marked.js';
import { onRunCancelled, onRunMarked } from './on-run-marked.js';
import { onClaimed, onMade, onPaused, onStarted } from './on-started.js';
import { onResumed, onTimer } from './on-timer.js';
import { onPast, tellPast } from './past.js';
import type { Run } from './run.js';
import { hasWaiting, promote, settle } from './settle.js';
import type { Step } from './step.js';
import { tellOfRun } from './tell.js';
import { onSlotsGranted, onSlotsRefused, useGrants } from './slots.js';
import type { Room } from './step.js';
import { NO_BOUNDS, beginStep } from './step.js';

/**
 * What follows from events. Changes `run` in place and says what is different: if that cannot be committed, drop the run.
 * Total: an event that means nothing (late, unknown, of another attempt) is ignored with a reason. Never throws.
 * O(affected instances) for each event. The same run, events and time give the same decision, ids included.
 * @param nowMs milliseconds since 1970 UTC, by the database's clock.
 * @param room what may be queued at once, besides what the plan allows (a number: the window). The others wait as `scheduled`, in priority order.
 *   Part of what a replay needs.
 */
export function decide(run: Run, events: readonly RunEvent[], nowMs: number, room: Room | number = NO_BOUNDS): Decision {
  const step = beginStep(run, nowMs, typeof room === 'number' ? { window: room, isDefaultPoolCounted: false } : room);
  const ignored: { event: number; reason: string }[] = [];
  events.forEach((event, index) => {
    const known = step.refused.length;
    const reason = apply(step, event);
    settle(step);
    if (reason !== null) ignored.push({ event: index, reason });
    for (const refusal of step.refused.slice(known)) ignored.push({ event: index, reason: `refused: ${refusal}` });
  });
  useGrants(step);
  promote(step);
  conclude(step);
  return decisionOf(step, ignored);
}

/** null, or why the event changed nothing. */
function apply(step: Step, event: RunEvent): string | null {
  switch (event.type) {
    case 'started':
      return onStarted(step, event);
    case 'made':
      return onMade(step);
    case 'claimed':
      return onClaimed(step, event);
    case 'finished':
      return onFinished(step, event);
    case 'lost':
      return onLost(step, event);
    case 'timer':
      return onTimer(step, event);
    case 'resumed':
      return onResumed(step, event);
    case 'cleared':
      return onCleared(step, event);
    case 'marked':
      return onMarked(step, event);
    case 'run_marked':
      return onRunMarked(step, event);
    case 'run_cancelled':
      return onRunCancelled(step, event);
    case 'past':
      return onPast(step, event);
    case 'switched':
      return onSwitched(step, event);
    case 'watched':
      return onWatched(step);
    case 'slots_granted':
      return onSlotsGranted(step, event);
    case 'slots_refused':
      return onSlotsRefused(step, event);
    case 'room':
      return hasWaiting(step.run) ? null : 'nothing waits for room';
    case 'paused':
      return onPaused(step, event);
    default:
      return unknownEvent(event);
  }
}

function unknownEvent(event: never): string {
  return `unknown event ${JSON.stringify((event as { type?: unknown } | null)?.type) ?? ''}`;
}

function decisionOf(step: Step, ignored: Decision['ignored']): Decision {
  const { run } = step;
  const { control } = run;
  tellPast(step);
  if (control.watched) tellWatchers(step);
  const changed = [...step.touched].flatMap(([instance, superseded]) => (step.created.has(instance) ? [] : [{ instance, superseded }]));
  const ended: Effect[] = hasEnded(step) ? [{ type: 'run_finished', state: run.state as RunEndState }] : [];
  if (ended.length > 0) tellOfRun(step);
  if (ended.length > 0 && run.state === 'failed' && run.plan.maxConsecutiveFailedRuns > 0) {
    step.outbox.push({ type: 'outbox', kind: 'auto_pause', instanceId: null, payload: { after: run.plan.maxConsecutiveFailedRuns } });
  }
  stopAbandonedWork(step);
  return {
    created: [...step.created],
    changed,
    run: { state: run.state, startedAtMs: run.startedAtMs, endedAtMs: run.endedAtMs, reason: run.reason, activeInstances: run.book.active, control: step.controlChanged ? { retriesUsed: control.retriesUsed, retryAtMs: control.retryAtMs, watched: control.watched } : null },
    effects: [...step.cancels, ...step.dispatches, ...step.timers, ...step.waitsOver, ...slotsOf(step), ...step.outbox, ...ended],
    ignored,
  };
}

function hasEnded({ run, before, reopened }: Step): boolean {
  return (run.state === 'success' || run.state === 'failed') && (run.state !== before.state || reopened);
}

/** Once for a decision, however much of it ended: who waits looks at all of it. */
function tellWatchers(step: Step): void {
  const ended = hasEnded(step);
  const anyEnd = ended || [...step.touched.keys(), ...step.created].some((instance) => isFinished(instance.state));
  if (anyEnd) step.outbox.push({ type: 'outbox', kind: 'watched', instanceId: null, payload: { ended } });
}
function slotsOf(step: Step): Effect[] {
  if (step.slots.size === 0) return NONE;
  return [...step.slots].map(([instance, wish]) => ({ type: 'slots', instance, wish }));
}

const NONE: Effect[] = [];
