/** How keys of events become keys of runs, as a dag document says it. Kinds match contracts' dag document; names follow Airflow's mappers. */
export type PartitionMapperSource =
  /** IdentityMapper. */
  | { readonly kind: 'identity' }
  /** StartOfHourMapper … StartOfYearMapper. */
  | TemporalMapperSource
  /** Takes one text off the front and puts another there. */
  | { readonly kind: 'prefix'; readonly add: string; readonly strip: string }
  /** One segment of a key of several dimensions. */
  | { readonly kind: 'segment'; readonly delimiter: string; readonly index: number }
  /** AllowedKeyMapper. */
  | { readonly kind: 'allowed'; readonly keys: readonly string[] }
  /** FixedKeyMapper. */
  | { readonly kind: 'fixed'; readonly key: string }
  /** ChainMapper. */
  | { readonly kind: 'chain'; readonly mappers: readonly PartitionMapperSource[] }
  /** ProductMapper. */
  | { readonly kind: 'product'; readonly mappers: readonly PartitionMapperSource[]; readonly delimiter: string }
  /** RollupMapper: many keys make one partition. */
  | { readonly kind: 'rollup'; readonly upstream: PartitionMapperSource; readonly window: WindowSource; readonly wait: WaitPolicy }
  /** FanOutMapper: one key makes many partitions. */
  | { readonly kind: 'fanOut'; readonly upstream: PartitionMapperSource; readonly window: WindowSource; readonly downstream: PartitionMapperSource | null };

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

export interface TemporalMapperSource {
  readonly kind: 'startOf';
  readonly unit: CalendarUnit;
  readonly timezone: string;
  readonly inputFormat: string;
  /** null: that of the unit, see {@link OUTPUT_FORMATS}. */
  readonly outputFormat: string | null;
}

export type WindowSource =
  /** HourWindow … YearWindow: the members of one period. */
  | { readonly kind: 'period'; readonly unit: CalendarUnit; readonly direction: 'forward' | 'backward' }
  /** The last `count` partitions, the one itself included. */
  | { readonly kind: 'last'; readonly count: number; readonly unit: CalendarUnit }
  /** SegmentWindow. */
  | { readonly kind: 'segments'; readonly keys: readonly string[] };

/** WaitForAll; MinimumCount: n > 0 at least n have arrived, n < 0 at most -n are missing. */
export type WaitPolicy = { readonly kind: 'all' } | { readonly kind: 'minimum'; readonly count: number };

/** Airflow's. */
export const OUTPUT_FORMATS: Readonly<Record<CalendarUnit, string>> = {
  hour: '%Y-%m-%dT%H',
  day: '%Y-%m-%d',
  week: '%Y-%m-%d (W%V)',
  month: '%Y-%m',
  quarter: '%Y-Q{quarter}',
  year: '%Y',
};

export function isSatisfied(wait: WaitPolicy, matched: number, expected: number): boolean {
  if (wait.kind === 'all') return matched >= expected;
  return wait.count > 0 ? matched >= wait.count : matched >= Math.max(1, expected + wait.count);
}
