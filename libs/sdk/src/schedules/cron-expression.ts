const FIELDS = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] },
  { name: 'day of week', min: 0, max: 7, names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
  { name: 'second', min: 0, max: 59, names: [] },
] as const;
const LONGEST_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Airflow's presets as the cron they stand for. */
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

/** The cron a preset stands for, else the text itself. Own names only: `__proto__` is no preset, and what it would give is no text. */
export function presetsExpanded(expression: string): string {
  const text = expression.trim();
  return Object.hasOwn(CRON_PRESETS, text) ? (CRON_PRESETS[text] ?? text) : text;
}

/**
 * What is wrong with a cron expression, or null. Five fields, or six with the seconds last, as Airflow reads
 * them; `L` as a day, `2#1` and `5L` as week days.
 * The engine has the last word; this check exists so that a slip is told at the author's line.
 */
export function cronProblem(expression: string): string | null {
  const text = presetsExpanded(expression);
  if (text.startsWith('@')) return `unknown preset; there are ${Object.keys(CRON_PRESETS).join(', ')}`;
  const parts = text.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) return `five fields are needed (minute hour day-of-month month day-of-week), or six with the seconds last; this has ${text === '' ? 0 : parts.length}`;
  for (const [index, part] of parts.entries()) {
    const field = FIELDS[index];
    if (field === undefined) continue;
    for (const item of part.split(',')) {
      const problem = itemProblem(item, field);
      if (problem !== null) return `${field.name} "${part}": ${problem}`;
    }
  }
  return neverProblem(parts[2] ?? '*', parts[3] ?? '*', parts[4] ?? '*');
}

/** Only plain numbers are looked at; a day of the week beside them is enough for a run. */
function neverProblem(days: string, months: string, weekdays: string): string | null {
  if (!/^\d+(,\d+)*$/.test(days) || !/^[*?]$/.test(weekdays)) return null;
  const named = months.split(',').map((month) => valueOf(month, FIELDS[3].names, FIELDS[3].min));
  if (named.includes(null)) return null;
  const longest = Math.max(...named.map((month) => LONGEST_MONTH[(month ?? 1) - 1] ?? 31));
  return days.split(',').every((day) => Number(day) > longest) ? `day of month "${days}" does not exist in month "${months}", so it would never run` : null;
}

function itemProblem(item: string, field: (typeof FIELDS)[number]): string | null {
  const [range = '', step, ...more] = item.split('/');
  if (more.length > 0) return 'more than one "/"';
  if (step !== undefined && !(/^\d+$/.test(step) && Number(step) > 0)) return `the step "${step}" must be a whole number above 0`;
  if (range === '*' || (range === '?' && field.name.startsWith('day'))) return null;
  if (field.name === 'day of month' && /^L$/i.test(range)) return null;
  const bounds = range.split('-');
  if (bounds.length > 2) return `"${range}" is no range`;
  for (const bound of bounds) {
    const plain = field.name === 'day of week' ? bound.replace(/(#[1-5L]|L)$/i, '') : bound;
    const value = valueOf(plain, field.names, field.min);
    if (value === null) return `"${bound}" is no value of it`;
    if (value < field.min || value > field.max) return `${bound} is not between ${field.min} and ${field.max}`;
  }
  return null;
}

function valueOf(text: string, names: readonly string[], first: number): number | null {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const at = names.indexOf(text.toUpperCase());
  return at < 0 ? null : at + first;
}
