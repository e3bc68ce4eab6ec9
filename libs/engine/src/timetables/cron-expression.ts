/**
 * Cron text -> sets of numbers, with Airflow's reading of it: five fields, or six with the seconds *last*;
 * `a/s` means "from a, every s"; day of month and day of week together mean "either".
 */
export interface CronFields {
  readonly text: string;
  readonly minute: FieldValues;
  readonly hour: FieldValues;
  readonly dayOfMonth: FieldValues;
  readonly month: FieldValues;
  readonly dayOfWeek: FieldValues;
  /** 0 only, unless six fields were written. */
  readonly second: FieldValues;
  readonly hasSeconds: boolean;
}

export interface FieldValues {
  /** As written, presets expanded. */
  readonly text: string;
  /** Ascending; holds every possible value when `all`. Days of the week: 0 is Sunday. */
  readonly values: readonly number[];
  readonly all: boolean;
  /** What a set of numbers cannot say, in croner's writing: `L`, `5#2`, `5#L`. */
  readonly special: readonly string[];
}

export type ParsedCron = { readonly ok: true; readonly fields: CronFields } | { readonly ok: false; readonly message: string };

export const CRON_PRESETS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@quarterly': '0 0 1 */3 *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
  readonly questionMark?: boolean;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE: FieldRule = { name: 'minute', min: 0, max: 59 };
const HOUR: FieldRule = { name: 'hour', min: 0, max: 23 };
const DAY_OF_MONTH: FieldRule = { name: 'day of month', min: 1, max: 31, questionMark: true };
const MONTH: FieldRule = { name: 'month', min: 1, max: 12, names: MONTHS };
/** 7 is Sunday too. */
const DAY_OF_WEEK: FieldRule = { name: 'day of week', min: 0, max: 7, names: DAYS, questionMark: true };
const SECOND: FieldRule = { name: 'second', min: 0, max: 59 };

const LONGEST_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Nobody writes more; a longer text is a mistake and would only cost time. */
const TEXT_MAX = 256;

class BadField extends Error {}

export function parseCron(expression: string): ParsedCron {
  const shown = expression.length > 60 ? `${expression.slice(0, 60)}…` : expression;
  const refuse = (why: string): ParsedCron => ({ ok: false, message: `cron "${shown}": ${why}` });
  if (expression.length > TEXT_MAX) return refuse(`longer than ${TEXT_MAX} characters`);
  const trimmed = expression.trim();
  const preset = presetNamed(trimmed.toLowerCase());
  if (trimmed.startsWith('@') && preset === undefined) {
    return refuse(`unknown preset; there are ${[...Object.keys(CRON_PRESETS), '@once', '@continuous'].join(', ')}`);
  }
  const text = preset ?? trimmed.split(/\s+/).join(' ');
  const parts = text === '' ? [] : text.split(' ');
  if (parts.length !== 5 && parts.length !== 6) {
    return refuse(`${parts.length} fields; 5 are needed (minute, hour, day of month, month, day of week), or 6 with the seconds last`);
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek, second] = parts as [string, string, string, string, string, string?];
  try {
    const fields: CronFields = {
      text,
      minute: field(minute, MINUTE),
      hour: field(hour, HOUR),
      dayOfMonth: field(dayOfMonth, DAY_OF_MONTH),
      month: field(month, MONTH),
      dayOfWeek: field(dayOfWeek, DAY_OF_WEEK),
      second: field(second ?? '0', SECOND),
      hasSeconds: second !== undefined,
    };
    return neverMatches(fields)
      ? refuse(`day of month "${dayOfMonth}" does not exist in month "${month}", so it would never run`)
      : { ok: true, fields };
  } catch (error) {
    if (error instanceof BadField) return refuse(error.message);
    throw error;
  }
}

/** Own names only: `__proto__` is no preset, and what it would give is no text. */
function presetNamed(name: string): string | undefined {
  return Object.hasOwn(CRON_PRESETS, name) ? CRON_PRESETS[name] : undefined;
}

/** With a day of the week beside it, either day is enough, so the month's length cannot rule it out. */
function neverMatches({ dayOfMonth, month, dayOfWeek }: CronFields): boolean {
  if (dayOfMonth.all || dayOfMonth.special.length > 0 || !dayOfWeek.all) return false;
  return !month.values.some((number) => dayOfMonth.values.some((day) => day <= (LONGEST_MONTH[number - 1] ?? 31)));
}

function field(text: string, rule: FieldRule): FieldValues {
  const values = new Set<number>();
  const special: string[] = [];
  for (const item of text.toLowerCase().split(',')) {
    if (item === '') throw new BadField(`${rule.name} "${text}" has an empty entry`);
    const extra = specialOf(item, text, rule);
    if (extra === undefined) for (const value of numbers(item, text, rule)) values.add(rule === DAY_OF_WEEK ? value % 7 : value);
    else special.push(extra);
  }
  const possible = rule === DAY_OF_WEEK ? 7 : rule.max - rule.min + 1;
  return { text, values: [...values].sort((a, b) => a - b), all: values.size === possible, special };
}

function specialOf(item: string, text: string, rule: FieldRule): string | undefined {
  if (rule === DAY_OF_MONTH && item === 'l') return 'L';
  if (rule !== DAY_OF_WEEK) return undefined;
  const last = /^(?:l(\w+)|(\w+)l)$/.exec(item);
  if (last !== null && !DAYS.includes(item)) return `${number(last[1] ?? last[2] ?? '', text, rule) % 7}#L`;
  const nth = /^(\w+)#(\w+)$/.exec(item);
  if (nth === null) return undefined;
  const day = number(nth[1] ?? '', text, rule) % 7;
  const which = nth[2] ?? '';
  if (which === 'l') return `${day}#L`;
  if (!/^[1-5]$/.test(which)) throw new BadField(`${rule.name} "${text}": after # a number from 1 to 5 is needed, got "${which}"`);
  return `${day}#${which}`;
}

function numbers(item: string, text: string, rule: FieldRule): readonly number[] {
  const [range = '', stepText, ...rest] = item.split('/');
  if (rest.length > 0) throw new BadField(`${rule.name} "${text}" has more than one /`);
  const step = stepText === undefined ? 1 : /^\d{1,4}$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1) throw new BadField(`${rule.name} "${text}": a step is a whole number of 1 or more, got "${stepText}"`);
  const top = rule === DAY_OF_WEEK ? 6 : rule.max;
  let low = rule.min;
  let high = top;
  if (range !== '*' && !(range === '?' && rule.questionMark)) {
    const [from = '', to, ...more] = range.split('-');
    if (more.length > 0) throw new BadField(`${rule.name} "${text}" is not a range`);
    low = number(from, text, rule);
    high = to === undefined ? (stepText === undefined ? low : top) : number(to, text, rule);
  }
  // `fri-mon` and `22-2` go round the end, as croniter reads them.
  const last = low <= high ? high : high + (top - rule.min + 1);
  const values: number[] = [];
  for (let value = low; value <= last; value += step) values.push(value > rule.max ? value - (top - rule.min + 1) : value);
  return values;
}

function number(text: string, whole: string, rule: FieldRule): number {
  const named = rule.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + rule.min;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new BadField(`${rule.name} "${whole}" is not understood at "${text}"`);
  if (value < rule.min || value > rule.max) throw new BadField(`${rule.name} "${whole}": ${value} is outside ${rule.min}–${rule.max}`);
  return value;
}
