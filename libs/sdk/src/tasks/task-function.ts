import type { TaskContext } from '../context/task-context.js';
import type { BranchChoice, ShortCircuit } from '../control-flow/control-flow.js';
import type { Dag } from '../dag/dag.js';
import { currentDag } from '../dag/current-dag.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import { unknownOption } from '../definition-site/known-options.js';
import type { OptionNames } from '../definition-site/known-options.js';
import type { JsonOf } from './json-shape.js';
import { Operator } from './operator.js';
import { OPERATOR_OPTIONS } from './operator-options.js';
import type { OperatorOptions } from './operator-options.js';
import { resolveInput } from '../mapping/resolve-input.js';
import type { Mappable } from '../mapping/expansion.js';
import type { Sequence } from '../mapping/sequence.js';
import { taskFunctionCalls } from './task-function-calls.js';
import { TaskOutput, outputsIn } from './task-output.js';
import type { Wired } from './task-output.js';

export interface TaskFunctionOptions extends OperatorOptions {
  readonly id: string;
}

/** Calling it makes a task of the dag, wired after the tasks whose outputs it is given. */
export interface TaskFunction<Input, Output> {
  (...input: InputArguments<Input>): TaskOutput<JsonOf<Awaited<Output>>>;
  /** The same function under other options, e.g. another id for each partition. */
  with(options: Partial<TaskFunctionOptions>): TaskFunction<Input, Output>;
  /** Part of the input, the same for all instances of a mapped task. @example load.partial({ table: 'flights' }).expand({ file: files }) */
  partial<P extends { readonly [K in keyof Input]?: Wired<Input[K]> }>(input: P): PartialTask<Omit<Input, keyof P>, Output>;
  /** One instance for each combination of the arguments' elements, the last argument fastest. @example square.expand({ x: numbers() }) */
  expand(args: { readonly [K in keyof Input]: Mappable<Input[K]> }): Mapped<Output>;
  /** One instance for each element, which is the whole input. @example copy.expandKwargs([{ from: 'a', to: 'b' }]) */
  expandKwargs(list: Mappable<Input>): Mapped<Output>;
}

/** A task function that has some of its input already. */
export interface PartialTask<Input, Output> {
  partial<P extends { readonly [K in keyof Input]?: Wired<Input[K]> }>(input: P): PartialTask<Omit<Input, keyof P>, Output>;
  expand(args: { readonly [K in keyof Input]: Mappable<Input[K]> }): Mapped<Output>;
  expandKwargs(list: Mappable<Input>): Mapped<Output>;
}

/** What comes out of a mapped task: the values of its instances in index order. */
export type Mapped<Output> = TaskOutput<Sequence<JsonOf<Awaited<Output>>>>;

/** None for a function that names no input; anything for `any`, which the author has switched off checking with. */
// oxlint-disable-next-line typescript/no-explicit-any -- it is the case being told apart
type InputArguments<Input> = 0 extends 1 & Input ? [input?: any] : unknown extends Input ? [] : [input: Wired<Input>];

/** The shape of {@link task}: one input (an object for several), then the context; a task without input leaves the first one out or unused. */
export type MakeTask<P extends object> = <Input, Output>(id: string | TaskFunctionOptions, run: (input: Input, context: TaskContext<P>) => Output) => TaskFunction<Input, Output>;

/** What a branch may choose: ids or tasks, one or several; null chooses nothing. */
export type Choice = string | Operator | TaskOutput<unknown> | null;
export type Choices = Choice | readonly Choice[];

export type MakeBranch<P extends object> = <Input>(id: string | TaskFunctionOptions, choose: (input: Input, context: TaskContext<P>) => Choices | Promise<Choices>) => TaskFunction<Input, readonly string[]>;

export interface ShortCircuitFunctionOptions extends TaskFunctionOptions {
  /** Skip everything downstream, or only the direct downstream tasks and let trigger rules decide the rest. @default 'all' */
  readonly skip?: 'all' | 'direct';
}

export type MakeShortCircuit<P extends object> = <Input>(id: string | ShortCircuitFunctionOptions, condition: (input: Input, context: TaskContext<P>) => unknown) => TaskFunction<Input, boolean>;

type Run = (input: unknown, context: TaskContext) => unknown;

/** @internal the three makers, bound to a dag or, with null, to the one being built */
export function taskMakers<P extends object>(dag: Dag | null): { task: MakeTask<P>; branch: MakeBranch<P>; shortCircuit: MakeShortCircuit<P> } {
  return {
    task: ((id: string | TaskFunctionOptions, run: Run) => maker(FunctionOperator, dag, id, run)) as MakeTask<P>,
    branch: ((id: string | TaskFunctionOptions, run: Run) => maker(BranchFunctionOperator, dag, id, run)) as MakeBranch<P>,
    shortCircuit: ((id: string | TaskFunctionOptions, run: Run) => maker(ShortCircuitFunctionOperator, dag, id, run)) as MakeShortCircuit<P>,
  };
}

