import type { RunState } from '@millrace/vocabulary';
import { NEXT } from './transitions.js';
import type { StateName } from './transitions.js';

/** Arrows a run may take. What is missing: a run that is under way never goes back in line. */
export const RUN_NEXT = {
  queued: ['running', 'success', 'failed'],
  running: ['success', 'failed'],
  success: ['queued', 'running', 'failed'],
  failed: ['queued', 'running', 'success'],
} as const satisfies Record<RunState, readonly RunState[]>;

/** How the stored attempt id differs after an update: the same (or none before and after), another one, or none any more. */
export type AttemptChange = 'kept' | 'new' | 'dropped';

export interface StoredArrow {
  readonly from: StateName;
  readonly attempt: AttemptChange;
  readonly hadAttempt: boolean;
  readonly to: readonly StateName[];
}

type Attempt = 'none' | 'old' | 'fresh';

/** What only an attempt that was dispatched can be. */
const OF_AN_ATTEMPT: ReadonlySet<StateName> = new Set(['queued', 'running', 'restarting', 'deferred', 'up_for_reschedule', 'awaiting_input']);

/** Not begun, or ended without having begun: set back to none, the try goes on with its next attempt. */
const KEEPS_ITS_TRY: ReadonlySet<StateName> = new Set(['scheduled', 'queued', 'upstream_failed', 'removed']);

/**
 * What one decision may do to a stored row. A decision goes along several arrows of NEXT before anything is written
 * (failed, cleared, scheduled and queued again are one update), so this is what can be reached, told apart by what became of the
 * attempt: nothing runs or waits without one, and an attempt that has ended is never under way again.
 */
export function storedArrows(): StoredArrow[] {
  const arrows: StoredArrow[] = [];
  for (const from of Object.keys(NEXT) as StateName[]) {
    for (const hadAttempt of [false, true]) {
      if (!hadAttempt && OF_AN_ATTEMPT.has(from)) continue;
      const reached = reachedFrom(from, hadAttempt ? 'old' : 'none');
      const to = (attempt: Attempt): StateName[] => [...reached].filter((key) => key.endsWith(`/${attempt}`)).map((key) => key.split('/')[0] as StateName).filter((state) => state !== from || attempt === 'fresh').toSorted();
      arrows.push({ from, hadAttempt, attempt: 'kept', to: to(hadAttempt ? 'old' : 'none') });
      arrows.push({ from, hadAttempt, attempt: 'new', to: to('fresh') });
      if (hadAttempt) arrows.push({ from, hadAttempt, attempt: 'dropped', to: to('none') });
    }
  }
  return arrows;
}

function reachedFrom(from: StateName, attempt: Attempt): ReadonlySet<string> {
  const seen = new Set([`${from}/${attempt}`]);
  for (const key of seen) {
    const [state, has] = key.split('/') as [StateName, Attempt];
    for (const next of NEXT[state] as readonly StateName[]) for (const after of attemptsAfter(state, has, next)) seen.add(`${next}/${after}`);
  }
  return seen;
}

function attemptsAfter(from: StateName, has: Attempt, to: StateName): Attempt[] {
  // A decision dispatches last; only a claim can be the same update.
  if (has === 'fresh') return from === 'queued' && to === 'running' ? ['fresh'] : [];
  if (to === 'queued') return ['fresh'];
  if (OF_AN_ATTEMPT.has(to)) return has === 'none' ? [] : [has];
  if (to === 'up_for_retry') return ['none'];
  if (to === 'none') return KEEPS_ITS_TRY.has(from) ? [has, 'none'] : ['none'];
  return [has];
}
