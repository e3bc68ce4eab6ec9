import type { LogLevel } from '@millrace/task-logs';
import type { TaskContext } from './task-context.js';

/** Where the log of a try goes. */
export interface LogLines {
  write(logger: string, level: LogLevel, message: string): void;
}

/**
 * What a bundle offers: its module namespace exports `__millrace_dags__`, a Map of dag id to {@link DagLike}.
 * Shapes, not classes: every bundle carries its own copy of the SDK, so class identity means nothing here.
 */
export interface DagLike {
  readonly options?: unknown;
  readonly tasks: ReadonlyMap<string, TaskLike>;
  /** Names for templates by plugin: `macros.<plugin>.<name>`. */
  readonly macros?: Macros;
  /** Gives a mapped task the values of its index, and gives what takes them back; null: it is not mapped. Absent: a bundle of an earlier version. */
  bind?(taskId: string, context: TaskContext): Promise<(() => void) | null>;
  /** How much of its index path a task has in common with another, and how long that one's is. */
  sharedPath?(taskId: string, otherId: string): { readonly shared: number; readonly depth: number };
}

export type Macros = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface TaskLike {
  readonly operator: OperatorLike;
  readonly templateFields: readonly string[];
}

export interface OperatorLike {
  readonly options?: { readonly outlets?: unknown; readonly mapIndexTemplate?: unknown };
  execute(context: TaskContext): unknown;
}

export const BUNDLE_EXPORT = '__millrace_dags__';