function maker(kind: typeof FunctionOperator, dag: Dag | null, idOrOptions: string | TaskFunctionOptions, run: Run): TaskFunction<unknown, unknown> {
  const options = typeof idOrOptions === 'string' ? { id: idOrOptions } : idOrOptions;
  const unknown = unknownOption(`task ${JSON.stringify(options.id)}`, options, kind.optionNames);
  if (unknown !== null) throw new DagDefinitionError(unknown, definitionSite(maker as (...args: never[]) => unknown));
  if (typeof run !== 'function') throw new DagDefinitionError(`task ${JSON.stringify(options.id)} needs a function as second argument`, definitionSite(maker as (...args: never[]) => unknown));
  return taskFunctionCalls(
    (input, expansion, calledAs) => {
      const owner = options.dag ?? dag ?? currentDag();
      const id = owner === null ? options.id : owner.freeTaskId(options.id);
      const made = new kind(id, { ...options, ...(owner === null ? {} : { dag: owner }) }, run, input, calledAs);
      if (expansion !== null) made.expandOver(expansion);
      return new TaskOutput(made, 'return_value');
    },
    (more) => maker(kind, dag, { ...options, ...more }, run),
  ) as TaskFunction<unknown, unknown>;
}

const FUNCTION_OPTIONS: OptionNames<TaskFunctionOptions> = { id: true, ...OPERATOR_OPTIONS };
const SHORT_CIRCUIT_OPTIONS: OptionNames<ShortCircuitFunctionOptions> = { skip: true, ...FUNCTION_OPTIONS };

/** A task written as a function. */
class FunctionOperator extends Operator {
  static readonly optionNames: Readonly<Record<string, true>> = FUNCTION_OPTIONS;
  static override readonly operatorName: string = '@task';
  static override readonly uiColor: string = '#ffefeb';

  constructor(id: string, options: OperatorOptions, protected readonly run: Run, protected readonly input: unknown, calledAs: (...args: never[]) => unknown) {
    super(id, options, calledAs);
    for (const output of outputsIn(input)) output.to(this);
  }

  override get mapsInput(): boolean {
    return true;
  }

  override async execute(context: TaskContext): Promise<unknown> {
    return this.run(await resolveInput(this.input, this, context), context);
  }
}

class BranchFunctionOperator extends FunctionOperator {
  static override readonly operatorName: string = '@task.branch';

  override async execute(context: TaskContext): Promise<BranchChoice> {
    return branchChoice((await super.execute(context)) as Choices);
  }
}

class ShortCircuitFunctionOperator extends FunctionOperator {
  static override readonly optionNames = SHORT_CIRCUIT_OPTIONS;
  static override readonly operatorName: string = '@task.short_circuit';

  override async execute(context: TaskContext): Promise<ShortCircuit | true> {
    if (await super.execute(context)) return true;
    return { __millrace: 'short_circuit', mode: (this.options as ShortCircuitFunctionOptions).skip ?? 'all' };
  }
}

/** What a branch hands to the runner. @throws TypeError when the choice is neither task nor id */
export function branchChoice(choices: Choices): BranchChoice {
  const list: readonly Choice[] = Array.isArray(choices) ? (choices as readonly Choice[]) : [choices as Choice];
  const taskIds = list.filter((choice) => choice !== null && choice !== undefined).map((choice) => {
    if (typeof choice === 'string') return choice;
    if (choice instanceof Operator || choice instanceof TaskOutput) return choice.taskId;
    throw new TypeError(`a branch must return task ids or tasks, got ${JSON.stringify(choice)}`);
  });
  return { __millrace: 'branch', taskIds };
}

const loose = /* @__PURE__ */ taskMakers<Readonly<Record<string, unknown>>>(null);

/**
 * A task written as a function. Calling what it returns makes the task in the dag being built; its return type is the
 * argument type of the next one.
 * @example
 * const extract = task('extract', async (_, context) => [1, 2, context.tryNumber]);
 * const total = task({ id: 'total', retries: 2 }, (rows: number[]) => rows.reduce((a, b) => a + b, 0));
 * dag('sums', {}, () => { total(extract()); });
 */
export const task: MakeTask<Readonly<Record<string, unknown>>> = loose.task;
/** Chooses which direct downstream tasks run; the others are skipped. Return a task, an id, or a list. */
export const branch: MakeBranch<Readonly<Record<string, unknown>>> = loose.branch;
/** Goes on when the condition is truthy; otherwise skips what is downstream. */
export const shortCircuit: MakeShortCircuit<Readonly<Record<string, unknown>>> = loose.shortCircuit;
