import { randomBytes } from 'node:crypto';
import { runDue } from '@millrace/engine';
import type { NextRun, Partition, Timetable } from '@millrace/engine';
import { DagSchedules, RunReader, TimetableWriter, publishedRuns } from '@millrace/persistence';
import type { Database, ScheduledDag, ScheduledRunWrite, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { uuidV7From } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import type { RunCache } from '../run-cache/run-cache.js';
import { messageOf } from '../apply-runs/apply-runs.js';
import { runNameOf, runNamePart } from './run-names.js';
import { timetableOf } from './timetable-of.js';

/** Dags looked at in one transaction. */
const DAGS_PER_PASS = 200;
/** Transactions of one look: what is still due then is due at the next look. */
const PASSES_PER_LOOK = 100;
/** Runs one pass may make for one dag that catches up; it stays due, and the next pass goes on. */
const RUNS_PER_PASS = 16;

/** Makes the runs that schedules ask for. A due dag's row is locked, so each tick makes one run, whoever looks. */
export class ScheduledRuns {
  /** Dags that have more to make than they have room for, as seen here. */
  readonly #behind = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly startDag: (dagId: string) => void,
    private readonly logger: Logger,
  ) {}

  /** Looks until nothing is due. Returns how many runs it made and when the next schedule is due (ms from now; null: none). */
  async once(): Promise<{ readonly made: number; readonly nextInMs: number | null }> {
    let made = 0;
    // A dag whose schedule cannot be read is told and left out, so that the others go on.
    const broken: string[] = [];
    for (let pass = 0; pass < PASSES_PER_LOOK; pass++) {
      const { looked, dags } = await this.database.inTransaction((tx) => this.#pass(tx, broken));
      for (const dagId of new Set(dags)) this.startDag(dagId);
      made += dags.length;
      if (looked === 0) break;
    }
    return { made, nextInMs: await new DagSchedules(this.database).msUntilNext() };
  }

  /** Whether the dag waits for one of its runs to end before it can make the next. Only a hint: another scheduler may know better. */
  isBehind(dagId: string): boolean {
    return this.#behind.has(dagId);
  }

  async #pass(tx: Transaction, broken: string[]): Promise<{ looked: number; dags: string[] }> {
    const schedules = new DagSchedules(tx);
    const due = await schedules.due(DAGS_PER_PASS, broken);
    if (due.length === 0) return { looked: 0, dags: [] };
    const dagIds = due.map((dag) => dag.dagId);
    const active = await schedules.activeRuns(dagIds);
    await this.cache.loadVersions(due.map((dag) => dag.versionId), new RunReader(tx));
    const published = await publishedRuns(tx, due.filter((dag) => this.cache.version(dag.versionId).document.schedule?.kind === 'custom').map((dag) => dag.dagId));
    const runs: ScheduledRunWrite[] = [];
    const next = new Map<string, NextRun | null>();
    for (const dag of due) {
      try {
        const timetable = timetableOf(this.cache.version(dag.versionId).document, published.get(dag.dagId));
        // Of a continuous schedule the next begins where the last ended, which was not known when it was planned.
        const isKnown = dag.pending !== null && timetable?.follows !== true;
        const pending = isKnown ? dag.pending : (timetable?.next(await schedules.lastScheduledRun(dag.dagId), dag.nowMs) ?? null);
        const plan = this.#plan(dag, timetable, pending, active.get(dag.dagId) ?? 0);
        runs.push(...plan.runs);
        next.set(dag.dagId, plan.next);
      } catch (error) {
        broken.push(dag.dagId);
        this.logger.error('the schedule of a dag cannot be read; it makes no runs', { dag_id: dag.dagId, error: messageOf(error) });
      }
    }
    const dags = runs.length === 0 ? [] : await schedules.insertRuns(runs);
    await schedules.setNext(next);
    return { looked: due.length, dags };
  }

  #plan(dag: ScheduledDag, timetable: Timetable | null, pending: NextRun | null, active: number): { runs: ScheduledRunWrite[]; next: NextRun | null } {
    if (timetable === null) return { runs: [], next: null };
    const { document } = this.cache.version(dag.versionId);
    const room = Math.min(timetable.follows === true ? Number(active === 0) : dag.maxActiveRuns - active, RUNS_PER_PASS);
    const paramsJson = JSON.stringify(Object.fromEntries(Object.entries(document.params).map(([name, param]) => [name, param.value])));
    const runs: ScheduledRunWrite[] = [];
    let next = pending;
    while (next !== null && next.runAfterMs <= dag.nowMs && runs.length < room) {
      const run = runDue(timetable, next, dag.nowMs);
      const id = uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId;
      runs.push({ id, dagId: dag.dagId, versionId: dag.versionId, ...scheduledRun(run, timetable.partitionOf?.(run) ?? null), paramsJson });
      next = timetable.next(run, dag.nowMs);
    }
    if (next !== null && next.runAfterMs <= dag.nowMs) this.#behind.add(dag.dagId);
    else this.#behind.delete(dag.dagId);
    return { runs, next };
  }
}

/** What comes next for one dag after the newest run its schedule made; locks the dag's row. */
export async function replan(tx: Transaction, cache: RunCache, dagId: string, when: 'always' | 'when nothing is pending' = 'always'): Promise<void> {
  const schedules = new DagSchedules(tx);
  const dag = await schedules.ofDag(dagId);
  if (dag === undefined || (when === 'when nothing is pending' && dag.pending !== null)) return;
  await cache.loadVersions([dag.versionId], new RunReader(tx));
  const { document } = cache.version(dag.versionId);
  const published = document.schedule?.kind === 'custom' ? ((await publishedRuns(tx, [dagId])).get(dagId) ?? []) : undefined;
  // Which run is the newest that was missed is not known while the timetable has not told it: it is asked first.
  const isOutdated = published !== undefined && !document.catchup && (published.at(-1)?.runAfterMs ?? -Infinity) <= dag.nowMs && !(await new TimetableWriter(tx).isComplete(dagId));
  const next = isOutdated ? null : (timetableOf(document, published)?.next(await schedules.lastScheduledRun(dagId), dag.nowMs) ?? null);
  await schedules.setNext(new Map([[dagId, next]]));
}

/** One name for each tick, so that two schedulers make the same; a partition's key is told in it, as far as a run id can hold it. */
function scheduledRun(run: NextRun, partition: Partition | null): Omit<ScheduledRunWrite, 'id' | 'dagId' | 'versionId' | 'paramsJson'> {
  const name = runNameOf('scheduled', run.runAfterMs);
  const { runAfterMs } = run;
  if (partition === null) return { runId: name, logicalDateMs: run.logicalDateMs, intervalStartMs: run.intervalStartMs, intervalEndMs: run.intervalEndMs, runAfterMs, partitionKey: null, partitionDateMs: null };
  return { runId: `${name}__${runNamePart(partition.key)}`, logicalDateMs: null, intervalStartMs: null, intervalEndMs: null, runAfterMs, partitionKey: partition.key, partitionDateMs: partition.dateMs };
}
