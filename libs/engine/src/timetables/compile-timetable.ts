import { describeCron } from './cron-description.js';
import { parseCron } from './cron-expression.js';
import type { CronFields } from './cron-expression.js';
import { CronInstants } from './cron-instants.js';
import { eventsTimetable } from './events-timetable.js';
import { DeltaInstants } from './instants.js';
import { IntervalTimetable } from './interval-timetable.js';
import { ListedTimetable } from './listed-timetable.js';
import type { ScheduleSource, Timetable, TimetableOptions } from './timetable.js';
import { TriggerTimetable } from './trigger-timetable.js';
import type { TimetableText } from './trigger-timetable.js';
import { PartitionTimetable } from '../partitions/partition-timetable.js';
import { formatProblem } from '../partitions/wall-time.js';
import { ContinuousTimetable, OnceTimetable } from './unscheduled-timetables.js';
import { Zone } from './zone.js';

export type CompiledTimetable = { readonly ok: true; readonly timetable: Timetable | null } | { readonly ok: false; readonly message: string };

/** More expressions than this are a mistake; every question costs one answer each. */
const EXPRESSIONS_MAX = 100;
/** Every date is read each time the schedule is looked at. */
const EVENTS_MAX = 10_000;
/** Ten years, as in the dag document. */
const PERIOD_MAX_SECONDS = 10 * 365 * 86_400;
const SIX_FIELDS_WARNING = 'six fields: the last one is the seconds, as in Airflow';

/** null: the dag has no times of its own (no schedule, or assets decide). A refusal names the field and the expression. */
export function compileTimetable(schedule: ScheduleSource | null, options: TimetableOptions): CompiledTimetable {
  if (schedule === null) return { ok: true, timetable: null };
  if (options.startMs !== null && options.endMs !== null && options.endMs < options.startMs) {
    return { ok: false, message: `end date ${shown(options.endMs)} is before start date ${shown(options.startMs)}` };
  }
  switch (schedule.kind) {
    case 'assets':
    case 'partitionedAssets':
      return { ok: true, timetable: null };
    case 'assetsOrTime':
      return compileTimetable(schedule.time, options);
    case 'cronPartition':
      return compilePartition(schedule, options);
    case 'once':
      return { ok: true, timetable: new OnceTimetable(options) };
    case 'continuous':
      return { ok: true, timetable: new ContinuousTimetable(options) };
    case 'events':
      return compileEvents(schedule.dates, schedule.restrictToEvents ?? false, schedule.description ?? null, options);
    case 'custom':
      // Where it begins is the timetable's own word: what it told before now was missed.
      return { ok: true, timetable: new ListedTimetable(options.published ?? [], { ...options, startMs: options.startMs ?? -Infinity }, { summary: schedule.summary, description: schedule.description, warnings: [] }) };
    case 'every':
    case 'everyInterval':
      return compileDelta(schedule.kind, schedule.seconds, options);
    case 'cron':
    case 'cronInterval':
      return compileCron(schedule.kind, schedule.kind === 'cron' ? schedule.expressions : [schedule.expression], schedule.timezone, options);
    default:
      return schedule satisfies never;
  }
}

function compileEvents(dates: readonly string[], restrictToEvents: boolean, description: string | null, options: TimetableOptions): CompiledTimetable {
  if (dates.length > EVENTS_MAX) return { ok: false, message: `events: at most ${EVENTS_MAX} dates, got ${dates.length}` };
  const times: number[] = [];
  for (const date of dates) {
    const time = Date.parse(date);
    if (Number.isNaN(time)) return { ok: false, message: `events: "${date}" is no date` };
    times.push(time);
  }
  return { ok: true, timetable: eventsTimetable(times, restrictToEvents, description, options) };
}

