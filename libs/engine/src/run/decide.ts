import { conclude } from './conclude.js';
import type { Decision, Effect } from './decision.js';
import type { RunEvent } from './events.js';
import { onCleared } from './on-cleared.js';
import { onFinished } from './on-finished.js';
import { onLost } from './on-lost.js';
import { onMarked } from './on-marked.js';
import { onRunMarked } from './on-run-marked.js';
import { onClaimed, onPaused, onStarted } from './on-started.js';
import { onResumed, onTimer } from './on-timer.js';
import type { Run } from './run.js';
import { promote, settle } from './settle.js';
import type { Step } from './step.js';
import { beginStep } from './step.js';

/**
 * What follows from events. Changes `run` in place and says what is different: if that cannot be committed, drop the run.
 * Total: an event that means nothing (late, unknown, of another attempt) is ignored with a reason. Never throws.
 * O(affected instances) for each event. The same run, events and time give the same decision, ids included.
 * @param nowMs milliseconds since 1970 UTC, by the database's clock.
 * @param window how many instances may be queued or running at once, besides what the plan allows: no more than workers can take soon.
 *   The others wait as `scheduled`, in priority order. Part of what a replay needs.
 */
export function decide(run: Run, events: readonly RunEvent[], nowMs: number, window: number = Number.MAX_SAFE_INTEGER): Decision {
  const step = beginStep(run, nowMs, window);
  const ignored: { event: number; reason: string }[] = [];
  events.forEach((event, index) => {
    const known = step.refused.length;
    const reason = apply(step, event);
    settle(step);
    if (reason !== null) ignored.push({ event: index, reason });
    for (const refusal of step.refused.slice(known)) ignored.push({ event: index, reason: `refused: ${refusal}` });
  });
  promote(step);
  conclude(step);
  return decisionOf(step, ignored);
}

/** null, or why the event changed nothing. */
function apply(step: Step, event: RunEvent): string | null {
  switch (event.type) {
    case 'started':
      return onStarted(step);
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
  const { run, before } = step;
  const changed = [...step.touched].flatMap(([instance, superseded]) => (step.created.has(instance) ? [] : [{ instance, superseded }]));
  const ended: Effect[] =
    (run.state === 'success' || run.state === 'failed') && (run.state !== before.state || step.reopened) ? [{ type: 'run_finished', state: run.state }] : [];
  return {
    created: [...step.created],
    changed,
    run: { state: run.state, startedAtMs: run.startedAtMs, endedAtMs: run.endedAtMs, reason: run.reason, activeInstances: run.book.active },
    effects: [...step.cancels, ...step.dispatches, ...step.timers, ...ended],
    ignored,
  };
}
