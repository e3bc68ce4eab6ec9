import type { Instants } from './instants.js';
import type { NextRun, Timetable, TimetableOptions } from './timetable.js';
import type { TimetableText } from './trigger-timetable.js';

/** Airflow's CronDataIntervalTimetable and DeltaDataIntervalTimetable: the run for [start, end) comes at end, its logical date is start. */
export class IntervalTimetable implements Timetable {
  readonly summary: string;
  readonly description: string;
  readonly warnings: readonly string[];
  readonly newestOnly: boolean;

  constructor(readonly rule: Instants, readonly options: TimetableOptions, text: TimetableText) {
    this.summary = text.summary;
    this.description = text.description;
    this.newestOnly = !options.catchup;
    this.warnings = options.catchup && options.startMs === null
      ? [...text.warnings, 'catchup is on but there is no start date, so no run is ever created: set start_date, or catchup to false']
      : text.warnings;
  }

  next(last: NextRun | null, nowMs: number): NextRun | null {
    const earliest = this.#earliest(nowMs);
    if (last === null) return this.#runFrom(earliest, this.options.endMs);
    // Aligned, because the schedule may have changed since the last run.
    const follows = this.rule.alignToPrev(last.intervalEndMs);
    return this.#runFrom(follows === null ? earliest : Math.max(follows, earliest ?? follows), this.options.endMs);
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    const end = this.rule.alignToPrev(runAfterMs) ?? runAfterMs;
    return { intervalStartMs: this.rule.lastBefore(end) ?? end, intervalEndMs: end };
  }

  between(fromMs: number, toMs: number, limit: number): readonly NextRun[] {
    return this.#series(this.rule.alignToNext(fromMs), toMs, limit);
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    const { startMs, endMs } = this.options;
    const current = this.#intervalAround(nowMs);
    const first = startMs === null ? current : Math.max(this.rule.alignToNext(startMs) ?? Infinity, current ?? -Infinity);
    return this.#series(first === Infinity || first === -Infinity ? null : first, endMs, count);
  }

  #earliest(nowMs: number): number | null {
    const { startMs, catchup } = this.options;
    const start = startMs === null ? null : this.rule.alignToNext(startMs);
    if (catchup) return start;
    const newest = this.#newestComplete(nowMs);
    if (newest === null || startMs === null) return start ?? newest;
    return start === null ? null : Math.max(newest, start);
  }

  /** Start of the newest interval that is over (ends at or before now). */
  #newestComplete(nowMs: number): number | null {
    const end = this.#grid(nowMs) ?? this.rule.alignToPrev(nowMs);
    return end === null ? null : this.rule.lastBefore(end);
  }

  /** Start of the interval that holds now. */
  #intervalAround(nowMs: number): number | null {
    return this.#grid(nowMs) ?? this.rule.alignToPrev(nowMs);
  }

  /** Intervals of a fixed length have no clock of their own: where nothing else says, they lie on multiples of their length, as Airflow rounds. */
  #grid(nowMs: number): number | null {
    const period = this.rule.periodMs;
    return period === undefined ? null : Math.floor(nowMs / period) * period;
  }

  #series(first: number | null, toMs: number | null, limit: number): readonly NextRun[] {
    const runs: NextRun[] = [];
    let run = this.#runFrom(first, toMs);
    while (run !== null && runs.length < limit) {
      runs.push(run);
      run = this.#runFrom(run.intervalEndMs, toMs);
    }
    return runs;
  }

  #runFrom(startMs: number | null, latestMs: number | null): NextRun | null {
    if (startMs === null || (latestMs !== null && startMs > latestMs)) return null;
    const endMs = this.rule.nextAfter(startMs);
    return endMs === null ? null : { logicalDateMs: startMs, intervalStartMs: startMs, intervalEndMs: endMs, runAfterMs: endMs };
  }
}
