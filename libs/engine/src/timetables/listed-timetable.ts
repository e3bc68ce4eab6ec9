import type { NextRun, Timetable, TimetableOptions } from './timetable.js';
import type { TimetableText } from './trigger-timetable.js';

/**
 * Runs that stand in a list: the dates of `events(…)`, or what a custom timetable published. Never asks anybody, so the same list
 * gives the same answers; where the list ends, there is nothing (yet).
 */
export class ListedTimetable implements Timetable {
  readonly summary: string;
  readonly description: string;
  readonly warnings: readonly string[];
  readonly newestOnly: boolean;

  /** @param runs ascending by logical date, each date once  @param manualAt the interval of a run made by hand */
  constructor(
    readonly runs: readonly NextRun[],
    readonly options: TimetableOptions,
    text: TimetableText,
    private readonly manualAt: (runAfterMs: number) => { readonly intervalStartMs: number; readonly intervalEndMs: number } = exactly,
  ) {
    this.summary = text.summary;
    this.description = text.description;
    this.newestOnly = !options.catchup;
    this.warnings = text.warnings;
  }

  next(last: NextRun | null, nowMs: number): NextRun | null {
    const { startMs, catchup } = this.options;
    // As Airflow: without runs, start and catch-up the past is not looked at.
    const fromMs = last === null ? (catchup || startMs !== null ? (startMs ?? -Infinity) : nowMs) : Math.max(startMs ?? -Infinity, last.logicalDateMs + 1);
    const first = this.#firstFrom(fromMs);
    if (catchup) return this.#within(this.runs[first]);
    // The newest that is due, and only if none is, the first that comes.
    let chosen = first;
    for (let at = first + 1; at < this.runs.length && (this.runs[at] as NextRun).runAfterMs <= nowMs && this.#within(this.runs[at]) !== null; at++) chosen = at;
    return this.#within(this.runs[chosen]);
  }

  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
    return this.manualAt(runAfterMs);
  }

  between(fromMs: number, toMs: number, limit: number): readonly NextRun[] {
    const first = this.#firstFrom(fromMs);
    const runs: NextRun[] = [];
    for (let at = first; at < this.runs.length && runs.length < limit; at++) {
      const run = this.runs[at] as NextRun;
      if (run.logicalDateMs > toMs) break;
      runs.push(run);
    }
    return runs;
  }

  upcoming(nowMs: number, count: number): readonly NextRun[] {
    return this.runs.filter((run) => run.runAfterMs > nowMs && run.logicalDateMs >= (this.options.startMs ?? -Infinity) && this.#within(run) !== null).slice(0, count);
  }

  #within(run: NextRun | undefined): NextRun | null {
    return run === undefined || (this.options.endMs !== null && run.logicalDateMs > this.options.endMs) ? null : run;
  }

  /** Index of the first run at or after an instant; the list's length when there is none. */
  #firstFrom(fromMs: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.runs[middle] as NextRun).logicalDateMs < fromMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function exactly(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
  return { intervalStartMs: runAfterMs, intervalEndMs: runAfterMs };
}
