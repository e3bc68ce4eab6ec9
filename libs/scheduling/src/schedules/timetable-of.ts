import type { DagDocument } from '@millrace/contracts';
import { compileTimetable } from '@millrace/engine';
import type { NextRun, Timetable } from '@millrace/engine';

/**
 * The timetable of a stored dag; null: it runs only when triggered. Publication refused documents that do not compile.
 * @param published runs of a timetable written in dag code (see PublishedTimetables); others need none
 */
export function timetableOf(document: DagDocument, published?: readonly NextRun[]): Timetable | null {
  const compiled = compileTimetable(document.schedule, {
    timezone: document.timezone,
    startMs: document.startDate === null ? null : Date.parse(document.startDate),
    endMs: document.endDate === null ? null : Date.parse(document.endDate),
    catchup: document.catchup,
    ...(published === undefined ? {} : { published }),
  });
  return compiled.ok ? compiled.timetable : null;
}
