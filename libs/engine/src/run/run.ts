import type { AttemptId, IndexPath, InstanceId, InstanceState, RunId, RunState } from '@millrace/vocabulary';
import type { Plan } from '../graph/plan.js';
import type { ReadyQueue } from './ready-queue.js';

/**
 * One task of one run, as the engine holds it in memory. Owned by the engine: only `decide` (through evolve) writes it.
 * The stored row has these fields too; times are milliseconds since 1970 UTC.
 */
export interface Instance {
  readonly id: InstanceId;
  /** Position of the task in `plan.tasks`. */
  readonly task: number;
  readonly indexPath: IndexPath;
  state: InstanceState;
  /** 0 before the first try. Grows for ever, through clears. */
  tryNumber: number;
  /** Try number up to which failures are retried: retries + tries that cost nothing. */
  maxTries: number;
  freeTries: number;
  /**
   * The attempt that is under way, or that brought the instance to its end. null: no try yet, or the last one is history
   * and the next dispatch begins a new try. Not null in `scheduled`: the same try goes on with a new attempt.
   */
  attemptId: AttemptId | null;
  /** Counts dispatches; attempt ids are derived from it, so that a replay finds the same. */
  attemptSeq: number;
  scheduledAtMs: number | null;
  queuedAtMs: number | null;
  endedAtMs: number | null;
  reason: string | null;
  /** Upstream instances by state, kept up to date at every change, so that an event costs O(affected). Not stored. */
  readonly upstream: UpstreamCounts;
  /** The same of the setups it stands under; null when there are none. Not stored. */
  readonly setups: UpstreamCounts | null;
}

export interface UpstreamCounts {
  total: number;
  success: number;
  failed: number;
  skipped: number;
  upstreamFailed: number;
  removed: number;
}

export interface Run {
  readonly id: RunId;
  readonly plan: Plan;
  state: RunState;
  paused: boolean;
  startedAtMs: number | null;
  endedAtMs: number | null;
  reason: string | null;
  readonly instances: Map<InstanceId, Instance>;
  readonly book: RunBook;
}

/** What the engine keeps beside the rows so that an event costs O(affected). Derived: `loadRun` makes it anew. Not stored. */
export interface RunBook {
  readonly createdAtMs: number;
  /** Positions of the tasks that exist in this run; null: all. */
  readonly selection: ReadonlySet<number> | null;
  /** Instances by position of their task. */
  readonly byTask: Instance[][];
  /** Tasks that make the run's state, by position. */
  readonly leaves: readonly number[];
  readonly ready: ReadyQueue;
  /** queued + running + restarting. */
  active: number;
  unfinished: number;
  /** In state none. */
  undecided: number;
}

/** What is known of a run when it is made or loaded. */
export interface RunFacts {
  readonly id: RunId;
  readonly createdAtMs: number;
  readonly state: RunState;
  readonly paused: boolean;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  /** null: every task of the plan; else only these exist in the run. */
  readonly taskSelection: readonly string[] | null;
}

/** A stored instance, as loading gives it back. */
export interface StoredInstance {
  readonly id: InstanceId;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly state: InstanceState;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly freeTries: number;
  readonly attemptId: AttemptId | null;
  readonly attemptSeq: number;
  readonly scheduledAtMs: number | null;
  readonly queuedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
}
