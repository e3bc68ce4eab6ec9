import type { TriggerRule } from '@millrace/vocabulary';
import type { Asset, AssetAlias } from '../assets/asset.js';
import type { TaskCallbacks } from '../callbacks/callbacks.js';
import type { Dag } from '../dag/dag.js';
import type { OptionNames } from '../definition-site/known-options.js';
import type { Duration } from '../durations/duration.js';

/** Options every task has. `defaultArgs` of a dag sets them for all its tasks. */
export interface TaskDefaults extends TaskCallbacks {
  /** Tries after the first that may fail. @default 0 */
  readonly retries?: number;
  /** Between two tries. @default '5m' */
  readonly retryDelay?: Duration;
  /** Growth of the delay: true doubles it each try, a number is the base. @default false */
  readonly retryExponentialBackoff?: boolean | number;
  /** The delay never grows beyond this. @default no limit */
  readonly maxRetryDelay?: Duration;
  /** What is different for some errors; the first rule that names the error counts. @default the same for all errors */
  readonly retryPolicy?: readonly RetryRule[];
  /** A try that takes longer is killed with its process tree and counts as failed. @default no limit */
  readonly executionTimeout?: Duration;
  /** When the task may run, from the states of its upstream tasks. @default 'all_success' */
  readonly triggerRule?: TriggerRule;
  /** Only workers that listen to this queue run the task. @default 'default' */
  readonly queue?: string;
  /** @default 'default_pool' */
  readonly pool?: string;
  /** Slots of the pool one try needs. @default 1 */
  readonly poolSlots?: number;
  /** Higher goes first when slots are short. @default 1 */
  readonly priorityWeight?: number;
  /** How the weights of other tasks count. @default 'downstream' */
  readonly weightRule?: 'downstream' | 'upstream' | 'absolute';
  /** Runs only if the same task of the previous run succeeded or was skipped. @default false */
  readonly dependsOnPast?: boolean;
  /** Like `dependsOnPast`, and its direct downstream tasks there have finished well too. @default false */
  readonly waitForDownstream?: boolean;
  /** The first run ever does not look back. @default true */
  readonly ignoreFirstDependsOnPast?: boolean;
  /** Tries at once over all runs of the dag. @default no limit */
  readonly maxActivePerDag?: number;
  /** Tries at once in one run (mapped tasks). @default no limit */
  readonly maxActivePerRun?: number;
  /** What happens when the worker was lost after the task had started. @default 'retry-policy' */
  readonly onLost?: 'retry-policy' | 'retry' | 'fail' | 'ask';
  /** @default 'millrace' */
  readonly owner?: string;
}

/** How failures of one kind are retried. What is left out is as the task says. */
export interface RetryRule {
  /**
   * The error: its class, its name, or its code (`ECONNRESET`), also of a class above it or of its cause; or several. `*` is any,
   * `TaskTimeout` an execution time-out, `AttemptLost` a lost worker, `TaskDeferralTimeout` a wait that took too long.
   */
  readonly on: RetriedError | readonly RetriedError[];
  /** Fail at once: another try would not help. @default false */
  readonly fail?: boolean;
  /** Tries after the first, over all errors. */
  readonly retries?: number;
  readonly delay?: Duration;
  /** true doubles the delay each try, a number is the base. */
  readonly exponentialBackoff?: boolean | number;
  readonly maxDelay?: Duration;
}

export type RetriedError = string | (abstract new (...args: never[]) => Error);

export interface OperatorOptions extends TaskDefaults {
  /** What people see instead of the index of a mapped instance. Template; `task` has the instance's fields, for a function `task.input`. @default the index */
  readonly mapIndexTemplate?: string;
  /** Shown instead of the id. */
  readonly displayName?: string;
  /** Markdown shown with the task. */
  readonly docMd?: string;
  /** Overlays the dag's params for this task. JSON values. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Runs before the tasks it is wired to, and is cleared with them. @default false */
  readonly setup?: boolean;
  /** Runs once its setups succeeded and its scope is done, even after failures. @default false */
  readonly teardown?: boolean;
  /** A failing teardown fails the run. @default false */
  readonly onFailureFailDagRun?: boolean;
  /** Assets this task updates when it succeeds; through an alias it chooses them when it runs. */
  readonly outlets?: readonly (Asset | AssetAlias)[];
  /** Assets this task reads. */
  readonly inlets?: readonly (Asset | AssetAlias)[];
  /** The dag, when the task is made outside of `dag(…, () => { … })`. */
  readonly dag?: Dag;
}

export const TASK_DEFAULTS: OptionNames<TaskDefaults> = {
  retries: true, retryDelay: true, retryExponentialBackoff: true, maxRetryDelay: true, retryPolicy: true, executionTimeout: true, triggerRule: true, queue: true, pool: true, poolSlots: true, priorityWeight: true,
  weightRule: true, dependsOnPast: true, waitForDownstream: true, ignoreFirstDependsOnPast: true, maxActivePerDag: true, maxActivePerRun: true, onLost: true, owner: true,
  onExecute: true, onSuccess: true, onFailure: true, onRetry: true, onSkipped: true,
};

/** Of every task. What a kind of task has besides is its own. */
export const OPERATOR_OPTIONS: OptionNames<OperatorOptions> = {
  ...TASK_DEFAULTS, mapIndexTemplate: true, displayName: true, docMd: true, params: true, setup: true, teardown: true, onFailureFailDagRun: true, outlets: true, inlets: true, dag: true,
};
