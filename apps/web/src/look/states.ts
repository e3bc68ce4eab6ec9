/** The states of runs and instances: one letter in boards, one colour everywhere. Colours are Airflow's, calmer; see tokens.css. */
export const LETTERS: Readonly<Record<string, string>> = {
  n: 'none', c: 'scheduled', q: 'queued', r: 'running', s: 'success', f: 'failed', k: 'skipped', u: 'upstream_failed', y: 'up_for_retry', e: 'up_for_reschedule',
  d: 'deferred', i: 'awaiting_input', t: 'restarting', x: 'removed',
};
export const ABSENT = '.';

/** Most in need of a look first: what stands for a folded group or a mapped task. */
const FIRST_SEEN = ['failed', 'upstream_failed', 'up_for_retry', 'restarting', 'running', 'awaiting_input', 'deferred', 'up_for_reschedule', 'queued', 'scheduled', 'none', 'success', 'skipped', 'removed'];
export const STATE_ORDER: readonly string[] = FIRST_SEEN;
const RANK = new Map(FIRST_SEEN.map((state, rank) => [state, rank]));

export function rankOf(state: string): number {
  return RANK.get(state) ?? FIRST_SEEN.length;
}

export function standsFor(states: Readonly<Record<string, number>>): string | null {
  return FIRST_SEEN.find((state) => (states[state] ?? 0) > 0) ?? null;
}

export function stateName(state: string | null): string {
  return state === null || state === 'none' ? 'not started' : state.replaceAll('_', ' ');
}

export function isOver(state: string | null): boolean {
  return state === 'success' || state === 'failed' || state === 'skipped' || state === 'upstream_failed' || state === 'removed';
}

export function stateColour(state: string | null): string {
  return `var(--state-${(state ?? 'none').replaceAll('_', '-')})`;
}
