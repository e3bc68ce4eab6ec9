import { randomBytes } from 'node:crypto';
import { DagSchedules, RunReader } from '@millrace/persistence';
import type { Database, DueDag, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { uuidV7From } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import type { RunCache } from '../run-cache/run-cache.js';
import { messageOf } from '../apply-runs/apply-runs.js';
import { runNameOf } from './run-names.js';
import { lastRunOf, timetableOf } from './timetable-of.js';

/** Dags looked at in one transaction. */
const DAGS_PER_PASS = 100;
/** Runs one pass may make for one dag that catches up; it stays due, and the next pass goes on. */
const RUNS_PER_PASS = 16;

/** Makes the runs that schedules ask for. A due dag's row is locked, so each tick makes one run, whoever looks. */
export class ScheduledRuns {
  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly startDag: (dagId: string) => void,
    private readonly logger: Logger,
  ) {}

  /** Looks once. Returns how many runs it made and when the next schedule is due (ms from now; null: none). */
  async once(): Promise<{ readonly made: number; readonly nextInMs: number | null }> {
    const dags = new Set<string>();
    let made = 0;
    await this.database.inTransaction(async (tx) => {
      const schedules = new DagSchedules(tx);
      const due = await schedules.due(DAGS_PER_PASS);
      await this.cache.loadVersions(due.map((dag) => dag.versionId), new RunReader(tx));
      for (const dag of due) {
        const count = await this.#plan(schedules, dag);
        if (count > 0) dags.add(dag.dagId);
        made += count;
      }
    });
    for (const dagId of dags) this.startDag(dagId);
    return { made, nextInMs: await new DagSchedules(this.database).msUntilNext() };
  }

  /** Works out anew what comes next for one dag: it was unpaused, or a run of a continuous schedule ended. */
  async replan(dagId: string, tx?: Transaction): Promise<void> {
    const work = async (on: Transaction): Promise<void> => {
      const schedules = new DagSchedules(on);
      const dag = await schedules.ofDag(dagId);
      if (dag === undefined) return;
      await this.cache.loadVersions([dag.versionId], new RunReader(on));
      const timetable = timetableOf(this.cache.version(dag.versionId).document);
      await schedules.setNext(dagId, timetable?.next(lastRunOf(dag), dag.nowMs) ?? null);
    };
    await (tx === undefined ? this.database.inTransaction(work) : work(tx));
  }

  async #plan(schedules: DagSchedules, dag: DueDag): Promise<number> {
    const { document } = this.cache.version(dag.versionId);
    const timetable = timetableOf(document);
    const room = document.schedule?.kind === 'continuous' ? Number(dag.activeRuns === 0) : dag.maxActiveRuns - dag.activeRuns;
    let last = lastRunOf(dag);
    let next = timetable?.next(last, dag.nowMs) ?? null;
    let made = 0;
    while (next !== null && next.runAfterMs <= dag.nowMs && made < Math.min(room, RUNS_PER_PASS)) {
      try {
        const id = uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId;
        const params = Object.fromEntries(Object.entries(document.params).map(([name, param]) => [name, param.value]));
        await schedules.insertRun({ id, dagId: dag.dagId, runId: runNameOf('scheduled', next.runAfterMs), versionId: dag.versionId, ...next, paramsJson: JSON.stringify(params) });
      } catch (error) {
        this.logger.error('a scheduled run could not be made', { dag_id: dag.dagId, error: messageOf(error) });
        throw error;
      }
      made++;
      last = next;
      next = timetable?.next(last, dag.nowMs) ?? null;
    }
    // No room: the dag stays due, and gets its run when another has ended.
    if (next !== null && next.runAfterMs <= dag.nowMs && made < RUNS_PER_PASS && room <= made) return made;
    await schedules.setNext(dag.dagId, next);
    return made;
  }
}
