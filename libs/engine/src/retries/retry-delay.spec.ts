import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BACKOFF_SECONDS, retryDelayMs } from './retry-delay.js';

const terms = (retryDelaySeconds: number, retryExponentialBackoff: number, maxRetryDelaySeconds: number | null = null) => ({ retryDelaySeconds, retryExponentialBackoff, maxRetryDelaySeconds });

describe('the wait after a failed try', () => {
  it.each([
    // delay, base, cap, try, from, to (seconds; a growing delay has up to the same again as jitter)
    [300, 0, null, 1, 300, 300],
    [300, 0, null, 7, 300, 300],
    [300, 1, null, 7, 300, 300],
    [0, 0, null, 1, 0, 0],
    [0.5, 0, null, 1, 0.5, 0.5],
    [10, 2, null, 1, 10, 19],
    [10, 2, null, 2, 20, 39],
    [10, 2, null, 5, 160, 319],
    [10, 3, null, 3, 90, 179],
    [0, 2, null, 4, 1, 1],
    [0.2, 2, null, 1, 1, 1],
    [10, 2, 15, 9, 15, 15],
    [10, 2, 0, 1, 10, 19],
    [10, 2, null, 400, MAX_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS],
    [10, 2, null, 5_000, MAX_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS],
  ])('delay %d s, base %d, cap %s, try %d: %d to %d s', (delay, base, cap, paidTry, from, to) => {
    const seconds = retryDelayMs(terms(delay, base, cap), paidTry, 'an instance/1') / 1000;
    expect(seconds).toBeGreaterThanOrEqual(from);
    expect(seconds).toBeLessThanOrEqual(to);
  });

  it('is the same for the same try, and spread over tries that failed together', () => {
    const wait = (key: string): number => retryDelayMs(terms(100, 2), 1, key);
    expect(wait('a/1')).toBe(wait('a/1'));
    const waits = Array.from({ length: 1_000 }, (_, i) => wait(`instance ${i}/1`));
    expect(new Set(waits).size).toBeGreaterThan(95);
  });

  it('is a finite number of milliseconds, never negative', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 0, max: 10, noNaN: true }), fc.integer({ min: -5, max: 100_000 }), fc.string(), (delay, base, paidTry, key) => {
        const wait = retryDelayMs(terms(delay, base), paidTry, key);
        expect(Number.isFinite(wait) && wait >= 0).toBe(true);
      }),
    );
  });
});
