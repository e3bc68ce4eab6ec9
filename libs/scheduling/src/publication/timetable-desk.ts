import type { NextRun } from '@millrace/engine';
import { TimetableWriter } from '@millrace/persistence';
import type { Database, TimetableToExtend } from '@millrace/persistence';
import { RunReader } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { RunCache } from '../run-cache/run-cache.js';
import { replan } from '../schedules/scheduled-runs.js';
import type { PublishedTimetable } from './published-file.js';

/** Handed to one processor at once. */
const TIMETABLES_PER_TAKE = 10;
/** As many as an evaluation tells, and some more. */
const RUNS_MAX = 1_000;

export interface TimetableExtension {
  readonly versionId: string;
  readonly timetable: PublishedTimetable;
  /** As it was handed out. */
  readonly after: NextRun | null;
  /** Not empty: why it could not be told. */
  readonly error: string;
}

/**
 * Timetables written in dag code. Their runs are worked out where dag code may run, ahead of their time, and stored; from then on they are
 * facts like any other schedule's. While no processor is there, what is published goes on being made.
 */
export class TimetableDesk {
  readonly #cache: RunCache;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {
    this.#cache = new RunCache(new RunReader(database), 0);
  }

  /** Those about to run out; each goes to one caller, and again to another when it does not answer. */
  take(): Promise<TimetableToExtend[]> {
    return this.database.inTransaction((tx) => new TimetableWriter(tx).take(TIMETABLES_PER_TAKE));
  }

  /** @returns false: it has gone on meanwhile, or another version is current; nothing was changed. */
  async extend({ versionId, timetable, after, error }: TimetableExtension): Promise<boolean> {
    const { dagId } = timetable;
    return this.database.inTransaction(async (tx) => {
      const writer = new TimetableWriter(tx);
      const state = await writer.state(dagId);
      if (state === null || state.currentVersionId !== versionId || !isSame(state.after, after)) return false;
      const problem = error === '' ? runsProblem(timetable.runs, after) : error;
      if (problem !== null) {
        this.logger.error('a timetable cannot be gone on with; its published runs go on being made', { dag_id: dagId, error: problem });
        await writer.fail(dagId, problem.slice(0, 4_000));
        return true;
      }
      const isNew = state.versionId !== versionId;
      await writer.publish(dagId, versionId, after, timetable.runs, timetable.isComplete);
      // The schedule had nothing more to ask for, or asked for what another version told.
      await replan(tx, this.#cache, dagId, isNew ? 'always' : 'when nothing is pending');
      return true;
    });
  }
}

/** What is wrong with a list of runs from outside; null: nothing. */
export function runsProblem(runs: readonly NextRun[], after: NextRun | null): string | null {
  if (runs.length > RUNS_MAX) return `at most ${RUNS_MAX} runs are taken at once, got ${runs.length}`;
  let last = after?.logicalDateMs ?? -Infinity;
  for (const run of runs) {
    if (![run.logicalDateMs, run.intervalStartMs, run.intervalEndMs, run.runAfterMs].every((ms) => Math.abs(ms) < 253_370_764_800_000)) return 'a run has a time that is none';
    if (run.logicalDateMs <= last) return `the runs do not go forward at ${new Date(run.logicalDateMs).toISOString()}`;
    if (run.intervalEndMs < run.intervalStartMs) return `the interval of ${new Date(run.logicalDateMs).toISOString()} ends before it starts`;
    last = run.logicalDateMs;
  }
  return null;
}

function isSame(a: NextRun | null, b: NextRun | null): boolean {
  return a === null || b === null ? a === b : Math.abs(a.logicalDateMs - b.logicalDateMs) < 1;
}
