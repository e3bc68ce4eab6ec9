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

/** The same for runs that begin now: our clocks tell milliseconds, so three random digits keep two triggers apart. */
export function runNameNow(type: RunType, nowMs: number): string {
  return `${type}__${isoOf(Math.floor(nowMs), randomInt(1, 1000))}`;
}
