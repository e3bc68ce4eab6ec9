import type { TaskContext } from '../context/task-context.js';
import type { Operator } from './operator.js';
import type { TaskOutput } from './task-output.js';

/** A value that is only known when a task runs and depends on its index: an element of a mapped group, the number of an iteration. */
export abstract class LateValue<T> {
  /** Carries the type only. */
  declare readonly __value: T;

  /** @internal tasks that must have ended before */
  abstract outputs(): readonly TaskOutput<unknown>[];
  /** @internal */
  abstract resolve(consumer: Operator, context: TaskContext<object>): Promise<unknown>;
  /** @internal for people who look at a task */
  abstract shown(): string;
}
