import { murmur128 } from '../identity/derived-uuid.js';

export interface RetryTerms {
  readonly retryDelaySeconds: number;
  /** 0 or 1: constant delay; else the base of the growth. */
  readonly retryExponentialBackoff: number;
  readonly maxRetryDelaySeconds: number | null;
}

/** No growing delay is longer than a day, whatever its base: the bound Airflow sets too. */
export const MAX_BACKOFF_SECONDS = 86_400;

/**
 * Milliseconds to wait after a failed try.
 *
 * Growing delays are `delay * base^(n-1)`, rounded up to seconds, at least 1, plus a jitter of up to the same again, then capped.
 * The jitter follows from `key`, so that every replay agrees and tries that failed together do not come back together.
 * @param paidTry 1 for the first try that counts against the retries, so that clears and lost tries do not make the wait longer.
 * @param key names the instance and its try.
 */
export function retryDelayMs(terms: RetryTerms, paidTry: number, key: string): number {
  const base = terms.retryExponentialBackoff;
  if (base <= 0 || base === 1) return Math.max(0, terms.retryDelaySeconds * 1000);
  const grown = Math.ceil(terms.retryDelaySeconds * base ** (Math.max(1, paidTry) - 1));
  const backoff = Math.min(Math.max(1, grown), MAX_BACKOFF_SECONDS);
  const jittered = Math.min(backoff + (murmur128(key)[0] % backoff), MAX_BACKOFF_SECONDS);
  const cap = terms.maxRetryDelaySeconds;
  return (cap === null || cap <= 0 ? jittered : Math.min(jittered, cap)) * 1000;
}
