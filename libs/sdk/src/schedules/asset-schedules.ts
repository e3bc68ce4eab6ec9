import { conditionOf, isAssetExpression } from '../assets/asset.js';
import type { Asset, AssetExpression } from '../assets/asset.js';
import { identity } from '../assets/partition-mappers.js';
import type { PartitionMapper } from '../assets/partition-mappers.js';
import { cronProblem, presetsExpanded } from './cron-expression.js';
import type { Schedule } from './schedule.js';

type TimeSchedule = Extract<Schedule, { kind: 'assetsOrTime' }>['time'];
export type AssetsInput = AssetExpression | readonly AssetExpression[];

/** A run when the condition is met, and one whenever the time comes. @example schedule: assetsOrTime(flights, '0 6 * * *') */
export function assetsOrTime(assets: AssetsInput, time: Schedule | string): Schedule {
  const compiled = typeof time === 'string' ? bareCron(time) : time;
  if (!['cron', 'cronInterval', 'every', 'everyInterval', 'once', 'events'].includes(compiled.kind)) throw new RangeError(`assetsOrTime() takes cron, cronInterval, every, everyInterval, once or events, got ${compiled.kind}`);
  return { kind: 'assetsOrTime', condition: conditionOf(assets), time: compiled as TimeSchedule };
}

export interface PartitionedOptions {
  /** For all assets that have none of their own. @default identity() */
  readonly mapper?: PartitionMapper;
  /** For single assets. */
  readonly mappers?: readonly (readonly [asset: Asset, mapper: PartitionMapper])[];
}

/**
 * One run for each partition for which the condition is met: `context.partitionKey` says which.
 * @example schedule: partitioned(hourly, { mapper: rollup({ upstream: startOfDay({ inputFormat: '%Y-%m-%dT%H' }), window: dayWindow() }) })
 */
export function partitioned(assets: AssetsInput, options: PartitionedOptions = {}): Schedule {
  return {
    kind: 'partitionedAssets',
    condition: conditionOf(assets),
    mappers: (options.mappers ?? []).map(([asset, mapper]) => ({ asset: { name: asset.name, uri: asset.uri }, mapper })),
    defaultMapper: options.mapper ?? identity(),
  };
}

export interface CronPartitionOptions {
  /** @default the dag's time zone */
  readonly timezone?: string;
  /** The partition's date is so many firings after (before, when negative) the run. @default 0 */
  readonly runOffset?: number;
  /** In Python's codes. @default '%Y-%m-%dT%H:%M:%S' */
  readonly keyFormat?: string;
}

/** Each time it fires is a partition. @example schedule: cronPartition('0 0 * * *', { runOffset: -1, keyFormat: '%Y-%m-%d' }) */
export function cronPartition(expression: string, options: CronPartitionOptions = {}): Schedule {
  const problem = typeof expression === 'string' ? cronProblem(expression) : 'a cron expression is a text';
  if (problem !== null) throw new RangeError(`bad cron expression ${JSON.stringify(expression)}: ${problem}`);
  const runOffset = options.runOffset ?? 0;
  if (!Number.isInteger(runOffset) || Math.abs(runOffset) > 1_000) throw new RangeError(`cronPartition() needs a whole number between -1000 and 1000 as runOffset, got ${JSON.stringify(runOffset)}`);
  return { kind: 'cronPartition', expression: presetsExpanded(expression), timezone: options.timezone ?? '', runOffset, keyFormat: options.keyFormat ?? '%Y-%m-%dT%H:%M:%S' };
}

/** null: it is no schedule by assets. A list means all of them. */
export function assetSchedule(schedule: unknown): Schedule | null {
  if (isAssetExpression(schedule)) return { kind: 'assets', condition: conditionOf(schedule) };
  if (!Array.isArray(schedule)) return null;
  if (schedule.length === 0 || !schedule.every(isAssetExpression)) throw new RangeError('a schedule that is a list must hold assets, and at least one');
  return { kind: 'assets', condition: conditionOf(schedule) };
}

function bareCron(expression: string): Schedule {
  const problem = cronProblem(expression);
  if (problem !== null) throw new RangeError(`bad cron expression ${JSON.stringify(expression)}: ${problem}`);
  return { kind: 'cron', expressions: [presetsExpanded(expression)], timezone: '' };
}