function compileCron(kind: 'cron' | 'cronInterval', expressions: readonly string[], timezone: string, options: TimetableOptions): CompiledTimetable {
  if (expressions.length === 0) return { ok: false, message: 'cron: at least one expression is needed' };
  if (expressions.length > EXPRESSIONS_MAX) return { ok: false, message: `cron: at most ${EXPRESSIONS_MAX} expressions, got ${expressions.length}` };
  const [first = ''] = expressions;
  const preset = first.trim().toLowerCase();
  if (preset === '@once' || preset === '@continuous') {
    if (expressions.length > 1) return { ok: false, message: `cron "${first}": stands alone, it cannot be combined with other expressions` };
    if (kind === 'cronInterval') return { ok: false, message: `cronInterval "${first}": has no intervals; use it as a plain schedule` };
    return { ok: true, timetable: preset === '@once' ? new OnceTimetable(options) : new ContinuousTimetable(options) };
  }
  const name = timezone === '' ? options.timezone : timezone;
  const zone = zoneNamed(name);
  if (zone === null) return { ok: false, message: `cron "${first}": unknown time zone "${name}"; an IANA name such as "Europe/Berlin" or "UTC" is needed` };
  const all: CronFields[] = [];
  for (const expression of expressions) {
    const parsed = parseCron(expression);
    if (!parsed.ok) return parsed;
    all.push(parsed.fields);
  }
  const text: TimetableText = {
    summary: all.map((fields) => fields.text).join(', '),
    description: all.map(describeCron).join(', '),
    warnings: all.some((fields) => fields.hasSeconds) ? [SIX_FIELDS_WARNING] : [],
  };
  const rules = all.map((fields) => new CronInstants(fields, zone));
  if (kind === 'cron') return { ok: true, timetable: new TriggerTimetable(rules, options, text) };
  return { ok: true, timetable: new IntervalTimetable(rules[0] as CronInstants, options, text) };
}

function compilePartition(schedule: Extract<ScheduleSource, { kind: 'cronPartition' }>, options: TimetableOptions): CompiledTimetable {
  const { expression, timezone, runOffset, keyFormat } = schedule;
  const problem = formatProblem(keyFormat);
  if (problem !== null) return { ok: false, message: `cronPartition: ${problem}` };
  const zone = zoneNamed(timezone === '' ? options.timezone : timezone);
  const parsed = parseCron(expression);
  const times = compileCron('cron', [expression], timezone, options);
  if (!times.ok || times.timetable === null) return times;
  if (zone === null || !parsed.ok) return { ok: false, message: `cronPartition "${expression}": a cron expression is needed` };
  return { ok: true, timetable: new PartitionTimetable(times.timetable, new CronInstants(parsed.fields, zone), zone, runOffset, keyFormat, options) };
}

function compileDelta(kind: 'every' | 'everyInterval', seconds: number, options: TimetableOptions): CompiledTimetable {
  const periodMs = Math.round(seconds * 1000);
  if (!(periodMs >= 1) || seconds > PERIOD_MAX_SECONDS) {
    return { ok: false, message: `${kind}: seconds must be more than 0 and at most ${PERIOD_MAX_SECONDS}, got ${seconds}` };
  }
  const length = lengthOf(periodMs);
  const text: TimetableText = { summary: `every ${length}`, description: `Every ${length}`, warnings: [] };
  const rule = new DeltaInstants(periodMs);
  return { ok: true, timetable: kind === 'every' ? new TriggerTimetable([rule], options, text) : new IntervalTimetable(rule, options, text) };
}

/** Zones remember the changes of each year they were asked about, so one per name is kept: there are about 600. */
const zones = new Map<string, Zone>();

function zoneNamed(name: string): Zone | null {
  const known = zones.get(name);
  if (known !== undefined) return known;
  try {
    const zone = new Zone(name);
    zones.set(name, zone);
    return zone;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function lengthOf(periodMs: number): string {
  const units: readonly (readonly [string, number])[] = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]];
  const parts: string[] = [];
  let rest = periodMs;
  for (const [unit, size] of units) {
    const count = unit === 'second' ? rest / size : Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(count === 1 ? unit : `${count} ${unit}s`);
  }
  // "every day", but "every 1 day 6 hours".
  return parts.length === 1 ? (parts[0] as string) : parts.map((part) => (/^\d/.test(part) ? part : `1 ${part}`)).join(' ');
}

function shown(ms: number): string {
  return new Date(ms).toISOString();
}
