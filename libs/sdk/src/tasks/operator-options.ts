import type { TriggerRule } from '@millrace/vocabulary';
import type { Dag } from '../dag/dag.js';
import type { Duration } from '../durations/duration.js';

/** Options every task has. `defaultArgs` of a dag sets them for all its tasks. */
export interface TaskDefaults {
  /** Tries after the first that may fail. @default 0 */
  readonly retries?: number;
  /** Between two tries. @default '5m' */
  readonly retryDelay?: Duration;
  /** Growth of the delay: true doubles it each try, a number is the base. @default false */
  readonly retryExponentialBackoff?: boolean | number;
  /** The delay never grows beyond this. @default no limit */
  readonly maxRetryDelay?: Duration;
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

export interface OperatorOptions extends TaskDefaults {
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
  /** Assets this task updates when it succeeds. */
  readonly outlets?: readonly Asset[];
  /** Assets this task reads. */
  readonly inlets?: readonly Asset[];
  /** The dag, when the task is made outside of `dag(…, () => { … })`. */
  readonly dag?: Dag;
}

/** A piece of data that tasks write and read, named by its URI. */
export interface Asset {
  readonly name: string;
  readonly uri: string;
  readonly group?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** @example const flights = asset('flights', 'postgres://warehouse/public/flights') */
export function asset(name: string, uri: string = name, more: Pick<Asset, 'group' | 'extra'> = {}): Asset {
  return { name, uri, ...more };
}
