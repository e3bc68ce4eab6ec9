import type { DagDocument } from '@millrace/contracts';
import type { NextRun, Partition, Timetable } from '@millrace/engine';
import type { BackfillException, RunInRange } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { ReprocessBehavior } from '@millrace/vocabulary';
import type { BackfillInput, BackfillPlan } from '../commands/commands.js';

/** Runs one backfill may make; a larger one is asked for in parts. */
const MAX_RUNS = 10_000;

type PlannedRun = BackfillPlan['runs'][number];

/** A date of a backfill: when its run would have been made, and for a schedule of partitions which one it is. */
export interface BackfillDate {
  readonly run: NextRun;
  readonly partition: Partition | null;
}

/** The dates of a backfill, oldest first. @throws MillraceError `invalid` for a range, a schedule or a direction that cannot be */
export function backfillDates(document: DagDocument, timetable: Timetable | null, input: BackfillInput, nowMs: number): readonly BackfillDate[] {
  const { fromDate, toDate } = input;
  if (fromDate > toDate) throw new MillraceError('invalid', `from_date ${fromDate.toISOString()} is after to_date ${toDate.toISOString()}`);
  checkDependsOnPast(document, input.runBackwards === true, input.reprocessBehavior ?? 'none');
  if (fromDate.getTime() >= nowMs && toDate.getTime() >= nowMs) throw new MillraceError('invalid', 'Backfill cannot be executed for future dates.');
  if (timetable === null || timetable.follows === true || document.schedule?.kind === 'once') {
    throw new MillraceError('invalid', `${document.dagId} has no schedule with dates to backfill (schedule: ${timetable?.summary ?? 'none'})`);
  }
  return datesOf(document, timetable, fromDate, toDate, nowMs).map((run) => ({ run, partition: timetable.partitionOf?.(run) ?? null }));
}

/** What a backfill would do, date by date, in the order it would do it. @param existing the newest run of each date or partition that has one */
export function planBackfill(dates: readonly BackfillDate[], input: BackfillInput, existing: readonly RunInRange[]): readonly PlannedRun[] {
  const behavior = input.reprocessBehavior ?? 'none';
  const found = new Map(existing.map((run) => [run.partitionKey ?? run.logicalDate!.getTime(), run]));
  const runs = dates.map((date) => plannedRun(date, found.get(date.partition?.key ?? date.run.logicalDateMs), behavior));
  return input.runBackwards === true ? runs.toReversed() : runs;
}

/** As Airflow: a run of a date that is not over yet is left to the schedule. */
function datesOf(document: DagDocument, timetable: Timetable, from: Date, to: Date, nowMs: number): readonly NextRun[] {
  const dates = timetable.between(from.getTime(), to.getTime(), MAX_RUNS + 1).filter((date) => date.intervalEndMs < nowMs);
  if (dates.length > MAX_RUNS) throw new MillraceError('invalid', `the range holds more than ${MAX_RUNS} runs; ask for it in parts`);
  if (dates.length > 0) return dates;
  const hint = document.schedule?.kind === 'custom' ? ' among those its timetable has published (see the dag\'s schedule)' : '';
  throw new MillraceError('invalid', `No runs to create for Dag ${document.dagId}: its schedule (${timetable.summary}) has no date that is over from ${from.toISOString()} to ${to.toISOString()}${hint}`);
}

function checkDependsOnPast(document: DagDocument, backwards: boolean, behavior: ReprocessBehavior): void {
  if (!document.tasks.some((task) => task.dependsOnPast)) return;
  if (backwards) throw new MillraceError('invalid', 'Backfill cannot be run in reverse when the Dag has tasks where depends_on_past=True.');
  if (behavior === 'none') {
    throw new MillraceError('invalid', 'Dag has tasks for which depends_on_past=True. You must set reprocess behavior to reprocess completed or reprocess failed.');
  }
}

function plannedRun({ run: { logicalDateMs, intervalStartMs, intervalEndMs, runAfterMs }, partition }: BackfillDate, run: RunInRange | undefined, behavior: ReprocessBehavior): PlannedRun {
  const base = {
    logicalDate: new Date(logicalDateMs), dataIntervalStart: new Date(intervalStartMs), dataIntervalEnd: new Date(intervalEndMs), runAfter: new Date(runAfterMs),
    partition: partition === null ? null : { key: partition.key, date: new Date(partition.dateMs) }, existing: run?.id ?? null, existingState: run?.state ?? null,
  };
  const skip = (exceptionReason: BackfillException, why: string): PlannedRun => ({ ...base, action: 'skip', exceptionReason, why });
  const what = partition === null ? 'date' : 'partition';
  if (run === undefined) return { ...base, action: 'create', exceptionReason: null, why: '' };
  if (run.state === 'queued' || run.state === 'running') return skip('in flight', `a run of this ${what} is ${run.state}`);
  if (behavior === 'completed' || (behavior === 'failed' && run.state === 'failed')) return { ...base, action: 'clear', exceptionReason: null, why: `reprocess_behavior is ${behavior}` };
  return skip('already exists', `a run of this ${what} is there (${run.state}) and reprocess_behavior is ${behavior}`);
}
