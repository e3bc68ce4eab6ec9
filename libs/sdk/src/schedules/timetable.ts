/** One run of a timetable: it works on [start, end), is made at `runAfter`, and is known by `logicalDate`. */
export interface TimetableRun {
  readonly start: Date;
  readonly end: Date;
  /** @default end */
  readonly runAfter?: Date;
  /** Later than that of every run before it. @default start */
  readonly logicalDate?: Date;
}

export interface TimetableRestriction {
  /** The dag's start date. */
  readonly earliest: Date | null;
  /** The dag's end date; what comes after it is left out. */
  readonly latest: Date | null;
  readonly catchup: boolean;
  /** Ask this instead of the clock: the same question then has the same answer. */
  readonly now: Date;
}

/**
 * A schedule of your own. `nextRun` is asked for one run after the other, ahead of their time, where dag files are evaluated: without
 * network and files, and with the time-out of a dag file. What it answers is stored; schedulers make runs of what is stored.
 * Without catch-up only the newest run that is due is made, whatever `nextRun` lists.
 * @example
 * class Workdays extends Timetable {
 *   nextRun(last: TimetableRun | null, { earliest, now }: TimetableRestriction) {
 *     const day = new Date(last?.end ?? earliest ?? now);
 *     …
 *     return { start, end };
 *   }
 * }
 * dag('report', { schedule: new Workdays() }, …)
 */
export abstract class Timetable {
  /** @internal tells it from other objects across copies of the SDK */
  readonly __timetable = true;

  /** Shown as the dag's schedule. @default the class's name */
  get summary(): string {
    return this.constructor.name;
  }

  /** A sentence for people. @default the summary */
  get description(): string {
    return this.summary;
  }

  /**
   * The run after `last` (null: the first one). A `Date` is a run at that moment, with an empty interval. null: there are no more.
   * Must go forward: each logical date is later than the one before.
   */
  abstract nextRun(last: Required<TimetableRun> | null, restriction: TimetableRestriction): TimetableRun | Date | null;
}

export function isTimetable(value: unknown): value is Timetable {
  return typeof value === 'object' && value !== null && (value as { __timetable?: unknown }).__timetable === true;
}
