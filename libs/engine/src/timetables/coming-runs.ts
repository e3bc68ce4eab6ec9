import type { NextRun, Timetable } from './timetable.js';

/** The run to make when `pending` is due: itself, or without catch-up the newest that is due by now. */
export function runDue(timetable: Timetable, pending: NextRun, nowMs: number): NextRun {
  if (!timetable.newestOnly) return pending;
  const newer = timetable.next(pending, nowMs);
  return newer !== null && newer.runAfterMs <= nowMs && newer.logicalDateMs > pending.logicalDateMs ? newer : pending;
}

/**
 * The next `count` runs as they will be made: `pending` (what the schedule asks for now; null: nothing) and those after it, each asked for
 * at the moment the one before is made. A dag that was paused for months and does not catch up shows one missed run, then the future.
 */
export function comingRuns(timetable: Timetable, pending: NextRun | null, nowMs: number, count: number): readonly NextRun[] {
  const runs: NextRun[] = [];
  let run = pending;
  let at = nowMs;
  while (run !== null && runs.length < count) {
    run = run.runAfterMs <= at ? runDue(timetable, run, at) : run;
    runs.push(run);
    at = Math.max(at, run.runAfterMs);
    const next: NextRun | null = timetable.next(run, at);
    // When the next of a continuous schedule begins depends on the end of the one before, which nobody knows.
    run = next !== null && next.logicalDateMs > run.logicalDateMs && !timetable.follows ? next : null;
  }
  return runs;
}
