import { NaturalBatcher } from '@millrace/lifecycle';
import { decide } from '@millrace/engine';
import { wakePartition } from '@millrace/contracts';
import { RunReader, RunWorkers, patient, databaseNow, writeDecisions } from '@millrace/persistence';
import type { Database, DecisionWrites, StartableRun, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { DatabaseClock } from '../clock/database-clock.js';
import type { RunId } from '@millrace/vocabulary';
import type { RunInput } from '../apply-runs/inputs.js';
import type { RoomKeeper } from '../room/room-keeper.js';
import type { CachedRun, RunCache } from '../run-cache/run-cache.js';
import { addDecision, emptyWrites } from '../apply-runs/decision-writes.js';
import type { AfterCommit } from '../apply-runs/decision-writes.js';
import { messageOf } from '../apply-runs/apply-runs.js';
import type { CommitListener } from '../apply-runs/apply-runs.js';

/** Runs one pass may start of one dag; the rest follows in the next pass. */
const MAX_PER_DAG = 500;
/** A run of more tasks than that is started with patience. */
const LARGE_RUN_TASKS = 5_000;
/** A run of another scheduler's partition is left to it for this long; not one of a backfill, whose order counts more. */
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
    /** As in ApplyRuns. */
    private readonly room: RoomKeeper,
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
    const decided: RunId[] = [];
    const won = await this.database.hot.inTransaction(async (tx) => {
      const { chosen, rest } = await this.#choose(tx, unique);
      more = rest;
      if (chosen.length === 0) return [];
      const reader = new RunReader(tx);
      // A run that never started has no instances; one that was put back has.
      const again = chosen.filter((run) => run.version > 0).map((run) => run.id);
      const loaded = await this.cache.assemble(chosen, again.length === 0 ? [] : await reader.instances(again), reader);
      if (chosen.some((run) => isLarge(loaded.get(run.id)))) await patient(tx);
      const writes = emptyWrites();
      const nowMs = this.clock.known ? this.clock.now() : await databaseNow(tx);
      for (const { id, isAwaited } of chosen) {
        const entry = loaded.get(id);
        if (entry === undefined || entry.row.state !== 'queued') continue;
        const input = { event: entry.row.switchedOff.length === 0 ? ({ type: 'started' } as const) : ({ type: 'started', off: entry.row.switchedOff } as const) };
        const inputs: RunInput[] = isAwaited && !entry.row.watched ? [input, { event: { type: 'watched' } }] : [input];
        const room = this.room.roomFor(entry, inputs);
        const decision = decide(entry.run, inputs.map(({ event }) => event), nowMs, room);
        this.room.decided(entry, false);
        decided.push(id);
        if (decision.ignored.length > 0) {
          this.logger.error('a queued run cannot start', { dag_id: entry.row.dagId, run_id: entry.row.runId, reason: decision.ignored[0]!.reason });
          continue;
        }
        started.push({ entry, after: addDecision(writes, entry, inputs, decision, nowMs, { home: this.home, continuation: false, claims: [], room }) });
      }
      await new RunWorkers(tx).pin(started.flatMap(({ entry }) => (entry.run.plan.placement === 'any' ? [] : [entry.row.id])));
      return started.length === 0 ? [] : writeDecisions(tx, writes as DecisionWrites);
    }).catch((error: unknown) => {
      for (const id of decided) this.room.dropped(id);
      throw error;
    });
    const versions = new Map(won.map((row) => [row.id, row.version]));
    if (won.length > 0) this.clock.observe(won[0]!.nowMs);
    for (const id of decided) if (!versions.has(id)) this.room.dropped(id);
    for (const { entry, after } of started) {
      const version = versions.get(entry.row.id);
      if (version === undefined) continue;
      entry.version = version;
      if (after.finished === null) {
        this.cache.put(entry.row.id, entry);
        this.room.decided(entry);
      } else this.room.dropped(entry.row.id);
      this.listener.started?.(entry);
      this.listener.committed(entry, after);
    }
    for (const dagId of more) void this.forDag(dagId);
    return dagIds.map(() => won.length);
  }

  async #choose(tx: Transaction, dagIds: readonly string[]): Promise<{ chosen: StartableRun[]; rest: string[] }> {
    const rows = await new RunReader(tx).startable(dagIds, MAX_PER_DAG);
    const taken = new Map<string, number>();
    const perDag = new Map<string, number>();
    const chosen: StartableRun[] = [];
    for (const id of dagIds) this.#leftBehind.delete(id);
    for (const row of rows) {
      perDag.set(row.dagId, (perDag.get(row.dagId) ?? 0) + 1);
      // A run of a backfill that is over stands in its dag's line.
      const key = row.backfillLimit === null ? `dag ${row.dagId}` : `backfill ${row.backfillId}`;
      const now = taken.get(key) ?? (row.backfillLimit === null ? row.dagRunning : row.backfillRunning);
      const isLeft = now >= (row.backfillLimit ?? row.dagLimit) || (row.backfillLimit === null && !this.#mine(wakePartition(row.id)) && row.waitedMs < LEAVE_TO_HOME_MS);
      if (isLeft) {
        this.#leftBehind.add(row.dagId);
        continue;
      }
      taken.set(key, now + 1);
      // Of a backfill no more are told than may start: whether others wait is seen when one of these has ended.
      if (row.backfillLimit !== null && now + 1 >= row.backfillLimit) this.#leftBehind.add(row.dagId);
      chosen.push(row);
    }
    return { chosen, rest: chosen.length === 0 ? [] : dagIds.filter((id) => perDag.get(id) === MAX_PER_DAG) };
  }
}

/** Deciding on its start may take seconds, and its rows one long statement. What is mapped is as large as its list. */
function isLarge(entry: CachedRun | undefined): boolean {
  return entry !== undefined && (entry.run.plan.tasks.length > LARGE_RUN_TASKS || entry.run.plan.dimensions.length > 0);
}
