import { randomBytes } from 'node:crypto';
import type { DagDocument } from '@millrace/contracts';
import { compilePartitionedAssets, isConditionMet, partitionStatus } from '@millrace/engine';
import type { AssetCondition, PartitionedAssets, PartitionedAssetsSource } from '@millrace/engine';
import { NaturalBatcher } from '@millrace/lifecycle';
import { AssetQueue, RunReader, dagsWithAssetNews, insertRuns } from '@millrace/persistence';
import type { AssetDag, Database, NewRun, QueuedAssetEvent, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { uuidV7From } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import { messageOf } from '../apply-runs/apply-runs.js';
import type { RunCache } from '../run-cache/run-cache.js';
import { isoOf } from '../schedules/run-names.js';

/** Events one run may carry; the rest waits for the next. */
const EVENTS_MAX = 100_000;
/** Partitions looked at in one transaction. */
const PARTITIONS_PER_PASS = 200;
const DAGS_PER_SWEEP = 200;

/**
 * Makes the runs that assets ask for. The dag's row is locked, so whatever waits for it is used by one run, whoever looks; looking costs
 * nothing when nothing is new. Rung after events are recorded; the sweeper finds what a crash left behind.
 */
export class AssetRuns {
  readonly #batcher: NaturalBatcher<string, number>;
  /** Dags that had no room for a run: looked at when one of their runs ends. */
  readonly #noRoom = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly startDag: (dagId: string) => void,
    private readonly logger: Logger,
  ) {
    this.#batcher = new NaturalBatcher({ maxSize: 50, flush: (dagIds) => this.#flush(dagIds) });
  }

  /** Never rejects: what fails is left to the sweeper. Resolves with how many runs were made (of this look). */
  async forDag(dagId: string): Promise<number> {
    try {
      return await this.#batcher.add(dagId);
    } catch (error) {
      this.logger.warn('runs for assets could not be made; trying again', { dag_id: dagId, error: messageOf(error) });
      return 0;
    }
  }

  forDags(dagIds: readonly string[]): void {
    for (const dagId of dagIds) void this.forDag(dagId);
  }

  async afterRunOf(dagId: string): Promise<void> {
    if (this.#noRoom.has(dagId)) await this.forDag(dagId);
  }

  /** Whatever nobody looked at. Returns how many runs it made. */
  async sweep(): Promise<number> {
    const dagIds = await dagsWithAssetNews(this.database, DAGS_PER_SWEEP);
    const made = await Promise.all(dagIds.map((dagId) => this.forDag(dagId)));
    return made.reduce((sum, count) => sum + count, 0);
  }

  async #flush(dagIds: readonly string[]): Promise<number[]> {
    const made = new Map<string, number>();
    for (const dagId of new Set(dagIds)) {
      try {
        made.set(dagId, await this.#look(dagId));
      } catch (error) {
        // One dag that cannot be looked at must not hold up the others.
        this.logger.warn('runs for assets could not be made; trying again', { dag_id: dagId, error: messageOf(error) });
      }
    }
    return dagIds.map((dagId) => made.get(dagId) ?? 0);
  }

  async #look(dagId: string): Promise<number> {
    this.#noRoom.delete(dagId);
    const made = await this.database.inTransaction(async (tx) => {
      const queue = new AssetQueue(tx, dagId);
      const dag = await queue.lock();
      if (dag === undefined) return 0;
      await this.cache.loadVersions([dag.versionId], new RunReader(tx));
      const { document } = this.cache.version(dag.versionId);
      const { schedule } = document;
      if (schedule?.kind === 'assets' || schedule?.kind === 'assetsOrTime') return this.#makeRun(tx, queue, dag, document, schedule.condition);
      await queue.forget();
      if (schedule?.kind === 'partitionedAssets') return this.#makePartitions(tx, queue, dag, document, schedule);
      await queue.forgetPartitions();
      return 0;
    });
    if (made > 0) this.startDag(dagId);
    return made;
  }

  async #makeRun(tx: Transaction, queue: AssetQueue, dag: AssetDag, document: DagDocument, condition: AssetCondition): Promise<number> {
    const events = await queue.queued(EVENTS_MAX);
    const asking = events.filter((event) => event.asks);
    if (asking.length === 0) return 0;
    const assets = new Set(asking.map(({ name, uri }) => `${name}\n${uri}`));
    const aliases = new Set(asking.flatMap((event) => event.aliases));
    if (!isConditionMet(condition, { asset: (name, uri) => assets.has(`${name}\n${uri}`), alias: (name) => aliases.has(name) })) {
      await queue.examined(asking.map((event) => event.eventId));
      return 0;
    }
    if ((await queue.activeRuns()) >= dag.maxActiveRuns) return this.#full(document.dagId);
    const run = newRun(dag, document, { runAfterMs: Math.max(...asking.map((event) => event.createdAtMs)), interval: intervalOf(events), partitionKey: null });
    await insertOne(tx, run);
    await queue.take(events.map((event) => event.eventId), run.id);
    this.logger.info('run made for assets', { dag_id: document.dagId, run_id: run.runId, events: events.length });
    return 1;
  }

  async #makePartitions(tx: Transaction, queue: AssetQueue, dag: AssetDag, document: DagDocument, schedule: PartitionedAssetsSource): Promise<number> {
    const open = await queue.openPartitions(PARTITIONS_PER_PASS);
    if (open.length === 0) return 0;
    const partitioned = partitionedOf(schedule);
    const events = await queue.partitionEvents(open.map((request) => request.id));
    let room = dag.maxActiveRuns - (await queue.activeRuns());
    const waiting: number[] = [];
    let made = 0;
    for (const request of open) {
      const own = events.filter((event) => event.requestId === request.id);
      if (partitioned === null || !partitionStatus(partitioned, request.partitionKey, own).isComplete) {
        waiting.push(request.id);
        continue;
      }
      if (room <= 0) {
        this.#full(document.dagId);
        continue;
      }
      const run = newRun(dag, document, { runAfterMs: dag.nowMs, interval: null, partitionKey: request.partitionKey });
      await insertOne(tx, run);
      await queue.closePartition(request.id, run.id);
      this.logger.info('run made for a partition', { dag_id: document.dagId, run_id: run.runId, partition_key: request.partitionKey, events: own.length });
      room--;
      made++;
    }
    await queue.partitionsExamined(waiting);
    // There may be more than one pass looks at; those that wait are examined now, so this ends.
    if (open.length === PARTITIONS_PER_PASS && room > 0) void Promise.resolve().then(() => this.forDag(document.dagId));
    return made;
  }

  #full(dagId: string): number {
    this.#noRoom.add(dagId);
    return 0;
  }
}

