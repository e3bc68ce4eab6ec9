import type { FinishedEvent, GiveUp, RunEvent } from '../run/events.js';
import type { Random } from './random.js';

const GIVE_UPS: readonly GiveUp[] = ['fail', 'fail_for_good', 'skip', 'resume'];

/** How a task of a random world waits: for a time, for a report, for a person; with or without an end to its patience. */
export function waitOf(random: Random, nowMs: number): Partial<FinishedEvent> {
  const giveUp = random.chance(0.4) ? { atMs: nowMs + random.between(1, 90_000), as: random.pick(GIVE_UPS) ?? 'fail' } : undefined;
  if (random.chance(0.3)) return { outcome: 'awaiting_input', giveUp };
  return { outcome: 'deferred', resumeAtMs: random.chance(0.8) ? nowMs + random.between(0, 60_000) : null, giveUp };
}

/**
 * What is reported to a task that ended its attempt so: sometimes twice. What has no time of its own is always reported in the end, or its
 * run would rightly wait for ever.
 */
export function reportsOf(random: Random, end: FinishedEvent): readonly { readonly afterMs: number; readonly event: RunEvent }[] {
  if (end.outcome !== 'deferred' && end.outcome !== 'awaiting_input') return [];
  const event: RunEvent = { type: 'resumed', instanceId: end.instanceId, payload: null };
  const isNeeded = end.resumeAtMs === null;
  if (!isNeeded && !random.chance(0.3)) return [];
  const afterMs = random.between(100, 30_000);
  const again = random.chance(0.3) ? [{ afterMs: afterMs + random.between(0, 5_000), event }] : [];
  return [{ afterMs, event }, ...again];
}
