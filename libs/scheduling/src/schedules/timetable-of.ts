import type { DagDocument } from '@millrace/contracts';
import { compileTimetable } from '@millrace/engine';
import type { NextRun, Timetable } from '@millrace/engine';
import type { DueDag } from '@millrace/persistence';

/** The timetable of a stored dag; null: it runs only when triggered. Publication refused documents that do not compile. */
export function timetableOf(document: DagDocument): Timetable | null {
  const compiled = compileTimetable(document.schedule, {
    timezone: document.timezone,
    startMs: document.startDate === null ? null : Date.parse(document.startDate),
    endMs: document.endDate === null ? null : Date.parse(document.endDate),
    catchup: document.catchup,
  });
  return compiled.ok ? compiled.timetable : null;
}

/** The newest run a schedule made. */
export function lastRunOf(dag: DueDag): NextRun | null {
  const { lastLogicalDateMs, lastIntervalStartMs, lastIntervalEndMs, lastRunAfterMs } = dag;
  if (lastLogicalDateMs === null || lastRunAfterMs === null) return null;
  return { logicalDateMs: lastLogicalDateMs, intervalStartMs: lastIntervalStartMs ?? lastLogicalDateMs, intervalEndMs: lastIntervalEndMs ?? lastLogicalDateMs, runAfterMs: lastRunAfterMs };
}
