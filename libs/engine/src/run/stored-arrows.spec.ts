import { describe, expect, it } from 'vitest';
import { storedArrows } from './stored-arrows.js';
import type { AttemptChange } from './stored-arrows.js';
import type { StateName } from './transitions.js';

const allows = (from: StateName, to: StateName, attempt: AttemptChange, hadAttempt = true): boolean =>
  storedArrows().some((arrow) => arrow.from === from && arrow.attempt === attempt && arrow.hadAttempt === hadAttempt && arrow.to.includes(to));

describe('what one update of a stored instance may be', () => {
  it.each([
    ['a claim', 'queued', 'running', 'kept'],
    ['a result', 'running', 'success', 'kept'],
    ['a result whose claim nobody told of', 'queued', 'success', 'kept'],
    ['a retry without delay, queued in the same decision', 'running', 'queued', 'new'],
    ['cleared, queued and claimed in one decision', 'success', 'running', 'new'],
    ['failed, with tries left', 'running', 'up_for_retry', 'dropped'],
    ['resumed', 'deferred', 'scheduled', 'kept'],
    ['lost before it started, queued again', 'queued', 'queued', 'new'],
    ['cleared, and now upstream has failed', 'success', 'upstream_failed', 'dropped'],
  ] as const)('%s', (_, from, to, attempt) => {
    expect(allows(from, to, attempt)).toBe(true);
  });

  it.each([
    ['an attempt that has ended runs again', 'success', 'running', 'kept'],
    ['an attempt that has failed is queued again', 'failed', 'queued', 'kept'],
    ['an attempt that runs is queued again', 'running', 'queued', 'kept'],
    ['something runs without an attempt', 'queued', 'running', 'dropped'],
    ['something waits for its retry under its old attempt', 'running', 'up_for_retry', 'kept'],
    ['a new attempt ends before it was dispatched', 'scheduled', 'success', 'new'],
  ] as const)('not: %s', (_, from, to, attempt) => {
    expect(allows(from, to, attempt)).toBe(false);
  });

  it('not: anything under way that never had an attempt', () => {
    for (const { hadAttempt, attempt, to } of storedArrows()) {
      if (hadAttempt || attempt !== 'kept') continue;
      expect(to.filter((state) => ['queued', 'running', 'restarting', 'deferred', 'up_for_reschedule', 'awaiting_input'].includes(state))).toEqual([]);
    }
  });
});
