import { randomInt } from 'node:crypto';
import type { RunType } from '@millrace/vocabulary';

/** `2026-05-24T00:00:00+00:00`, with microseconds when there are any: how Airflow writes times in run ids. */
export function isoOf(ms: number, micros = 0): string {
  const text = new Date(ms).toISOString();
  const fraction = `${text.slice(20, 23)}${String(micros).padStart(3, '0')}`;
  return `${text.slice(0, 19)}${fraction === '000000' ? '' : `.${fraction}`}+00:00`;
}

/** Airflow's run id for a run of this type at this time. */
export function runNameOf(type: RunType, ms: number): string {
  return `${type}__${isoOf(ms)}`;
}

let micros = randomInt(1, 1000);

/** The same for runs that begin now. Our clocks tell milliseconds; a counter in place of the microseconds keeps a thousand triggers apart. */
export function runNameNow(type: RunType, nowMs: number): string {
  micros = (micros % 999) + 1;
  return `${type}__${isoOf(Math.floor(nowMs), micros)}`;
}

/** As much of a free text as a run id can hold. */
export function runNamePart(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.~:+\- ]|\.\.+/g, '_').slice(0, 150);
}