function partitionedOf(schedule: PartitionedAssetsSource): PartitionedAssets | null {
  const compiled = compilePartitionedAssets(schedule);
  return compiled.ok ? compiled.partitioned : null;
}

function newRun(dag: AssetDag, document: DagDocument, facts: { runAfterMs: number; interval: readonly [number, number] | null; partitionKey: string | null }): NewRun {
  return {
    id: uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId,
    dagId: document.dagId,
    // As Airflow's: a run without a logical date has a random end, since two may be asked for in the same moment.
    runId: `asset_triggered__${isoOf(facts.runAfterMs)}_${randomBytes(4).toString('hex')}`,
    versionId: dag.versionId,
    runType: 'asset_triggered',
    triggeredBy: 'asset',
    userName: null,
    logicalDate: null,
    intervalStart: facts.interval === null ? null : new Date(facts.interval[0]),
    intervalEnd: facts.interval === null ? null : new Date(facts.interval[1]),
    runAfter: new Date(facts.runAfterMs),
    confJson: '{}',
    paramsJson: JSON.stringify(Object.fromEntries(Object.entries(document.params).map(([name, param]) => [name, param.value]))),
    note: null,
    partitionKey: facts.partitionKey,
    taskSelection: null,
    backfillId: null,
    backfillOrder: null,
  };
}

async function insertOne(tx: Transaction, run: NewRun): Promise<void> {
  if ((await insertRuns(tx, [run], null)).size !== 1) throw new Error(`run ${run.runId} exists already`);
}

/** From the earliest to the latest of the runs that the events come from. */
function intervalOf(events: readonly QueuedAssetEvent[]): readonly [number, number] | null {
  let start = Infinity;
  let end = -Infinity;
  for (const event of events) {
    if (event.intervalStartMs === null || event.intervalEndMs === null) continue;
    start = Math.min(start, event.intervalStartMs);
    end = Math.max(end, event.intervalEndMs);
  }
  return start <= end ? [start, end] : null;
}
