import type { DagDocumentInput } from '@millrace/contracts';
import type { AssetExpression } from '../assets/asset.js';
import { instantText } from '../dag/dates.js';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { assetSchedule } from './asset-schedules.js';
import { isTimetable } from './timetable.js';
import type { Timetable } from './timetable.js';
import { cronProblem, presetsExpanded } from './cron-expression.js';

/** When a dag runs, made by {@link cron}, {@link cronInterval}, {@link every}, {@link everyInterval}, {@link once}, {@link continuous} or {@link events}. */
export type Schedule = NonNullable<DagDocumentInput['schedule']>;
/** A schedule, a {@link Timetable} of your own, a bare cron text or preset such as `'@daily'`, which means `cron(text)`, or assets: one, a list (all of them), a combination. */
export type ScheduleInput = Schedule | Timetable | AssetExpression | readonly AssetExpression[] | string | null;

export interface CronOptions {
  /** IANA name the cron is evaluated in. @default the dag's time zone */
  readonly timezone?: string;
}

/**
 * A *trigger*: the run's logical date, interval start and interval end are all the time it fires.
 * This is what a bare cron text means. Several expressions fire at each of their times.
 * @example schedule: cron('0 6 * * 1-5', { timezone: 'Europe/Berlin' })
 */
export function cron(expression: string | readonly string[], options: CronOptions = {}): Schedule {
  const expressions = (typeof expression === 'string' ? [expression] : [...expression]).map(expanded);
  if (expressions.length === 0) throw new RangeError('cron() needs at least one expression');
  return { kind: 'cron', expressions, timezone: options.timezone ?? DAG_TIMEZONE };
}

/**
 * A *data interval*: the run for [start, end) is created at end, and its logical date is start.
 * Use it when a run works on the data of the day (hour, …) that has just passed.
 * @example schedule: cronInterval('0 0 * * *')
 */
export function cronInterval(expression: string, options: CronOptions = {}): Schedule {
  return { kind: 'cronInterval', expression: expanded(expression), timezone: options.timezone ?? DAG_TIMEZONE };
}

/** A trigger at a fixed distance. @example schedule: every('15m') */
export function every(interval: Duration): Schedule {
  return { kind: 'every', seconds: positive(interval, 'every') };
}

/** Data intervals of a fixed length: the run for [start, end) is created at end. @example schedule: everyInterval('1h') */
export function everyInterval(interval: Duration): Schedule {
  return { kind: 'everyInterval', seconds: positive(interval, 'everyInterval') };
}

/** One run, at the start date. */
export function once(): Schedule {
  return { kind: 'once' };
}

/** The next run starts when the last one ends; needs `maxActiveRuns: 1`. */
export function continuous(): Schedule {
  return { kind: 'continuous' };
}

export interface EventsOptions {
  /** A run made by hand has the most recent event as its interval, not the moment it is made. @default false */
  readonly restrictToEvents?: boolean;
  /** Shown instead of "3 events between … and …". */
  readonly description?: string;
}

/**
 * A run at each of these dates, e.g. of matches or closing days; duplicates count once. Text without offset is in the dag's time zone.
 * @example schedule: events(['2026-12-24T18:00', '2026-12-31T18:00'])
 */
export function events(dates: readonly (Date | string)[], options: EventsOptions = {}): Schedule {
  if (!Array.isArray(dates)) throw new RangeError('events() needs a list of dates');
  const texts = dates.map((date) => (date instanceof Date ? instantText(date, 'UTC', 'events()') : String(date)));
  return { kind: 'events', dates: texts, restrictToEvents: options.restrictToEvents ?? false, description: options.description ?? null };
}

/** Stands for "the dag's own zone" until the dag is known. Never leaves the SDK. */
const DAG_TIMEZONE = '';

/** Fills in the dag's zone and reads bare texts. @throws RangeError when the schedule is none */
export function compileSchedule(schedule: ScheduleInput | undefined, timezone: string): Schedule | null {
  if (schedule === null || schedule === undefined) return null;
  if (typeof schedule === 'string') {
    const preset = schedule.trim().toLowerCase();
    if (preset === '@once') return once();
    if (preset === '@continuous') return continuous();
    return compileSchedule(cron(schedule), timezone);
  }
  if (isTimetable(schedule)) {
    const { summary, description } = schedule;
    return { kind: 'custom', name: schedule.constructor.name, summary: String(summary), description: String(description) };
  }
  const byAssets = assetSchedule(schedule);
  if (byAssets !== null) return byAssets;
  return withTimezone(schedule as Schedule, timezone);
}

function withTimezone(schedule: Schedule, timezone: string): Schedule {
  if (schedule.kind === 'assetsOrTime') return { ...schedule, time: withTimezone(schedule.time, timezone) as typeof schedule.time };
  if (schedule.kind === 'events') return { ...schedule, dates: schedule.dates.map((date) => instantText(date, timezone, 'events()')) };
  if (schedule.kind !== 'cron' && schedule.kind !== 'cronInterval' && schedule.kind !== 'cronPartition') return schedule;
  const zone = schedule.timezone === DAG_TIMEZONE ? timezone : schedule.timezone;
  checkTimezone(zone);
  return { ...schedule, timezone: zone };
}

/** @throws RangeError for a name the runtime's time zone database does not have */
export function checkTimezone(zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    throw new RangeError(`unknown time zone "${zone}"; use an IANA name such as "Europe/Berlin" or "UTC"`);
  }
}

function expanded(expression: string): string {
  const problem = typeof expression === 'string' ? cronProblem(expression) : 'a cron expression is a text';
  if (problem !== null) throw new RangeError(`bad cron expression ${JSON.stringify(expression)}: ${problem}`);
  return presetsExpanded(expression);
}

function positive(interval: Duration, what: string): number {
  const seconds = secondsOf(interval, what);
  if (seconds <= 0) throw new RangeError(`${what}() needs an interval above 0, got ${JSON.stringify(interval)}`);
  return seconds;
}
