import type { TriggerRule } from '@millrace/vocabulary';

/** What the engine needs of a task; a dag document's task fits as it is. */
export interface PlanTaskSource {
  readonly taskId: string;
  readonly operator: string;
  readonly upstream: readonly string[];
  readonly triggerRule: TriggerRule;
  readonly retries: number;
  readonly retryDelaySeconds: number;
  readonly retryExponentialBackoff: number;
  readonly maxRetryDelaySeconds: number | null;
  readonly executionTimeoutSeconds: number | null;
  readonly onLost: 'retry-policy' | 'retry' | 'fail' | 'ask';
  readonly queue: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly priorityWeight: number;
  readonly weightRule: 'downstream' | 'upstream' | 'absolute';
  readonly group: string | null;
  readonly isSetup: boolean;
  readonly isTeardown: boolean;
  readonly onFailureFailDagRun: boolean;
  readonly owner: string;
}

export interface PlanSource {
  readonly dagId: string;
  readonly tasks: readonly PlanTaskSource[];
  readonly maxActiveTasks: number;
  readonly failFast: boolean;
  readonly dagrunTimeoutSeconds: number | null;
}

/** A task with its edges as positions in `plan.tasks`. Immutable: shared by all runs of a dag version. */
export interface PlanTask extends PlanTaskSource {
  readonly position: number;
  readonly upstreamTasks: readonly number[];
  readonly downstreamTasks: readonly number[];
  /** By the weight rule: own + all downstream, own + all upstream, or own. */
  readonly effectivePriority: number;
  /** Setups that must have succeeded before it: those whose scope it is in; a teardown's are its direct upstream setups. */
  readonly setups: readonly number[];
  /** The other direction: tasks that stand under this setup. */
  readonly setupOf: readonly number[];
}

export interface Plan {
  readonly dagId: string;
  readonly tasks: readonly PlanTask[];
  readonly byId: ReadonlyMap<string, number>;
  /** Tasks with nothing downstream, teardowns apart: they make the run's state. */
  readonly leaves: readonly number[];
  readonly maxActiveTasks: number;
  readonly failFast: boolean;
  readonly dagrunTimeoutSeconds: number | null;
}

/** Why a graph cannot be run, with what to mend. */
export interface GraphError {
  readonly code: 'duplicate_task' | 'unknown_upstream' | 'cycle' | 'no_such_task' | 'bad_value';
  readonly message: string;
  readonly taskIds: readonly string[];
}
