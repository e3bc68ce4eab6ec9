/** When a dag runs. Pure: every method takes the time it needs. Milliseconds since 1970 UTC throughout. */
export interface NextRun {
  readonly logicalDateMs: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
  /** The earliest moment the run may be created. */
  readonly runAfterMs: number;
}

export interface TimetableOptions {
  /** Zone of the dag, IANA name; cron is evaluated in it. */
  readonly timezone: string;
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly catchup: boolean;
  /** What a custom timetable published, ascending; without it a custom timetable has no runs. */
  readonly published?: readonly NextRun[];
}

export interface Timetable {
  /** As Airflow shows it: the cron text, `every 5 minutes`, `@once` … */
  readonly summary: string;
  /** A sentence for people, e.g. `At 00:00`. */
  readonly description: string;
  /** e.g. "every data interval of this schedule is empty". */
  readonly warnings: readonly string[];
  /** Of several runs that are due only the newest is made. */
  readonly newestOnly: boolean;
  /** The next run is known only when the one before has ended. */
  readonly follows?: boolean;
  /**
   * The run after `last` (the newest automated run; null: none yet), as seen at `nowMs`; null when there is none.
   * catchup false: the newest interval only. It may lie in the future: the caller waits for `runAfterMs`.
   */
  next(last: NextRun | null, nowMs: number): NextRun | null;
  /** The data interval a manual run at this time has. */
  manual(runAfterMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number };
  /** Runs with fromMs <= logical date <= toMs, oldest first, at most `limit`. For backfills. */
  between(fromMs: number, toMs: number, limit: number): readonly NextRun[];
  /** The next `count` runs as they will come. */
  upcoming(nowMs: number, count: number): readonly NextRun[];
  /** Of a partitioned schedule: the partition of one of its runs, which then has no logical date and no data interval, as in Airflow. */
  partitionOf?(run: NextRun): Partition | null;
}

export interface Partition {
  readonly key: string;
  readonly dateMs: number;
}

/** `const`-kind values match contracts' dag document. */
export type ScheduleSource =
  | { readonly kind: 'cron'; readonly expressions: readonly string[]; readonly timezone: string }
  | { readonly kind: 'cronInterval'; readonly expression: string; readonly timezone: string }
  | { readonly kind: 'every'; readonly seconds: number }
  | { readonly kind: 'everyInterval'; readonly seconds: number }
  | { readonly kind: 'once' }
  | { readonly kind: 'continuous' }
  | { readonly kind: 'events'; readonly dates: readonly string[]; readonly restrictToEvents?: boolean; readonly description?: string | null }
  | { readonly kind: 'custom'; readonly name: string; readonly summary: string; readonly description: string }
  | { readonly kind: 'assets'; readonly condition?: unknown }
  | { readonly kind: 'assetsOrTime'; readonly condition?: unknown; readonly time: ScheduleSource }
  | { readonly kind: 'partitionedAssets'; readonly condition?: unknown }
  | { readonly kind: 'cronPartition'; readonly expression: string; readonly timezone: string; readonly runOffset: number; readonly keyFormat: string };
