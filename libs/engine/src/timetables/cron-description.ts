import type { CronFields, FieldValues } from './cron-expression.js';

const MONTH_NAMES = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const NTH = ['', 'first', 'second', 'third', 'fourth', 'fifth'];

/** A sentence in the words Airflow shows ("At 00:00, only on Sunday"); the cron text where there are no good words. */
export function describeCron(fields: CronFields): string {
  const time = fields.hasSeconds && fields.second.text !== '0' ? null : timeOf(fields.minute, fields.hour);
  const months = fields.month.all ? '' : monthsOf(fields.month);
  const days = daysOf(fields.dayOfMonth);
  const weekdays = weekdaysOf(fields.dayOfWeek);
  if (time === null || months === null || days === null || weekdays === null) return fields.text;
  if (days !== '' && weekdays !== '') return `${time}${days}${months} (or) ${time}${weekdays}${months}`;
  return `${time}${days}${weekdays}${months}`;
}

function timeOf(minute: FieldValues, hour: FieldValues): string | null {
  const everyMinutes = stepOf(minute);
  const everyHours = stepOf(hour);
  if (minute.all && hour.all) return 'Every minute';
  if (everyMinutes !== null && hour.all) return `Every ${everyMinutes} minutes`;
  if (minute.values.length !== 1) return null;
  const [first = 0] = minute.values;
  const past = first === 0 ? '' : `At ${first} minutes past the hour`;
  if (hour.all) return past === '' ? 'Every hour' : past;
  if (everyHours !== null) return past === '' ? `Every ${everyHours} hours` : `${past}, every ${everyHours} hours`;
  if (hour.values.length > 4) return null;
  return `At ${list(hour.values.map((value) => `${two(value)}:${two(first)}`))}`;
}

function daysOf(field: FieldValues): string | null {
  if (field.all) return '';
  if (field.special.length > 0) return field.values.length === 0 && field.special.every((one) => one === 'L') ? ', on the last day of the month' : null;
  const step = stepOf(field);
  if (step !== null) return `, every ${step} days`;
  if (field.values.length > 6) return null;
  return field.values.length === 1 ? `, on day ${field.values[0]} of the month` : `, on day ${list(field.values.map(String))} of the month`;
}

function weekdaysOf(field: FieldValues): string | null {
  if (field.all) return '';
  if (field.special.length > 0) {
    if (field.values.length > 0 || field.special.length > 1) return null;
    const [day = '', which = ''] = (field.special[0] as string).split('#');
    return `, on the ${which === 'L' ? 'last' : NTH[Number(which)]} ${DAY_NAMES[Number(day)]} of the month`;
  }
  return names(field.values, DAY_NAMES, 0);
}

function monthsOf(field: FieldValues): string | null {
  const step = stepOf(field);
  return step === null ? names(field.values, MONTH_NAMES, 1) : `, every ${step} months`;
}

function names(values: readonly number[], of: readonly string[], first: number): string {
  const name = (value: number): string => of[value - first] ?? '';
  const [low = first] = values;
  const high = values.at(-1) ?? low;
  if (values.length > 2 && high - low === values.length - 1) return `, ${name(low)} through ${name(high)}`;
  return `, only ${of === MONTH_NAMES ? 'in' : 'on'} ${list(values.map(name))}`;
}

/** The s of a plain `*` + `/s`. */
function stepOf({ text, all }: FieldValues): number | null {
  const match = /^[*?]\/(\d+)$/.exec(text);
  return match === null || all ? null : Number(match[1]);
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
