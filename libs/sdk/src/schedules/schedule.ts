import type { DagDocumentInput } from '@millrace/contracts';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { CRON_PRESETS, cronProblem } from './cron-expression.js';

/** When a dag runs, made by {@link cron}, {@link cronInterval}, {@link every}, {@link everyInterval}, {@link once} or {@link continuous}. */
export type Schedule = NonNullable<DagDocumentInput['schedule']>;
/** A schedule, or a bare cron text or preset such as `'@daily'`, which means `cron(text)`. */
export type ScheduleInput = Schedule | string | null;

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

/** Stands for "the dag's own zone" until the dag is known. Never leaves the SDK. */
const DAG_TIMEZONE = '';

/** Fills in the dag's zone and reads bare texts. @throws RangeError when the schedule is none */
export function compileSchedule(schedule: ScheduleInput | undefined, timezone: string): Schedule | null {
  if (schedule === null || schedule === undefined) return null;
  if (typeof schedule === 'string') {
    if (schedule === '@once') return once();
    if (schedule === '@continuous') return continuous();
    return compileSchedule(cron(schedule), timezone);
  }
  if (schedule.kind !== 'cron' && schedule.kind !== 'cronInterval') return schedule;
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
  return CRON_PRESETS[expression.trim()] ?? expression.trim();
}

function positive(interval: Duration, what: string): number {
  const seconds = secondsOf(interval, what);
  if (seconds <= 0) throw new RangeError(`${what}() needs an interval above 0, got ${JSON.stringify(interval)}`);
  return seconds;
}
