/** A time as Airflow writes it: `2026-05-23T04:48:14.310000Z`, without the fraction when it is zero. */
export function instantText(date: Date): string;
export function instantText(date: Date | null): string | null;
export function instantText(date: Date | null): string | null {
  if (date === null) return null;
  const text = date.toISOString();
  return date.getUTCMilliseconds() === 0 ? text.replace('.000Z', 'Z') : text.replace('Z', '000Z');
}

/**
 * From when to when something ran, and for how many seconds. The two times may come from two machines; an end is never told as before
 * its beginning, because clients compute with the duration.
 */
export function spanOf(start: Date | null, end: Date | null): { start_date: string | null; end_date: string | null; duration: number | null } {
  const from = start?.getTime();
  const to = from === undefined || end === null ? end : new Date(Math.max(from, end.getTime()));
  return { start_date: instantText(start), end_date: instantText(to), duration: from === undefined || to === null ? null : (to.getTime() - from) / 1_000 };
}

/** ISO 8601 length of time, as pydantic writes it: `PT1H`, `P1DT2M3.5S`. */
export function durationText(seconds: number | null): string | null {
  if (seconds === null) return null;
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [hours, minutes, left] = [Math.floor(rest / 3_600), Math.floor((rest % 3_600) / 60), rest % 60];
  const time = `${hours > 0 ? `${hours}H` : ''}${minutes > 0 ? `${minutes}M` : ''}${left > 0 ? `${Number(left.toFixed(6))}S` : ''}`;
  if (days === 0 && time === '') return 'PT0S';
  return `P${days > 0 ? `${days}D` : ''}${time === '' ? '' : `T${time}`}`;
}

/** Python's timedelta as Airflow's task answers have it. */
export function timeDelta(seconds: number | null): { __type: 'TimeDelta'; days: number; seconds: number; microseconds: number } | null {
  if (seconds === null) return null;
  const whole = Math.floor(seconds);
  return { __type: 'TimeDelta', days: Math.floor(whole / 86_400), seconds: whole % 86_400, microseconds: Math.round((seconds - whole) * 1_000_000) };
}
