import { expect, it } from 'vitest';
import { INSTANCE_STATES } from '@millrace/vocabulary';
import type { StateName } from './transitions.js';
import { NEXT, isArrow } from './transitions.js';

const states = Object.keys(NEXT) as StateName[];

it('the table has every state', () => {
  expect(states.toSorted()).toEqual(['none', ...INSTANCE_STATES].toSorted());
});

it('every state can be reached from none, and left', () => {
  const seen = new Set<StateName>(['none']);
  for (const state of seen) for (const next of NEXT[state]) seen.add(next);
  expect([...seen].toSorted()).toEqual(states.toSorted());
  expect(states.filter((state) => (NEXT[state] as readonly StateName[]).length === 0)).toEqual([]);
});

it('only queued leads to running, only scheduled to queued, and nothing goes on after its end but by way of none', () => {
  const leadTo = (to: StateName): StateName[] => states.filter((from) => (NEXT[from] as readonly StateName[]).includes(to));
  expect(leadTo('running')).toEqual(['queued']);
  expect(leadTo('queued')).toEqual(['scheduled']);
  expect(leadTo('restarting')).toEqual(['running']);
  for (const end of ['success', 'failed', 'skipped', 'upstream_failed', 'removed'] as const) {
    for (const next of ['scheduled', 'queued', 'running', 'up_for_retry', 'deferred', 'restarting'] as const) expect(isArrow(end, next)).toBe(false);
  }
});
