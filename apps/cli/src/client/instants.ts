import { InvalidArgumentError } from 'commander';

/**
 * A date or an instant a person types, as an RFC 3339 instant: `2018-01-11` and a time without zone are UTC.
 * @throws InvalidArgumentError for anything else, also for a 30 February.
 */
export function instant(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim());
  if (match !== null) {
    const [, year, month, day, time = '00:00:00', zone = 'Z'] = match as unknown as [string, string, string, string, string?, string?];
    const calendar = new Date(`${year}-${month}-${day}T00:00:00Z`);
    const value = new Date(`${year}-${month}-${day}T${time}${zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`);
    if (!Number.isNaN(value.getTime()) && calendar.getUTCDate() === Number(day)) return value.toISOString();
  }
  throw new InvalidArgumentError('a date like 2018-01-11 or an instant like 2018-01-11T06:30:00+01:00 (UTC when it names no zone).');
}

export function isInstant(text: string): boolean {
  try {
    instant(text);
    return true;
  } catch {
    return false;
  }
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`a whole number from ${least} to ${most}.`);
    return value;
  };
}

export function jsonObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`a JSON object like '{"a": 1}' (${(error as Error).message}).`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgumentError(`a JSON object like '{"a": 1}'.`);
  return value;
}
