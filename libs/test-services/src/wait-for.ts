import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Completes "waited 5000 ms for …". */
  readonly what: string;
  /** Default 20. */
  readonly everyMs?: number;
}

/**
 * Asks until the answer is neither null, undefined nor false, and returns it. A condition that throws is asked again;
 * the last error is told when time is up.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Exclude<T, null | undefined | false>> {
  const until = performance.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await condition();
      lastError = undefined;
      if (answer !== null && answer !== undefined && answer !== false) return answer as Exclude<T, null | undefined | false>;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= until) {
      const why = lastError === undefined ? '' : `; it last failed with: ${lastError instanceof Error ? lastError.message : String(lastError)}`;
      throw new Error(`waited ${options.timeoutMs} ms for ${options.what}${why}`, { cause: lastError });
    }
    await sleep(options.everyMs ?? 20);
  }
}
