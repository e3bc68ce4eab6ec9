/** A stretch of time with one offset from UTC. Instants in milliseconds, [startMs, endMs). */
export interface ZoneStretch {
  readonly startMs: number;
  readonly endMs: number;
  /** Wall clock = UTC + offset. */
  readonly offsetMs: number;
  readonly offsetBeforeMs: number;
  readonly offsetAfterMs: number;
}

const DAY_MS = 86_400_000;
/** No zone ever changed twice within this time for good: Morocco's Ramadan break, the shortest kept one, lasts about 30 days. */
const PROBE_EVERY_MS = 12 * DAY_MS;
/** Years kept; a backfill over decades stays within it. */
const YEARS_KEPT_MAX = 400;

/** The offsets of one IANA zone. Remembers what it computed; the answers depend on the arguments alone. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #years = new Map<number, readonly ZoneStretch[]>();

  /** Throws RangeError for a name the runtime does not know. */
  constructor(readonly name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  }

  /** The stretch an instant lies in. Also ends at each new year (UTC), where nothing changes: that bounds the work of one answer. */
  stretchAt(instantMs: number): ZoneStretch {
    const stretches = this.#stretchesOf(new Date(instantMs).getUTCFullYear());
    return stretches.find((stretch) => instantMs < stretch.endMs) ?? (stretches.at(-1) as ZoneStretch);
  }

  offsetAt(instantMs: number): number {
    const second = Math.floor(instantMs / 1000) * 1000;
    const parts: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(second)) parts[type] = value;
    const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
    const wall = new Date(0);
    wall.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']));
    wall.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']), 0);
    return wall.getTime() - second;
  }

  #stretchesOf(year: number): readonly ZoneStretch[] {
    const known = this.#years.get(year);
    if (known !== undefined) return known;
    if (this.#years.size >= YEARS_KEPT_MAX) this.#years.clear();
    const startMs = new Date(0).setUTCFullYear(year, 0, 1);
    const endMs = new Date(0).setUTCFullYear(year + 1, 0, 1);
    const changes: number[] = [];
    let from = startMs - 1;
    let offset = this.offsetAt(from);
    while (from < endMs) {
      const to = Math.min(from + PROBE_EVERY_MS, endMs);
      const next = this.offsetAt(to);
      if (next !== offset) changes.push(this.#changeBetween(from, to, offset));
      from = to;
      offset = next;
    }
    // A change exactly at the new year is a boundary already.
    const bounds = [startMs, ...changes.filter((at) => at > startMs && at < endMs), endMs];
    const stretches = bounds.slice(0, -1).map((at, index): ZoneStretch => {
      const end = bounds[index + 1] as number;
      return { startMs: at, endMs: end, offsetMs: this.offsetAt(at), offsetBeforeMs: this.offsetAt(at - 1), offsetAfterMs: this.offsetAt(end) };
    });
    this.#years.set(year, stretches);
    return stretches;
  }

  #changeBetween(fromMs: number, toMs: number, offsetMs: number): number {
    let before = fromMs;
    let after = toMs;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.offsetAt(middle) === offsetMs) before = middle;
      else after = middle;
    }
    return after;
  }
}
