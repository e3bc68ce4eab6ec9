import type { TaskContext } from '../context/task-context.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { LateValue } from '../tasks/late-value.js';
import { Operator } from '../tasks/operator.js';
import { makeGroup } from '../tasks/task-group.js';
import type { TaskGroup, TaskGroupOptions } from '../tasks/task-group.js';
import { TaskOutput, outputsIn } from '../tasks/task-output.js';
import type { Wired } from '../tasks/task-output.js';
import type { LoopTerms } from './loop-terms.js';
import { resolveInput, resolveOutput } from './resolve-input.js';
import { scopeOf, scopeOfGroup, sharedScope } from './scope.js';
import type { Sequence } from './sequence.js';

export interface LoopOptions<Result> {
  /** Iterations at most. */
  readonly max: number;
  /** Looked at after each iteration, with what the loop's function returned (name its type): true ends the loop. Runs as a task, `<loop>.until`. */
  readonly until?: LoopCondition<Result>;
  /** The other way round: true goes on. Runs as a task, `<loop>.while`. */
  readonly while?: LoopCondition<Result>;
  /** When it would go on after the last iteration: `fail` fails the condition's task, `succeed` ends the loop. @default 'fail' */
  readonly atMax?: 'fail' | 'succeed';
}

type LoopCondition<Result> = (value: Result, iteration: { readonly index: number; readonly max: number }, context: TaskContext) => boolean | Promise<boolean>;

/** Inside a loop. */
export interface LoopIteration {
  /** 0 in the first iteration. */
  readonly index: LateValue<number>;
  /** What the loop's function returned in the iteration before; null in the first. */
  previous<T>(): LateValue<T | null>;
}

/** A loop: outside of it, `value` is what its last iteration returned. */
export type Loop<V> = TaskGroup<V> & {
  /** What all iterations returned, in order. */
  readonly results: V extends TaskOutput<infer T> ? TaskOutput<Sequence<T>> : never;
};

/**
 * Repeats a group of tasks until a condition holds. Each iteration is a try of its own, with its own instances and logs; how the loop ended counts
 * by its last one.
 * @example
 * const job = loop('poll', { max: 20, until: (status: Status) => status.done }, ({ previous }) => look({ before: previous<Status>() }));
 * report(job.value);
 */
export function loop<Result, V extends Wired<Result>>(idOrOptions: string | TaskGroupOptions, options: LoopOptions<Result>, build: (iteration: LoopIteration) => V): Loop<V> {
  if (!Number.isInteger(options.max) || options.max < 1) throw new DagDefinitionError(`loop max must be a whole number ≥ 1, got ${JSON.stringify(options.max)}`);
  const condition = options.until ?? options.while;
  if (condition === undefined || (options.until !== undefined && options.while !== undefined)) throw new DagDefinitionError('a loop needs either `until` or `while`');
  const terms: LoopTerms = { max: options.max, atMax: options.atMax ?? 'fail' };
  const made = makeGroup<V>(idOrOptions, loop, (group) => {
    group.loop = terms;
    const value = build({ index: new IterationIndex(group as TaskGroup), previous: <T>() => new PreviousResult<T>(group as TaskGroup) });
    const ends = group.exitTasks();
    const asks = new LoopConditionOperator(options.until !== undefined ? 'until' : 'while', value, condition as LoopCondition<unknown>, options.until !== undefined, group as TaskGroup);
    for (const end of ends) asks.runsAfter(end);
    group.condition = asks as unknown as Operator;
    return value;
  });
  const results = made.value instanceof TaskOutput ? made.value.ofAllIterations() : undefined;
  return Object.assign(made, { results }) as unknown as Loop<V>;
}

/** Decides after each iteration whether there is another. */
class LoopConditionOperator extends Operator {
  static override readonly operatorName: string = '@loop';
  static override readonly uiColor: string = '#e6f0ff';

  constructor(id: string, protected readonly input: unknown, private readonly condition: LoopCondition<unknown>, private readonly isUntil: boolean, private readonly group: TaskGroup) {
    super(id);
    for (const output of outputsIn(input)) output.to(this);
  }

  override async execute(context: TaskContext): Promise<unknown> {
    const self = this as unknown as Operator;
    const index = context.indexPath[scopeOfGroup(this.group.parent).length] ?? 0;
    const holds = Boolean(await this.condition(await resolveInput(this.input, self, context), { index, max: this.group.loop?.max ?? 0 }, context));
    return { __millrace: 'loop', again: holds !== this.isUntil, value: holds };
  }
}

class IterationIndex extends LateValue<number> {
  constructor(private readonly group: TaskGroup) {
    super();
  }
  outputs(): readonly TaskOutput<unknown>[] {
    return [];
  }
  resolve(_: Operator, context: TaskContext<object>): Promise<number> {
    return Promise.resolve(context.indexPath[scopeOfGroup(this.group.parent).length] ?? 0);
  }
  shown(): string {
    return `index of ${this.group.groupId}`;
  }
}

class PreviousResult<T> extends LateValue<T | null> {
  constructor(private readonly group: TaskGroup) {
    super();
  }
  outputs(): readonly TaskOutput<unknown>[] {
    return [];
  }
  resolve(consumer: Operator, context: TaskContext<object>): Promise<unknown> {
    const at = scopeOfGroup(this.group.parent).length;
    const index = context.indexPath[at] ?? 0;
    if (index === 0) return Promise.resolve(null);
    return this.read(this.group.value, consumer, context, [...context.indexPath.slice(0, at), index - 1]);
  }
  shown(): string {
    return `previous result of ${this.group.groupId}`;
  }

  private async read(value: unknown, consumer: Operator, context: TaskContext<object>, before: readonly number[]): Promise<unknown> {
    if (value instanceof TaskOutput) {
      if (scopeOf(value.operator).length === before.length) return context.ti.xcomPull({ taskIds: value.taskId, key: value.key, indexPath: before });
      if (sharedScope(scopeOf(value.operator), scopeOf(consumer)) < before.length) return resolveOutput(value as TaskOutput<unknown>, consumer, context);
      throw new Error(`the previous result of loop "${this.group.groupId}" is that of a mapped task: collect it in a task of the loop, and return that`);
    }
    if (Array.isArray(value)) return Promise.all(value.map((part) => this.read(part, consumer, context, before)));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, part]) => [key, await this.read(part, consumer, context, before)] as const)));
  }
}
