import type { NextRun, Timetable, TimetableOptions } from './timetable.js';
import { EMPTY_INTERVAL_WARNING } from './trigger-timetable.js';

/** `@once`: at the start date, or at once without one, whatever catch-up says. */
export class OnceTimetable implements Timetable {
  readonly summary = '@once';
  readonly description = 'Once, as soon as possible';
  readonly warnings = [EMPTY_INTERVAL_WARNING];
  readonly newestOnly = false;

  constructor(readonly options: TimetableOptions) {}

  next(last: NextRun | null, nowMs: number): NextRun | null {
    if (last !== null) return null;
    const time = this.options.startMs ?? nowMs;
    return this.options.endMs !== null && time > this.options.endMs ? null : run(time, time);
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    return { intervalStartMs: runAfterMs, intervalEndMs: runAfterMs };
  }

  /** None: it has no dates to fill in. */
  between(): readonly NextRun[] {
    return [];
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    const next = this.next(null, nowMs);
    return next === null || next.runAfterMs < nowMs ? [] : [next].slice(0, count);
  }
}

/** `@continuous`: the next from the end of the last until now. The caller creates it only when the last run is over. */
export class ContinuousTimetable implements Timetable {
  readonly summary = '@continuous';
  readonly description = 'As frequently as possible, but only one run at a time.';
  readonly warnings: readonly string[] = [];
  readonly newestOnly = false;
  readonly follows = true;

  constructor(readonly options: TimetableOptions) {}

  next(last: NextRun | null, nowMs: number): NextRun | null {
    const begin = this.options.startMs ?? nowMs;
    let start = begin;
    let end = Math.max(begin, nowMs);
    if (last !== null && last.intervalEndMs > nowMs) end = start + (last.intervalEndMs - last.intervalStartMs);
    else if (last !== null) start = last.intervalEndMs;
    // The first interval of a dag without a start is empty; its successor may not have the same logical date.
    if (last !== null && start <= last.logicalDateMs) start = last.logicalDateMs + 1;
    end = Math.max(start, end);
    return this.options.endMs !== null && end > this.options.endMs ? null : run(start, end);
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    return { intervalStartMs: runAfterMs, intervalEndMs: runAfterMs };
  }

  /** None: when a run starts depends on the run before. */
  between(): readonly NextRun[] {
    return [];
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    const next = this.next(null, nowMs);
    return next === null ? [] : [next].slice(0, count);
  }
}

function run(startMs: number, endMs: number): NextRun {
  return { logicalDateMs: startMs, intervalStartMs: startMs, intervalEndMs: endMs, runAfterMs: endMs };
}
