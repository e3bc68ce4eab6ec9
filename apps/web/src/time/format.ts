import type { Language } from './preferences.js';

/** Seconds as people read them: `0.4s`, `42s`, `3m 05s`, `2h 10m`, `4d 3h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '—';
  if (seconds < 1) return seconds < 0.001 ? '0s' : seconds < 0.1 ? `${Math.round(seconds * 1_000)}ms` : `${seconds.toFixed(1)}s`;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, '0')}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h ${String(Math.floor((whole % 3_600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3_600)}h`;
}

export function secondsBetween(from: string | null | undefined, to: string | null | undefined): number | null {
  if (from === null || from === undefined) return null;
  const end = to === null || to === undefined ? Date.now() : Date.parse(to);
  return Math.max(0, (end - Date.parse(from)) / 1_000);
}

/** `3 min ago`, `in 2 h`. */
export function relative(instant: string, nowMs: number, language: Language): string {
  const seconds = (Date.parse(instant) - nowMs) / 1_000;
  const size = Math.abs(seconds);
  const format = new Intl.RelativeTimeFormat(language === 'zh' ? 'zh-CN' : 'en', { numeric: 'auto', style: 'short' });
  if (size < 5) return language === 'zh' ? '刚刚' : 'just now';
  if (size < 60) return format.format(Math.round(seconds), 'second');
  if (size < 3_600) return format.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return format.format(Math.round(seconds / 3_600), 'hour');
  if (size < 30 * 86_400) return format.format(Math.round(seconds / 86_400), 'day');
  if (size < 365 * 86_400) return format.format(Math.round(seconds / (30 * 86_400)), 'month');
  return format.format(Math.round(seconds / (365 * 86_400)), 'year');
}

/** What a `datetime-local` field shows of an instant in the zone. */
export function wallClock(instant: string, zone: string): string {
  return instantText(instant, zone, 'minute').replace(' ', 'T');
}

/** The instant a wall clock of the zone means, `2026-05-23T04:48`. What the clock shows twice is the earlier; what it skips is the later. @throws RangeError when it is no time */
export function instantOf(clock: string, zone: string): string {
  const asUtc = Date.parse(`${clock.length === 10 ? `${clock}T00:00` : clock}Z`);
  if (Number.isNaN(asUtc)) throw new RangeError(`no time: ${clock}`);
  const shown = (at: number): number => Date.parse(`${instantText(new Date(at).toISOString(), zone).replace(' ', 'T')}Z`);
  const offsets = [asUtc - 86_400_000, asUtc + 86_400_000].map((at) => shown(at) - Math.floor(at / 1_000) * 1_000);
  const fits = offsets.map((offset) => asUtc - offset).filter((at) => shown(at) === Math.floor(asUtc / 1_000) * 1_000);
  return new Date(fits.length > 0 ? Math.min(...fits) : asUtc - offsets[0]!).toISOString();
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-05-23 04:48:14` in the zone; ISO order in every language, as in logs and run ids. */
export function instantText(instant: string, zone: string, parts: 'full' | 'minute' | 'day' = 'full'): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  const fields = Object.fromEntries(formatOf(zone).formatToParts(date).map((part) => [part.type, part.value]));
  const day = `${fields['year']}-${fields['month']}-${fields['day']}`;
  if (parts === 'day') return day;
  return `${day} ${fields['hour']}:${fields['minute']}${parts === 'full' ? `:${fields['second']}` : ''}`;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      ...(zone === 'local' ? {} : { timeZone: zone }), year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    });
    formats.set(zone, format);
  }
  return format;
}
