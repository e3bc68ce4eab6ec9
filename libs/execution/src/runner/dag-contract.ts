import type { TaskContext } from './task-context.js';

/**
 * What a bundle offers: its module namespace exports `__millrace_dags__`, a Map of dag id to {@link DagLike}.
 * Shapes, not classes: every bundle carries its own copy of the SDK, so class identity means nothing here.
 */
export interface DagLike {
  readonly tasks: ReadonlyMap<string, TaskLike>;
}

export interface TaskLike {
  readonly operator: OperatorLike;
  readonly templateFields: readonly string[];
}

export interface OperatorLike {
  execute(context: TaskContext): unknown;
}

export const BUNDLE_EXPORT = '__millrace_dags__';
