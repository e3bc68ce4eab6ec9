import type { NextRun, Partition, Timetable, TimetableOptions } from '../timetables/timetable.js';
import type { Zone } from '../timetables/zone.js';
import { formatInstant } from './wall-time.js';

/** The instants a partition's date is found among: neighbours of the times a schedule fires. */
export interface Neighbours {
  nextAfter(instantMs: number): number | null;
  lastBefore(instantMs: number): number | null;
}

/** Airflow's CronPartitionTimetable: each time it fires is a partition; its date is `runOffset` firings away, its key the date in `keyFormat`. */
export class PartitionTimetable implements Timetable {
  readonly summary: string;
  readonly description: string;
  readonly warnings: readonly string[] = [];
  readonly newestOnly: boolean;

  constructor(
    private readonly times: Timetable,
    private readonly rule: Neighbours,
    private readonly zone: Zone,
    private readonly runOffset: number,
    private readonly keyFormat: string,
    readonly options: TimetableOptions,
  ) {
    this.summary = times.summary;
    this.description = times.description;
    this.newestOnly = times.newestOnly;
  }

  next(last: NextRun | null, nowMs: number): NextRun | null {
    return this.times.next(last, nowMs);
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    return this.times.manual(runAfterMs);
  }

  between(fromMs: number, toMs: number, limit: number): readonly NextRun[] {
    return this.times.between(fromMs, toMs, limit);
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    return this.times.upcoming(nowMs, count);
  }

  partitionOf(run: NextRun): Partition | null {
    let dateMs: number | null = run.runAfterMs;
    for (let i = 0; i < Math.abs(this.runOffset) && dateMs !== null; i++) dateMs = this.runOffset > 0 ? this.rule.nextAfter(dateMs) : this.rule.lastBefore(dateMs);
    return dateMs === null ? null : { key: formatInstant(dateMs, this.keyFormat, this.zone), dateMs };
  }
}
