import { LateValue } from './late-value.js';
import type { Operator } from './operator.js';
import { Wireable } from './wiring.js';

/**
 * What a task will have returned: a promise of the graph, not of JavaScript. Hand it to another task function, which
 * then receives the value and runs afterwards.
 */
export class TaskOutput<T> extends Wireable {
  /** Carries the type only. */
  declare readonly __value: T;

  /** @internal `allIterations`: of a loop not the last value but all. */
  constructor(readonly operator: Operator, readonly key: string, readonly allIterations = false) {
    super();
  }

  get taskId(): string {
    return this.operator.taskId;
  }

  /** Another XCom the same task pushes with `ti.xcomPush(key, …)`. */
  xcom<U = unknown>(key: string): TaskOutput<U> {
    return new TaskOutput<U>(this.operator, key);
  }

  /** @internal */
  ofAllIterations(): TaskOutput<unknown> {
    return new TaskOutput<unknown>(this.operator, this.key, true);
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
  | LateValue<T>
  | (unknown extends T ? never : T extends readonly unknown[] | { readonly [key: string]: unknown } | object ? { readonly [K in keyof T]: Wired<T[K]> } : never);

/** The tasks whose outputs stand anywhere in a value. */
export function outputsIn(value: unknown, found: TaskOutput<unknown>[] = []): TaskOutput<unknown>[] {
  if (value instanceof TaskOutput) found.push(value);
  else if (value instanceof LateValue) found.push(...(value as LateValue<unknown>).outputs());
  else if (isPlain(value)) for (const part of Object.values(value)) outputsIn(part, found);
  return found;
}

export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
