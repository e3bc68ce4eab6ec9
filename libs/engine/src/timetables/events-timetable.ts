import { ListedTimetable } from './listed-timetable.js';
import type { NextRun, TimetableOptions } from './timetable.js';
import { EMPTY_INTERVAL_WARNING } from './trigger-timetable.js';

/** Airflow's EventsTimetable: a run at each of these instants. */
export function eventsTimetable(datesMs: readonly number[], restrictToEvents: boolean, description: string | null, options: TimetableOptions): ListedTimetable {
  const sorted = [...new Set(datesMs)].sort((a, b) => a - b);
  const runs = sorted.map((at): NextRun => ({ logicalDateMs: at, intervalStartMs: at, intervalEndMs: at, runAfterMs: at }));
  const span = sorted.length === 0 ? 'No events' : `${sorted.length} ${sorted.length === 1 ? 'event' : 'events'} between ${shown(sorted[0] as number)} and ${shown(sorted.at(-1) as number)}`;
  const text = { summary: description ?? `${sorted.length} events`, description: description ?? span, warnings: sorted.length === 0 ? ['the list of dates is empty: no run is ever made'] : [EMPTY_INTERVAL_WARNING] };
  return new ListedTimetable(runs, options, text, restrictToEvents && sorted.length > 0 ? (at) => newestEvent(sorted, at) : undefined);
}

/** The most recent event, or the first when all are to come. */
function newestEvent(sorted: readonly number[], atMs: number): { readonly intervalStartMs: number; readonly intervalEndMs: number } {
  const event = sorted.findLast((one) => one <= atMs) ?? (sorted[0] as number);
  return { intervalStartMs: event, intervalEndMs: event };
}

function shown(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
