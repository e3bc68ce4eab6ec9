import type { TaskContext } from '../context/task-context.js';

/** What happened, and the fence of telling it. */
export interface Told {
  /** Unique for each event. Use it as a fence in effects outside: a callback whose worker was lost runs again. */
  readonly id: string;
  readonly on: 'success' | 'failure' | 'retry' | 'skipped' | 'deadline';
  /** Why a try failed or a task was skipped; empty for success. */
  readonly reason: string;
  /** The state the instance, or the run, went into. */
  readonly state: string;
  /** Name of the deadline that was missed; null otherwise. */
  readonly deadline: string | null;
}

/**
 * The context of the try it is about. For a run's callback `taskId` is empty, and `runId` too when a deadline passed without any run.
 * What it pushes as XCom goes nowhere.
 */
export interface CallbackContext<P extends object = Readonly<Record<string, unknown>>> extends TaskContext<P> {
  readonly callback: Told;
}

/** An object that tells somebody, e.g. a chat or a pager. */
export interface Notifier {
  notify(context: CallbackContext): unknown;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a callback may be written for any dag's params
export type Callback = ((context: CallbackContext<any>) => unknown) | Notifier;
export type CallbackList = Callback | readonly Callback[];

const TASK_CALLBACKS = { success: 'onSuccess', failure: 'onFailure', retry: 'onRetry', skipped: 'onSkipped' } as const;

export interface TaskCallbacks {
  /** Runs in the task's own process before it; an error in it is logged and changes nothing. */
  readonly onExecute?: ((context: TaskContext) => unknown) | readonly ((context: TaskContext) => unknown)[];
  /**
   * Told when the task succeeded. This and the next three are kept in the database with the change itself and run by a worker of the
   * task's queue, also when the task's worker was killed: at least once, tried 3 times, within 60 s each.
   */
  readonly onSuccess?: CallbackList;
  /** Told when the task failed for good. */
  readonly onFailure?: CallbackList;
  /** Told when a try failed and another follows. */
  readonly onRetry?: CallbackList;
  /** Told when the task skipped itself. */
  readonly onSkipped?: CallbackList;
}

export interface DagCallbacks {
  /** Told when a run succeeded. */
  readonly onSuccess?: CallbackList;
  /** Told when a run failed. */
  readonly onFailure?: CallbackList;
}

/** Which changes somebody wants to be told of. @throws TypeError for what cannot be called */
export function toldOf(options: TaskCallbacks): ('success' | 'failure' | 'retry' | 'skipped')[] {
  for (const one of listOf(options.onExecute)) if (typeof one !== 'function') throw new TypeError('onExecute must be a function or a list of functions');
  return (Object.keys(TASK_CALLBACKS) as (keyof typeof TASK_CALLBACKS)[]).filter((on) => checked(options[TASK_CALLBACKS[on]], TASK_CALLBACKS[on]).length > 0);
}

export function toldOfRuns(options: DagCallbacks): ('success' | 'failure')[] {
  return (['success', 'failure'] as const).filter((on) => checked(options[TASK_CALLBACKS[on]], TASK_CALLBACKS[on]).length > 0);
}

/** @throws TypeError naming the option */
export function checked(given: CallbackList | undefined, name: string): readonly Callback[] {
  const list = listOf(given);
  for (const one of list) {
    if (typeof one !== 'function' && typeof (one as Partial<Notifier> | null)?.notify !== 'function') throw new TypeError(`${name} must be a function, an object with notify(context), or a list of them`);
  }
  return list;
}

function listOf<T>(given: T | readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
}
