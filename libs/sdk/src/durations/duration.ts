/** A length of time: seconds as a number, or text like `'30s'`, `'5m'`, `'1h30m'`, `'2d'`, `'1w'`, `'250ms'`. */
export type Duration = number | string;

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/**
 * Seconds of a {@link Duration}.
 * @param what names the option in the error, e.g. `retryDelay`.
 * @throws RangeError for anything that is no length of time, naming the option and the accepted forms.
 */
export function secondsOf(value: Duration, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  if (typeof value === 'string') {
    const text = value.replaceAll(/[\s_]/g, '').toLowerCase();
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    if (/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) {
      let sum = 0;
      for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) sum += Number(amount) * (UNIT_SECONDS[unit ?? ''] ?? 0);
      return sum;
    }
  }
  throw new RangeError(`${what} must be seconds (a number ≥ 0) or a text like '30s', '5m', '1h30m' or '2d', got ${JSON.stringify(value)}`);
}
