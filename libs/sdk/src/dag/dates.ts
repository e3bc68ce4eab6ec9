/**
 * ISO text in UTC of a date an author wrote. Text without an offset is read in `timezone`, as Airflow reads naive dates.
 * @throws RangeError naming the option for text that is no date
 */
export function instantText(value: Date | string, timezone: string, what: string): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(value)) {
    const text = value.replace(' ', 'T');
    const hasOffset = /(Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10));
    const utc = new Date(hasOffset ? text : `${text.length === 10 ? `${text}T00:00` : text}Z`);
    if (!Number.isNaN(utc.getTime())) return (hasOffset ? utc : new Date(utc.getTime() - offsetMs(utc, timezone))).toISOString();
  }
  throw new RangeError(`${what} must be a Date or a text like "2026-01-31" or "2026-01-31T06:00:00+01:00", got ${JSON.stringify(value)}`);
}

/** How far the zone's clock is ahead of UTC at the moment its clock shows `wall` (given as if it were UTC). */
function offsetMs(wall: Date, timezone: string): number {
  const guess = aheadOfUtc(wall, timezone);
  return aheadOfUtc(new Date(wall.getTime() - guess), timezone);
}

function aheadOfUtc(at: Date, timezone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(at);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - Math.floor(at.getTime() / 1_000) * 1_000;
}
