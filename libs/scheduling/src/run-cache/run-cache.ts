import { compilePlan, loadRun } from '@millrace/engine';
import type { Plan, PlanSource, Run, StoredInstance } from '@millrace/engine';
import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';
import { MillraceError } from '@millrace/vocabulary';
import type { DagVersionId, InstanceId, RunId } from '@millrace/vocabulary';
import type { InstanceRow, RunReader, RunRow } from '@millrace/persistence';
import { groupBy } from '../grouping/group-by.js';

/** A dag version, ready to decide with. Shared by all its runs. */
export interface VersionPlan {
  readonly plan: Plan;
  readonly document: DagDocument;
  /** Params of tasks that have some of their own. */
  readonly taskParams: TaskParams;
  /** Position of the task whose return value is the run's result. */
  readonly resultTask: number | null;
}

export type TaskParams = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export interface CachedRun {
  readonly row: RunRow;
  readonly run: Run;
  readonly taskParams: TaskParams;
  readonly resultTask: number | null;
  /** The stored version this state is of. */
  version: number;
  lastUsedMs: number;
}

const MAX_VERSIONS = 1_000;

/**
 * Runs and dag versions kept in memory by the scheduler that handles them. Only speed: every write compares the run's version,
 * so a stale entry costs a second read and nothing else.
 */
export class RunCache {
  readonly #runs = new Map<RunId, CachedRun>();
  /** Told of every run that is forgotten. */
  dropped: (id: RunId) => void = () => {};
  readonly #versions = new Map<DagVersionId, VersionPlan>();
  #instances = 0;

  constructor(
    private readonly reader: RunReader,
    /** 0: nothing is kept. */
    private readonly maxInstances: number,
    private readonly isDefaultPoolCounted: () => boolean = () => false,
  ) {}

  get(id: RunId): CachedRun | undefined {
    return this.#runs.get(id);
  }

  get size(): { readonly runs: number; readonly instances: number } {
    return { runs: this.#runs.size, instances: this.#instances };
  }

  put(id: RunId, entry: CachedRun): void {
    this.#remove(id);
    this.#runs.set(id, entry);
    this.#instances += entry.run.instances.size;
    // Oldest first: a Map keeps the order of insertion, and `touch` renews it.
    for (const [oldest, old] of this.#runs) {
      if (this.#instances <= this.maxInstances || oldest === id) break;
      this.#runs.delete(oldest);
      this.#instances -= old.run.instances.size;
      this.dropped(oldest);
    }
  }

  drop(id: RunId): void {
    if (this.#remove(id)) this.dropped(id);
  }

  #remove(id: RunId): boolean {
    const entry = this.#runs.get(id);
    if (entry === undefined) return false;
    this.#runs.delete(id);
    this.#instances = Math.max(0, this.#instances - entry.run.instances.size);
    return true;
  }

  clear(): void {
    this.#runs.clear();
    this.#instances = 0;
  }

  /**
   * Reads runs with their instances. Runs that do not exist are missing from the answer.
   * @param on inside a transaction: a reader on its connection. A second connection could be one that waits for ours.
   */
  async load(ids: readonly RunId[], on: RunReader = this.reader): Promise<Map<RunId, CachedRun>> {
    const { runs, instances } = await on.load(ids);
    return this.assemble(runs, instances, on);
  }

  /** Runs as read, with their instances. @param on as in `load`. */
  async assemble(runs: readonly RunRow[], instances: readonly InstanceRow[], on: RunReader = this.reader): Promise<Map<RunId, CachedRun>> {
    await this.loadVersions(runs.map((run) => run.dagVersionId), on);
    const byRun = groupBy(instances, (row) => row.dagRunId);
    const counted = runs.filter((row) => row.version > 0 && asksForSlots(this.version(row.dagVersionId).plan, this.isDefaultPoolCounted())).map((row) => row.id);
    const slots = counted.length === 0 ? null : await on.slotsOf(counted);
    const loaded = new Map<RunId, CachedRun>();
    for (const row of runs) {
      const { plan, taskParams, resultTask } = this.version(row.dagVersionId);
      loaded.set(row.id, { row, taskParams, resultTask, run: loadRun(plan, factsOf(row), withSlots(byRun.get(row.id) ?? [], slots)), version: row.version, lastUsedMs: 0 });
    }
    return loaded;
  }

  /** Header and plan of runs without their instances: enough to tell a worker what to run. */
  async headers(ids: readonly RunId[]): Promise<Map<RunId, RunRow>> {
    const rows = await this.reader.headers(ids);
    await this.loadVersions(rows.map((row) => row.dagVersionId));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** A version that `load`, `headers` or `loadVersions` brought in. */
  version(id: DagVersionId): VersionPlan {
    const version = this.#versions.get(id);
    if (version === undefined) throw new Error(`dag version ${id} is not loaded`);
    return version;
  }

  /** @param on as in `load`. */
  async loadVersions(ids: readonly DagVersionId[], on: RunReader = this.reader): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#versions.has(id));
    if (missing.length === 0) return;
    for (const { id, document } of await on.documents(missing)) this.#versions.set(id, planOf(document));
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= MAX_VERSIONS || ids.includes(oldest)) break;
      this.#versions.delete(oldest);
    }
  }
}

function asksForSlots(plan: Plan, isDefaultPoolCounted: boolean): boolean {
  return isDefaultPoolCounted || plan.lines.some((line) => line.isCounted);
}

function withSlots(rows: readonly InstanceRow[], slots: ReadonlyMap<InstanceId, number> | null): readonly StoredInstance[] {
  if (slots === null || slots.size === 0) return rows;
  return rows.map((row) => {
    const slotsAskedAtMs = slots.get(row.id);
    return slotsAskedAtMs === undefined ? row : { ...row, slotsAskedAtMs };
  });
}

/** What the engine is told of a run. */
export function factsOf(row: RunRow): Parameters<typeof loadRun>[1] {
  return {
    id: row.id,
    createdAtMs: row.queuedAtMs,
    state: row.state,
    paused: row.paused,
    startedAtMs: row.startedAtMs,
    endedAtMs: row.endedAtMs,
    reason: row.reason,
    taskSelection: row.taskSelection,
    control: { switchedOff: row.switchedOff, retriesUsed: row.retriesUsed, retryAtMs: row.retryAtMs, watched: row.watched },
  };
}

function planOf(stored: unknown): VersionPlan {
  const document = dagDocumentSchema.parse(stored);
  const compiled = compilePlan(document as PlanSource);
  // Publication compiled it before it was stored; only a schema that changed underneath gets here.
  if (!compiled.ok) throw new MillraceError('invalid', `stored dag "${document.dagId}" cannot be planned: ${compiled.errors.map((error) => error.message).join('; ')}`);
  const taskParams = new Map(document.tasks.flatMap((task) => (Object.keys(task.params).length > 0 ? [[task.taskId, task.params] as const] : [])));
  return { plan: compiled.plan, document, taskParams, resultTask: compiled.plan.byId.get(document.resultTask ?? '') ?? null };
}
