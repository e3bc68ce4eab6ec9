import type { PartitionMapperDocument } from '@millrace/contracts';

/** How the partition key of an event becomes the key of a run. Names follow Airflow's mappers and windows. */
export type PartitionMapper = PartitionMapperDocument;
type Window = Extract<PartitionMapperDocument, { kind: 'rollup' }>['window'];
type Wait = Extract<PartitionMapperDocument, { kind: 'rollup' }>['wait'];
type Unit = Extract<PartitionMapperDocument, { kind: 'startOf' }>['unit'];

/** The same key. */
export function identity(): PartitionMapper {
  return { kind: 'identity' };
}

export interface StartOfOptions {
  /** Zone of keys without one. @default 'UTC' */
  readonly timezone?: string;
  /** How keys of events are written, in Python's codes. @default '%Y-%m-%dT%H:%M:%S' */
  readonly inputFormat?: string;
  /** How keys of runs are written. @default '%Y-%m-%dT%H', '%Y-%m-%d', '%Y-%m-%d (W%V)', '%Y-%m', '%Y-Q{quarter}', '%Y' */
  readonly outputFormat?: string;
}

const startOf = (unit: Unit) => (options: StartOfOptions = {}): PartitionMapper => ({
  kind: 'startOf',
  unit,
  timezone: options.timezone ?? 'UTC',
  inputFormat: options.inputFormat ?? '%Y-%m-%dT%H:%M:%S',
  outputFormat: options.outputFormat ?? null,
});
export const startOfHour = /* @__PURE__ */ startOf('hour');
export const startOfDay = /* @__PURE__ */ startOf('day');
export const startOfWeek = /* @__PURE__ */ startOf('week');
export const startOfMonth = /* @__PURE__ */ startOf('month');
export const startOfQuarter = /* @__PURE__ */ startOf('quarter');
export const startOfYear = /* @__PURE__ */ startOf('year');

/** Takes `strip` off the front of a key and puts `add` there. @example prefix({ strip: 'eu/' }) */
export function prefix(options: { readonly add?: string; readonly strip?: string }): PartitionMapper {
  return { kind: 'prefix', add: options.add ?? '', strip: options.strip ?? '' };
}
/** One segment of a key such as `eu|2026-01-01`. @param index from 0 */
export function segment(index: number, delimiter = '|'): PartitionMapper {
  return { kind: 'segment', index, delimiter };
}
/** Only these keys; others are told in the audit log. */
export function allowedKeys(...keys: readonly string[]): PartitionMapper {
  return { kind: 'allowed', keys: [...keys] };
}
/** Every key becomes this one. */
export function fixedKey(key: string): PartitionMapper {
  return { kind: 'fixed', key };
}
/** One after the other. */
export function chainMappers(...mappers: readonly PartitionMapper[]): PartitionMapper {
  return { kind: 'chain', mappers: [...mappers] };
}
/** A mapper for each segment of a key of several dimensions. @example product([identity(), startOfDay()]) */
export function product(mappers: readonly PartitionMapper[], delimiter = '|'): PartitionMapper {
  return { kind: 'product', mappers: [...mappers], delimiter };
}

const period = (unit: Unit) => (options: { readonly direction?: 'forward' | 'backward' } = {}): Window => ({ kind: 'period', unit, direction: options.direction ?? 'forward' });
/** 60 minutes. */
export const hourWindow = /* @__PURE__ */ period('hour');
/** The hours of a day: 24, or 23 and 25 where clocks change. */
export const dayWindow = /* @__PURE__ */ period('day');
/** 7 days. */
export const weekWindow = /* @__PURE__ */ period('week');
/** The days of a month. */
export const monthWindow = /* @__PURE__ */ period('month');
/** 3 months. */
export const quarterWindow = /* @__PURE__ */ period('quarter');
/** 12 months. */
export const yearWindow = /* @__PURE__ */ period('year');
/** The last `count` days (hours, …), the partition's own included; it slides. @example lastPartitions(7, 'day') */
export function lastPartitions(count: number, unit: Unit): Window {
  return { kind: 'last', count, unit };
}
/** These keys, e.g. of regions. */
export function segments(...keys: readonly string[]): Window {
  return { kind: 'segments', keys: [...keys] };
}

/** All expected keys. */
export function waitForAll(): Wait {
  return { kind: 'all' };
}
/** `n` > 0: at least n keys have arrived. `n` < 0: at most -n are missing. */
export function minimumCount(n: number): Wait {
  if (!Number.isInteger(n) || n === 0) throw new RangeError(`minimumCount() needs a whole number other than 0, got ${JSON.stringify(n)}`);
  return { kind: 'minimum', count: n };
}

/**
 * Many keys make one partition.
 * @example rollup({ upstream: startOfDay({ inputFormat: '%Y-%m-%dT%H' }), window: dayWindow(), wait: minimumCount(-2) })
 */
export function rollup(options: { readonly upstream: PartitionMapper; readonly window: Window; readonly wait?: Wait }): PartitionMapper {
  return { kind: 'rollup', upstream: options.upstream, window: options.window, wait: options.wait ?? waitForAll() };
}

/** One key makes many partitions. @example fanOut({ upstream: startOfWeek(), window: weekWindow() }) */
export function fanOut(options: { readonly upstream: PartitionMapper; readonly window: Window; readonly downstream?: PartitionMapper }): PartitionMapper {
  return { kind: 'fanOut', upstream: options.upstream, window: options.window, downstream: options.downstream ?? null };
}
