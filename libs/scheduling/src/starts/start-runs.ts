import { NaturalBatcher } from '@millrace/lifecycle';
import { decide } from '@millrace/engine';
import { wakePartition } from '@millrace/contracts';
import { COUNT_RUNNING_RUNS, LOCK_DAGS, RunReader, STARTABLE_RUNS, databaseNow, writeDecisions } from '@millrace/persistence';
import type { Database, DecisionWrites, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { RunId } from '@millrace/vocabulary';
import type { DatabaseClock } from '../clock/database-clock.js';
import type { CachedRun, RunCache } from '../run-cache/run-cache.js';
import { addDecision, emptyWrites } from '../apply-runs/decision-writes.js';
import type { AfterCommit } from '../apply-runs/decision-writes.js';
import { messageOf } from '../apply-runs/apply-runs.js';
import type { CommitListener } from '../apply-runs/apply-runs.js';

interface DagRow {
  readonly dagId: string;
  readonly paused: boolean;
  readonly maxActiveRuns: number;
}

interface StartableRow {
  readonly id: RunId;
  readonly dagId: string;
  readonly backfillId: number | null;
  readonly backfillMaxActive: number | null;
  readonly waitedMs: number;
}

/** Runs one pass may start of one dag; the rest follows in the next pass. */
const MAX_PER_DAG = 500;
/** A run of another scheduler's partition is left to it for this long. */
const LEAVE_TO_HOME_MS = 800;

/**
 * queued → running. Starting a run needs a count over its dag, so it takes the dag's row lock: max_active_runs (and a backfill's own
 * limit) is exact under any number of schedulers. All the rest of a run's life needs no lock.
 */
export class StartRuns {
  readonly #batcher: NaturalBatcher<string, number>;
  #mine: (partition: number) => boolean = () => true;
  /** Dags whose last look left runs behind: no room, or another scheduler's. */
  readonly #leftBehind = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly clock: DatabaseClock,
    private readonly listener: CommitListener,
    private readonly logger: Logger,
    private readonly home: string,
  ) {
    this.#batcher = new NaturalBatcher({ maxSize: 200, flush: (dagIds) => this.#flush(dagIds) });
  }

  /** Which doorbell partitions are this scheduler's; runs of the others are started only when they have waited. */
  own(mine: (partition: number) => boolean): void {
    this.#mine = mine;
  }

  /** A run of this dag ended: is it worth a look? New runs ring by themselves, and the sweeper finds what this misses. */
  async afterRunOf(dagId: string): Promise<void> {
    if (this.#leftBehind.has(dagId)) await this.forDag(dagId);
  }

  /** Starts what may start of this dag. Resolves with how many it started; never rejects. */
  async forDag(dagId: string): Promise<number> {
    try {
      return await this.#batcher.add(dagId);
    } catch (error) {
      this.logger.warn('runs could not be started', { dag_id: dagId, error: messageOf(error) });
      return 0;
    }
  }

  async #flush(dagIds: readonly string[]): Promise<number[]> {
    const unique = [...new Set(dagIds)].sort();
    const started: { entry: CachedRun; after: AfterCommit }[] = [];
    let more: string[] = [];
    const won = await this.database.hot.inTransaction(async (tx) => {
      const { chosen, rest } = await this.#choose(tx, unique);
      more = rest;
      if (chosen.length === 0) return [];
      const loaded = await this.cache.load(chosen, new RunReader(tx));
      const writes = emptyWrites();
      const nowMs = this.clock.known ? this.clock.now() : await databaseNow(tx);
      for (const id of chosen) {
        const entry = loaded.get(id);
        if (entry === undefined || entry.row.state !== 'queued') continue;
        const input = { event: { type: 'started' } as const };
        const decision = decide(entry.run, [input.event], nowMs);
        if (decision.ignored.length > 0) {
          this.logger.error('a queued run cannot start', { dag_id: entry.row.dagId, run_id: entry.row.runId, reason: decision.ignored[0]!.reason });
          continue;
        }
        started.push({ entry, after: addDecision(writes, entry, [input], decision, nowMs, { home: this.home, continuation: false, claims: [] }) });
      }
      return started.length === 0 ? [] : writeDecisions(tx, writes as DecisionWrites);
    });
    const versions = new Map(won.map((row) => [row.id, row.version]));
    if (won.length > 0) this.clock.observe(won[0]!.nowMs);
    for (const { entry, after } of started) {
      const version = versions.get(entry.row.id);
      if (version === undefined) continue;
      entry.version = version;
      if (after.finished === null) this.cache.put(entry.row.id, entry);
      this.listener.committed(entry, after);
    }
    for (const dagId of more) void this.forDag(dagId);
    return dagIds.map(() => won.length);
  }

  async #choose(tx: Transaction, dagIds: readonly string[]): Promise<{ chosen: RunId[]; rest: string[] }> {
    const dags = await tx.query<DagRow & Record<string, unknown>>(LOCK_DAGS, [dagIds]);
    const open = dags.filter((dag) => !dag.paused);
    if (open.length === 0) return { chosen: [], rest: [] };
    const ids = open.map((dag) => dag.dagId);
    const counts = await tx.query<{ dagId: string; backfillId: number | null; running: number }>(COUNT_RUNNING_RUNS, [ids]);
    const rows = await tx.query<StartableRow & Record<string, unknown>>(STARTABLE_RUNS, [ids, MAX_PER_DAG]);
    const running = new Map<string, number>();
    for (const count of counts) running.set(count.backfillId === null ? `d ${count.dagId}` : `b ${count.backfillId}`, count.running);
    const limits = new Map(open.map((dag) => [dag.dagId, dag.maxActiveRuns]));
    const chosen: RunId[] = [];
    const perDag = new Map<string, number>();
    for (const row of rows) {
      perDag.set(row.dagId, (perDag.get(row.dagId) ?? 0) + 1);
      if (!this.#mine(wakePartition(row.id)) && row.waitedMs < LEAVE_TO_HOME_MS) continue;
      const key = row.backfillId === null ? `d ${row.dagId}` : `b ${row.backfillId}`;
      const limit = row.backfillId === null ? limits.get(row.dagId)! : row.backfillMaxActive!;
      const now = running.get(key) ?? 0;
      if (now >= limit) continue;
      running.set(key, now + 1);
      chosen.push(row.id);
    }
    const started = new Set(chosen);
    for (const id of ids) this.#leftBehind.delete(id);
    for (const row of rows) if (!started.has(row.id)) this.#leftBehind.add(row.dagId);
    return { chosen, rest: chosen.length === 0 ? [] : ids.filter((id) => perDag.get(id) === MAX_PER_DAG) };
  }
}
