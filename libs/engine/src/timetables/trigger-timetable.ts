import type { Instants } from './instants.js';
import type { NextRun, Timetable, TimetableOptions } from './timetable.js';

export const EMPTY_INTERVAL_WARNING = 'every data interval of this schedule is empty: start and end are the time it fires';

/** What a timetable says of itself. */
export interface TimetableText {
  readonly summary: string;
  readonly description: string;
  readonly warnings: readonly string[];
}

/** Airflow's CronTriggerTimetable (several: MultipleCronTriggerTimetable) and DeltaTriggerTimetable: logical date = interval = the time it fires. */
export class TriggerTimetable implements Timetable {
  readonly summary: string;
  readonly description: string;
  readonly warnings: readonly string[];
  readonly newestOnly: boolean;

  /** `rules`: one per cron expression; runs at the same time are one run. */
  constructor(readonly rules: readonly Instants[], readonly options: TimetableOptions, text: TimetableText) {
    this.summary = text.summary;
    this.description = text.description;
    this.newestOnly = !options.catchup;
    this.warnings = [...text.warnings, EMPTY_INTERVAL_WARNING];
  }

  next(last: NextRun | null, nowMs: number): NextRun | null {
    const { catchup } = this.options;
    const times = this.rules.map((rule) => (catchup ? this.#following(rule, last, nowMs) : this.#newest(rule, last, nowMs))).filter((time) => time !== null);
    if (times.length === 0) return null;
    // Without catch-up: the newest that is due, and only if none is, the first that comes.
    const due = catchup ? [] : times.filter((time) => time <= nowMs);
    return this.#run(due.length > 0 ? Math.max(...due) : Math.min(...times));
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    return { intervalStartMs: runAfterMs, intervalEndMs: runAfterMs };
  }

  between(fromMs: number, toMs: number, limit: number): readonly NextRun[] {
    return this.#series((rule) => rule.alignToNext(fromMs), toMs, limit).map(at);
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    const { startMs, endMs } = this.options;
    const first = (rule: Instants): number | null => (startMs !== null && startMs > nowMs ? rule.alignToNext(startMs) : firstOnGridAfter(rule, startMs, nowMs));
    return this.#series(first, endMs ?? Infinity, count).map(at);
  }

  #following(rule: Instants, last: NextRun | null, nowMs: number): number | null {
    const { startMs } = this.options;
    if (last !== null) return rule.nextAfter(last.intervalEndMs);
    return startMs === null ? rule.firstRun(nowMs) : rule.alignToNext(startMs);
  }

  #newest(rule: Instants, last: NextRun | null, nowMs: number): number | null {
    const { startMs } = this.options;
    // A series without a clock of its own keeps its rhythm: taking "now" would drift by the delay of each look at it.
    const recent = last === null ? rule.alignToPrev(nowMs) : newestOnGrid(rule, last.intervalEndMs, nowMs);
    const others = [
      last !== null ? rule.nextAfter(last.intervalEndMs) : startMs === null ? rule.firstRun(nowMs) : recent,
      startMs === null ? recent : rule.alignToNext(startMs),
    ];
    // A rule that names nothing after the last run is over.
    if (others.includes(null)) return null;
    return Math.max(...[recent, ...others].filter((time) => time !== null));
  }

  /** The rules' times merged, each once, oldest first. */
  #series(first: (rule: Instants) => number | null, toMs: number, limit: number): readonly number[] {
    const heads = this.rules.map((rule) => ({ rule, time: first(rule) }));
    const times: number[] = [];
    while (times.length < limit) {
      const time = Math.min(...heads.map((head) => head.time ?? Infinity));
      if (time > toMs || time === Infinity) break;
      times.push(time);
      for (const head of heads) if (head.time === time) head.time = head.rule.nextAfter(time);
    }
    return times;
  }

  #run(timeMs: number): NextRun | null {
    const { endMs } = this.options;
    return endMs !== null && timeMs > endMs ? null : at(timeMs);
  }
}

function at(timeMs: number): NextRun {
  return { logicalDateMs: timeMs, intervalStartMs: timeMs, intervalEndMs: timeMs, runAfterMs: timeMs };
}

function newestOnGrid(rule: Instants, anchorMs: number, nowMs: number): number | null {
  const period = rule.periodMs;
  if (period === undefined) return rule.alignToPrev(nowMs);
  return anchorMs + Math.max(0, Math.floor((nowMs - anchorMs) / period)) * period;
}

function firstOnGridAfter(rule: Instants, anchorMs: number | null, nowMs: number): number | null {
  const period = rule.periodMs;
  if (period === undefined || anchorMs === null) return rule.nextAfter(nowMs);
  return anchorMs + (Math.floor((nowMs - anchorMs) / period) + 1) * period;
}
