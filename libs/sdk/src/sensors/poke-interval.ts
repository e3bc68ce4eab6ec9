export interface PokeTerms {
  readonly pokeIntervalSeconds: number;
  readonly exponentialBackoff: boolean;
  readonly maxWaitSeconds: number | null;
}

const MAX_EXPONENT = 40;

/**
 * Seconds until the next look. Growing waits double with each look and carry a jitter of up to the same again, so that sensors that began
 * together do not look together; the jitter follows from `key`, so that the same look always waits as long.
 * @param look 1 after the first look.
 * @param key names the instance and its first start.
 * @param leftSeconds until the time-out: no wait goes beyond it.
 */
export function nextPokeSeconds(terms: PokeTerms, look: number, key: string, leftSeconds: number): number {
  const left = Math.max(0, leftSeconds);
  if (!terms.exponentialBackoff) return Math.min(terms.maxWaitSeconds ?? Infinity, left, terms.pokeIntervalSeconds);
  const least = Math.max(1, Math.floor(terms.pokeIntervalSeconds * 2 ** Math.min(MAX_EXPONENT, look - 1)));
  const jittered = least + (hash(`${key}#${look}`) % least);
  return Math.min(terms.maxWaitSeconds ?? Infinity, left, jittered);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
