import type { DagDocument } from '@millrace/contracts';
import type { RunInRange } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { timetableOf } from '../schedules/timetable-of.js';
import type { BackfillInput, BackfillPlan } from './commands.js';

/** Runs one backfill may make; a larger one is asked for in parts. */
const MAX_RUNS = 10_000;

/** What a backfill would do, date by date, in the order it would do it. */
export function planBackfill(document: DagDocument, input: BackfillInput, existing: readonly RunInRange[]): BackfillPlan['runs'] {
  if (input.fromDate > input.toDate) throw new MillraceError('invalid', `from_date ${input.fromDate.toISOString()} is after to_date ${input.toDate.toISOString()}`);
  const timetable = timetableOf(document);
  if (timetable === null || document.schedule?.kind === 'continuous' || document.schedule?.kind === 'once' || document.schedule?.kind === 'assets') {
    throw new MillraceError('invalid', `dag "${document.dagId}" has no schedule with dates to backfill (schedule: ${timetable?.summary ?? 'none'})`);
  }
  const dates = timetable.between(input.fromDate.getTime(), input.toDate.getTime(), MAX_RUNS + 1);
  if (dates.length > MAX_RUNS) throw new MillraceError('invalid', `the range holds more than ${MAX_RUNS} runs; ask for it in parts`);
  const byDate = new Map(existing.map((run) => [run.logicalDate.getTime(), run]));
  const behavior = input.reprocessBehavior ?? 'none';
  const runs = dates.map((date): BackfillPlan['runs'][number] => {
    const base = { logicalDate: new Date(date.logicalDateMs), dataIntervalStart: new Date(date.intervalStartMs), dataIntervalEnd: new Date(date.intervalEndMs) };
    const run = byDate.get(date.logicalDateMs);
    if (run === undefined) return { ...base, action: 'create', existingState: null, why: '' };
    if (run.state === 'queued' || run.state === 'running') return { ...base, action: 'skip', existingState: run.state, why: `a run of this date is ${run.state}` };
    if (behavior === 'completed' || (behavior === 'failed' && run.state === 'failed')) return { ...base, action: 'clear', existingState: run.state, why: `reprocess_behavior is ${behavior}` };
    return { ...base, action: 'skip', existingState: run.state, why: `a run of this date is there and reprocess_behavior is ${behavior}` };
  });
  return input.runBackwards ? runs.toReversed() : runs;
}
