import type { AttemptId, IndexPath, InstanceId, InstanceState, RunId, RunState } from '@millrace/vocabulary';
import type { Plan } from '../graph/plan.js';

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
  attemptId: AttemptId | null;
  /** Counts dispatches; attempt ids are derived from it, so that a replay finds the same. */
  attemptSeq: number;
  scheduledAtMs: number | null;
  queuedAtMs: number | null;
  endedAtMs: number | null;
  reason: string | null;
  /** Upstream instances by state, kept up to date at every change, so that an event costs O(affected). Not stored. */
  readonly upstream: UpstreamCounts;
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
