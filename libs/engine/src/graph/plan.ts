import type { TriggerRule } from '@millrace/vocabulary';
import type { PlanDimension } from '../mapping/dimensions.js';
import type { TaskMapping } from '../mapping/edges.js';
import type { ExpandSource, PlanGroupSource } from '../mapping/map-source.js';

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
  /** What is different for some errors; the first rule that names the error counts. */
  readonly retryPolicy: readonly RetryRule[];
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
  /** Starts work on other platforms, which is stopped when nobody waits for it any more. */
  readonly external?: boolean | undefined;
  /** Changes of its instances that code of the author's is told of. */
  readonly callbacks?: readonly TaskCallback[];
  /** Assets and aliases it updates when it succeeds; absent: none. */
  readonly outlets?: readonly { readonly name: string; readonly uri: string }[] | undefined;
  readonly outletAliases?: readonly { readonly name: string }[] | undefined;
  readonly dependsOnPast?: boolean | undefined;
  readonly waitForDownstream?: boolean | undefined;
  readonly ignoreFirstDependsOnPast?: boolean | undefined;
  /** What the task is expanded over; null or left out: not mapped. */
  readonly expand?: ExpandSource | null;
  /** Instances of the task at once in all runs of the dag; in one run. null, or left out: no limit. */
  readonly maxActivePerDag?: number | null;
  readonly maxActivePerRun?: number | null;
}

export type TaskCallback = 'success' | 'failure' | 'retry' | 'skipped';
export type RunCallback = 'success' | 'failure';

/** null: as the task says. */
export interface RetryRule {
  /** Names of errors: their own, of a class of theirs, or their code. `*`: any. */
  readonly on: readonly string[];
  /** true: such an error fails the task at once. */
  readonly fail: boolean;
  readonly retries: number | null;
  readonly retryDelaySeconds: number | null;
  readonly retryExponentialBackoff: number | null;
  readonly maxRetryDelaySeconds: number | null;
}

export interface PlanSource {
  readonly dagId: string;
  readonly tasks: readonly PlanTaskSource[];
  readonly maxActiveTasks: number;
  /** Instances of the dag at once, in all its runs together. null, or left out: no limit. */
  readonly maxActiveTasksPerDag?: number | null;
  readonly placement?: 'any' | 'single-worker';
  readonly failFast: boolean;
  readonly dagrunTimeoutSeconds: number | null;
  readonly callbacks?: readonly RunCallback[];
  /** How often a failed run runs its failed tasks again, and after how long. */
  readonly runRetries?: number | undefined;
  readonly runRetryDelaySeconds?: number | undefined;
  readonly maxConsecutiveFailedRuns?: number | undefined;
  readonly groups?: readonly PlanGroupSource[];
  /** Instances one expansion may have. @default 1024 */
  readonly maxMapLength?: number;
}

/** A task with its edges as positions in `plan.tasks`. Immutable: shared by all runs of a dag version. */
export interface PlanTask extends Omit<PlanTaskSource, 'expand' | 'outlets' | 'outletAliases'> {
  readonly position: number;
  readonly callbacks: readonly TaskCallback[];
  readonly upstreamTasks: readonly number[];
  readonly downstreamTasks: readonly number[];
  /** By the weight rule: own + all downstream, own + all upstream, or own. */
  readonly effectivePriority: number;
  /** Setups that must have succeeded before it: those whose scope it is in; a teardown's are its direct upstream setups. */
  readonly setups: readonly number[];
  /** The other direction: tasks that stand under this setup. */
  readonly setupOf: readonly number[];
  /** It runs only when the run before lets it: `dependsOnPast`, or `waitForDownstream`, which implies it. */
  readonly looksBack: boolean;
  /** Dimensions of its index path, outermost first, by their position in `plan.dimensions`; empty: it has one instance. */
  readonly dims: readonly number[];
  /** null: neither it nor a neighbour has to do with mapping. */
  readonly mapping: TaskMapping | null;
  /** null: none, as with most tasks. */
  readonly outlets: Outlets | null;
  readonly maxActivePerDag: number | null;
  readonly maxActivePerRun: number | null;
  /** Position of its line in `plan.lines`. */
  readonly line: number;
}

/** What a task updates when it succeeds. */
export interface Outlets {
  readonly assets: readonly { readonly name: string; readonly uri: string }[];
  readonly aliases: readonly string[];
}

/** Tasks that wait for the same thing: room in one queue and, where `isCounted`, slots that are counted over all runs. */
export interface PlanLine {
  /** Position in `plan.queues`. */
  readonly queue: number;
  readonly isCounted: boolean;
}

/** The pool without a limit, unless somebody gives it one. Its tasks ask nobody (decision 0005). */
export const DEFAULT_POOL = 'default_pool';

export interface Plan {
  readonly dagId: string;
  readonly tasks: readonly PlanTask[];
  readonly byId: ReadonlyMap<string, number>;
  /** Tasks with nothing downstream, teardowns apart: they make the run's state. */
  readonly leaves: readonly number[];
  /** Mapped groups, loops and mapped tasks; outer ones before inner ones. */
  readonly dimensions: readonly PlanDimension[];
  /** All tasks inside a group, at any depth. */
  readonly groupMembers: ReadonlyMap<string, readonly number[]>;
  readonly maxMapLength: number;
  readonly queues: readonly string[];
  readonly lines: readonly PlanLine[];
  readonly maxActiveTasks: number;
  readonly maxActiveTasksPerDag: number | null;
  readonly placement: 'any' | 'single-worker';
  readonly failFast: boolean;
  readonly dagrunTimeoutSeconds: number | null;
  readonly callbacks: readonly RunCallback[];
  readonly runRetries: number;
  readonly runRetryDelayMs: number;
  readonly maxConsecutiveFailedRuns: number;
  /** Tasks whose end the same tasks of the next run wait for; null: none looks back, and nothing of it costs anything. */
  readonly lookedAt: ReadonlySet<number> | null;
  /** Whether any task starts work on other platforms. */
  readonly hasExternal: boolean;
}

/** Why a graph cannot be run, with what to mend. */
export interface GraphError {
  readonly code: 'duplicate_task' | 'unknown_upstream' | 'cycle' | 'no_such_task' | 'bad_value';
  readonly message: string;
  readonly taskIds: readonly string[];
}
