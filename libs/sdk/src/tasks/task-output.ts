import type { TaskContext } from '../context/task-context.js';
import type { Operator } from './operator.js';
import { Wireable } from './wiring.js';

/**
 * What a task will have returned: a promise of the graph, not of JavaScript. Hand it to another task function, which
 * then receives the value and runs afterwards.
 */
export class TaskOutput<T> extends Wireable {
  /** Carries the type only. */
  declare readonly __value: T;

  constructor(readonly operator: Operator, readonly key: string) {
    super();
  }

  get taskId(): string {
    return this.operator.taskId;
  }

  /** Another XCom the same task pushes with `ti.xcomPush(key, …)`. */
  xcom<U = unknown>(key: string): TaskOutput<U> {
    return new TaskOutput<U>(this.operator, key);
  }

  override entryTasks(): readonly Operator[] {
    return [this.operator];
  }
  override exitTasks(): readonly Operator[] {
    return [this.operator];
  }
}

/** A value, or the output of a task that will have it, at any depth. */
export type Wired<T> =
  | T
  | TaskOutput<T>
  | (unknown extends T ? never : T extends readonly unknown[] | { readonly [key: string]: unknown } | object ? { readonly [K in keyof T]: Wired<T[K]> } : never);

/** The tasks whose outputs stand anywhere in a value. */
export function outputsIn(value: unknown, found: TaskOutput<unknown>[] = []): TaskOutput<unknown>[] {
  if (value instanceof TaskOutput) found.push(value);
  else if (isPlain(value)) for (const part of Object.values(value)) outputsIn(part, found);
  return found;
}

/** The value with every output replaced by what the task has returned in this run. */
export async function resolveOutputs(value: unknown, context: TaskContext<object>): Promise<unknown> {
  if (value instanceof TaskOutput) return context.ti.xcomPull({ taskIds: value.taskId, key: value.key });
  if (Array.isArray(value)) return Promise.all(value.map((part) => resolveOutputs(part, context)));
  if (!isPlain(value)) return value;
  const entries = await Promise.all(Object.entries(value).map(async ([key, part]) => [key, await resolveOutputs(part, context)] as const));
  return Object.fromEntries(entries);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
