import { describe, expect, it } from 'vitest';
import { backoffMs, pause, retryForever } from './backoff.js';

describe('backoffMs', () => {
  it('doubles up to the limit, and takes off at most half', () => {
    const whole = [1, 2, 3, 4, 5, 500].map((failures) => backoffMs(failures, { minMs: 100, maxMs: 1_000, random: () => 0 }));
    expect(whole).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    const half = [1, 2, 500].map((failures) => backoffMs(failures, { minMs: 100, maxMs: 1_000, random: () => 0.999999 }));
    expect(half).toEqual([50, 100, 500]);
  });
});

describe('pause', () => {
  it('tells whether it was let sleep', async () => {
    const aborter = new AbortController();
    const long = pause(1_000_000, aborter.signal);
    aborter.abort();
    expect(await long).toBe(false);
    expect(await pause(1_000_000, aborter.signal)).toBe(false);
    expect(await pause(0)).toBe(true);
  });
});

describe('retryForever', () => {
  it('tries until it works, and tells every failure', async () => {
    const told: string[] = [];
    let left = 3;
    const work = async (): Promise<string> => {
      if (--left > 0) throw new Error(`${left} left`);
      return 'done';
    };
    expect(await retryForever(work, { minMs: 1, maxMs: 1, onError: (error, failures) => void told.push(`${failures}: ${(error as Error).message}`) })).toBe('done');
    expect(told).toEqual(['1: 2 left', '2: 1 left']);
  });

  it('ends when aborted, during a pause and during the work', async () => {
    const aborter = new AbortController();
    const failing = retryForever(() => Promise.reject(new Error('x')), { signal: aborter.signal, minMs: 1_000_000, maxMs: 1_000_000, onError: () => setImmediate(() => aborter.abort(new Error('stop'))) });
    await expect(failing).rejects.toThrow('stop');
    await expect(retryForever(() => Promise.resolve(1), { signal: aborter.signal, onError: () => undefined })).rejects.toThrow('stop');
  });
});
