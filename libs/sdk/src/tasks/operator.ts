import type { DagDocumentInput } from '@millrace/contracts';
import { ID_PATTERN } from '@millrace/vocabulary';
import type { TaskContext } from '../context/task-context.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import type { DefinitionSite } from '../definition-site/definition-site.js';
import { currentDag } from '../dag/current-dag.js';
import type { Dag } from '../dag/dag.js';
import type { TaskGroup } from './task-group.js';
import type { JsonOf } from './json-shape.js';
import type { OperatorOptions } from './operator-options.js';
import type { Expansion, Mappable } from '../mapping/expansion.js';
import { expansionOf, expansionOfInputs } from '../mapping/expansion.js';
import type { Sequence } from '../mapping/sequence.js';
import { TaskOutput } from './task-output.js';
import { Wireable } from './wiring.js';

/** What the SDK knows of a task besides its author's own fields. */
export interface TaskNode {
  readonly dag: Dag;
  readonly group: TaskGroup | null;
  readonly site: DefinitionSite;
  readonly upstream: Set<Operator>;
  readonly edgeLabels: Map<Operator, string>;
  /** What it is expanded over; null: it has one instance. */
  expansion: Expansion | null;
}

/** What kinds of tasks may add to their documents. */
export type DocumentFields = Partial<Pick<NonNullable<DagDocumentInput['tasks']>[number], 'isSensor' | 'sensorTimeoutSeconds' | 'external'>>;

// Beside the object, not in it: an operator's own properties are its author's, and are shown to people as its fields.
const NODES = new WeakMap<Operator, TaskNode>();

/** @internal */
export function nodeOf(operator: Operator): TaskNode {
  const node = NODES.get(operator);
  if (node === undefined) throw new DagDefinitionError(`task "${operator.taskId}" was not made by its constructor`);
  return node;
}

/**
 * One task. Subclass it to make an operator of your own:
 * @example
 * export class PlusOperator extends Operator<number> {
 *   override execute({ params }: TaskContext): number {
 *     return Number(params['a']) + Number(params['b']);
 *   }
 * }
 * `Result` is what `execute` returns; it is kept as XCom `return_value` and types `.output`.
 */
export abstract class Operator<Result = unknown> extends Wireable {
  /** Shown as the operator's name. @default the name of the class */
  static readonly operatorName?: string;
  /** Colours of the box in the graph. */
  static readonly uiColor: string = '#fff';
  static readonly uiFgColor: string = '#000';

  /** Names of own properties that are templates: rendered before `execute`. */
  readonly templateFields: readonly string[] = [];
  /** Id within the dag, with the ids of enclosing groups: `group.task`. */
  readonly taskId: string;
  /** The options all tasks share, as given. */
  readonly options: OperatorOptions;

  /**
   * @param definedBy the function whose caller is the place of definition. @default the constructor
   * @throws DagDefinitionError for an id that is unusable or taken, and outside of a dag
   */
  constructor(id: string, options: OperatorOptions = {}, definedBy?: (...args: never[]) => unknown) {
    super();
    const site = definitionSite(definedBy ?? (new.target as unknown as (...args: never[]) => unknown));
    const dag = options.dag ?? currentDag();
    if (dag === null) throw new DagDefinitionError(`task ${JSON.stringify(id)} is made outside of a dag; make it inside dag('…', () => { … }) or give the option \`dag\``, site);
    const group = dag.openGroup;
    this.taskId = group === null ? id : group.prefixed(id);
    if (typeof id !== 'string' || !ID_PATTERN.test(this.taskId)) {
      throw new DagDefinitionError(`unusable task id ${JSON.stringify(this.taskId)} in dag "${dag.dagId}": letters, digits, "_", "-" and "." are allowed, at most 250 characters`, site);
    }
    this.options = options;
    NODES.set(this as unknown as Operator, { dag, group, site, upstream: new Set(), edgeLabels: new Map(), expansion: null });
    dag.adopt(this as unknown as Operator, site);
    group?.members.push(this as unknown as Operator);
  }

  /**
   * The work. Return a JSON value to keep it as XCom `return_value`; throw to fail the try;
   * call `skip()`, `fail()` or `defer()` to end in another way. Observe `context.signal` in long work.
   */
  abstract execute(context: TaskContext): Result | Promise<Result>;

  /** What this task will return, to hand to task functions: `load(extract.output)`. */
  get output(): TaskOutput<JsonOf<Awaited<Result>>> {
    return new TaskOutput(this as unknown as Operator, 'return_value');
  }

  /**
   * Maps the task: one instance for each combination of the arguments' elements, the last argument fastest. The arguments are fields of the
   * operator, which each instance has its own values of. Templates in them are rendered.
   * @example new BashOperator('greet', { bashCommand: '' }).expand({ bashCommand: ['echo a', 'echo b'] })
   */
  expand(args: { readonly [K in Exclude<keyof this, keyof Operator>]?: Mappable<this[K]> }): TaskOutput<Sequence<JsonOf<Awaited<Result>>>> {
    return this.mapped(() => expansionOf(args as Readonly<Record<string, unknown>>), this.expand);
  }

  /** The same with one list of objects, each of which holds the fields of an instance. */
  expandKwargs(list: Mappable<{ readonly [K in Exclude<keyof this, keyof Operator>]?: this[K] }>): TaskOutput<Sequence<JsonOf<Awaited<Result>>>> {
    return this.mapped(() => expansionOfInputs(list), this.expandKwargs);
  }

  /** @internal */
  expandOver(expansion: Expansion): void {
    const node = nodeOf(this as unknown as Operator);
    if (node.expansion !== null) throw new DagDefinitionError(`task "${this.taskId}" is expanded twice`, node.site);
    node.expansion = expansion;
    for (const output of expansion.outputs()) output.to(this);
  }

  /** @internal whether it is the field `input` that a mapped instance has its own of */
  get mapsInput(): boolean {
    return false;
  }

  private mapped(read: () => Expansion, calledAs: (...args: never[]) => unknown): TaskOutput<Sequence<JsonOf<Awaited<Result>>>> {
    try {
      const expansion = read();
      const unknown = expansion.args.find(({ name }) => name !== '' && !(name in this));
      if (unknown !== undefined) throw new TypeError(`expand names "${unknown.name}", but ${this.constructor.name} has no such property`);
      this.expandOver(expansion);
    } catch (error) {
      throw error instanceof TypeError ? new DagDefinitionError(`task "${this.taskId}": ${error.message}`, definitionSite(calledAs)) : error;
    }
    return new TaskOutput(this as unknown as Operator, 'return_value');
  }

  /** @internal what a kind of task adds to its document */
  documentFields(): DocumentFields {
    return {};
  }

  override entryTasks(): readonly Operator[] {
    return [this as unknown as Operator];
  }
  override exitTasks(): readonly Operator[] {
    return [this as unknown as Operator];
  }

  /** @internal */
  runsAfter(upstream: Operator, label?: string): void {
    const node = nodeOf(this as unknown as Operator);
    const other = nodeOf(upstream);
    if (node.dag !== other.dag) throw new DagDefinitionError(`task "${upstream.taskId}" of dag "${other.dag.dagId}" cannot be wired to "${this.taskId}" of dag "${node.dag.dagId}"`, node.site);
    node.upstream.add(upstream);
    if (label !== undefined) node.edgeLabels.set(upstream, label);
  }
}
