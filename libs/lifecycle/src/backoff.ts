import { setTimeout as wait } from 'node:timers/promises';

export interface Backoff {
  /** Pause after the first failure. Default 100. */
  readonly minMs?: number;
  /** Longest pause. Default 10,000. */
  readonly maxMs?: number;
  /** 0 ≤ value < 1; default Math.random. */
  readonly random?: () => number;
}

/** Pause before try `failures + 1`: doubles from `minMs` to `maxMs`, then a random half is taken off, so that a herd spreads out. */
export function backoffMs(failures: number, { minMs = 100, maxMs = 10_000, random = Math.random }: Backoff = {}): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(whole * (1 - random() / 2));
}

/** Waits; true when the time is over, false when the signal aborted first. Never throws. */
export async function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}

export interface RetryOptions extends Backoff {
  /** Ends the retries: the returned promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Sees every failure, so that none is silent. */
  readonly onError: (error: unknown, failures: number, pauseMs: number) => void;
}

/**
 * Calls `work` until it succeeds.
 * @throws the signal's reason when it aborts; never the errors of `work`, which go to `onError`.
 */
export async function retryForever<Result>(work: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  for (let failures = 1; ; failures++) {
    options.signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      options.signal?.throwIfAborted();
      const pauseMs = backoffMs(failures, options);
      options.onError(error, failures, pauseMs);
      await pause(pauseMs, options.signal);
    }
  }
}
