import { Cron } from 'croner';
import type { CronFields, FieldValues } from './cron-expression.js';
import type { Instants } from './instants.js';
import type { Zone, ZoneStretch } from './zone.js';

const MINUTE_MS = 60_000;
/** More than any change of an offset was (Samoa skipped a day): wall clocks farther from a change than this are not touched by it. */
const CHANGE_REACH_MS = 48 * 60 * MINUTE_MS;
/** Years 1 to 9998: what cron and dates are asked about; beyond, the answer is "none". */
const EARLIEST_MS = -62_135_596_800_000;
const LATEST_MS = 253_370_764_800_000;

/**
 * The instants a cron names in a zone. croner only ever sees wall clocks (as if they were UTC); which instant a wall clock is, is decided
 * here, as Airflow does: in a spring gap it moves on by the gap's length (02:30 -> 03:30); an hour that comes twice counts the second time,
 * unless the cron names every hour: then both times.
 */
export class CronInstants implements Instants {
  readonly #walls: Cron;
  readonly #everyHour: boolean;

  constructor(fields: CronFields, readonly zone: Zone) {
    const written = [fields.second, fields.minute, fields.hour, fields.dayOfMonth, fields.month, fields.dayOfWeek].map(cronerField).join(' ');
    this.#walls = new Cron(written, { timezone: 'Etc/UTC', paused: true, mode: '6-part' });
    this.#everyHour = fields.hour.all;
  }

  nextAfter(instantMs: number): number | null {
    if (instantMs >= LATEST_MS) return null;
    let at = Math.max(Math.floor(instantMs), EARLIEST_MS);
    for (;;) {
      const stretch = this.zone.stretchAt(at + 1);
      const found = this.#firstIn(stretch, at);
      if (found !== null) return found;
      const wall = this.#wallAfter(at + stretch.offsetMs);
      if (wall === null) return null;
      // No wall clock between here and `wall` matches, so the stretches between need no look; near a change one step at a time.
      const far = at < stretch.endMs - CHANGE_REACH_MS ? wall - stretch.offsetMs - CHANGE_REACH_MS : 0;
      at = Math.max(stretch.endMs - 1, far);
      if (at >= LATEST_MS) return null;
    }
  }

  lastBefore(instantMs: number): number | null {
    if (instantMs <= EARLIEST_MS) return null;
    let at = Math.min(Math.ceil(instantMs), LATEST_MS);
    for (;;) {
      const stretch = this.zone.stretchAt(at - 1);
      const found = this.#lastIn(stretch, at);
      if (found !== null) return found;
      const wall = this.#wallBefore(at + stretch.offsetMs);
      if (wall === null) return null;
      const far = at > stretch.startMs + CHANGE_REACH_MS ? wall - stretch.offsetMs + CHANGE_REACH_MS : at;
      at = Math.min(stretch.startMs, far);
      if (at <= EARLIEST_MS) return null;
    }
  }

  alignToNext(instantMs: number): number | null {
    return this.nextAfter(instantMs - 1);
  }

  alignToPrev(instantMs: number): number | null {
    return this.lastBefore(instantMs + 1);
  }

  /** Of a dag without a start: the last time if it was not long ago (a tenth of the gap, at least five minutes), else the next. */
  firstRun(nowMs: number): number | null {
    const past = this.alignToPrev(nowMs);
    const next = this.alignToNext(nowMs);
    if (past === null || next === null) return next;
    return nowMs - past <= Math.max((next - past) / 10, 5 * MINUTE_MS) ? past : next;
  }

  #firstIn(stretch: ZoneStretch, afterMs: number): number | null {
    const after = Math.max(afterMs, stretch.startMs - 1);
    const { offsetMs, offsetBeforeMs } = stretch;
    const wall = this.#wallAfter(after + offsetMs);
    const regular = wall !== null && wall < this.#wallEnd(stretch) ? wall - offsetMs : null;
    if (offsetBeforeMs >= offsetMs) return regular;
    const skipped = this.#wallAfter(after + offsetBeforeMs);
    if (skipped === null || skipped >= stretch.startMs + offsetMs) return regular;
    return Math.min(skipped - offsetBeforeMs, regular ?? Infinity);
  }

  #lastIn(stretch: ZoneStretch, beforeMs: number): number | null {
    const before = Math.min(beforeMs, stretch.endMs);
    const { offsetMs, offsetBeforeMs, startMs } = stretch;
    const wall = this.#wallBefore(Math.min(before + offsetMs, this.#wallEnd(stretch)));
    const regular = wall !== null && wall >= startMs + offsetMs ? wall - offsetMs : null;
    if (offsetBeforeMs >= offsetMs) return regular;
    const skipped = this.#wallBefore(Math.min(before + offsetBeforeMs, startMs + offsetMs));
    if (skipped === null || skipped < startMs + offsetBeforeMs) return regular;
    return Math.max(skipped - offsetBeforeMs, regular ?? -Infinity);
  }

  /** Where the wall clocks that count here end: those that come again after the change count there. */
  #wallEnd({ endMs, offsetMs, offsetAfterMs }: ZoneStretch): number {
    return endMs + (this.#everyHour ? offsetMs : Math.min(offsetMs, offsetAfterMs));
  }

  #wallAfter(wallMs: number): number | null {
    return this.#walls.nextRun(new Date(wallMs))?.getTime() ?? null;
  }

  #wallBefore(wallMs: number): number | null {
    return this.#walls.previousRuns(1, new Date(wallMs))[0]?.getTime() ?? null;
  }
}

function cronerField(field: FieldValues): string {
  return field.all ? '*' : [...field.values, ...field.special].join(',');
}
