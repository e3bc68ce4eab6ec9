import { ID_PATTERN } from '@millrace/vocabulary';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import { currentDag } from '../dag/current-dag.js';
import type { Dag } from '../dag/dag.js';
import type { Expansion } from '../mapping/expansion.js';
import type { LoopTerms } from '../mapping/loop-terms.js';
import { nodeOf } from './operator.js';
import type { Operator } from './operator.js';
import { Wireable } from './wiring.js';

export interface TaskGroupOptions {
  readonly id: string;
  /** Shown instead of the id. */
  readonly label?: string;
  readonly tooltip?: string;
  /** Put the group's id before the ids of its tasks. @default true */
  readonly prefixIds?: boolean;
  readonly uiColor?: string;
  readonly uiFgColor?: string;
  readonly dag?: Dag;
}

/** Tasks drawn and wired as one: an arrow to the group points at its first tasks, one from it starts at its last. */
export class TaskGroup<Value = unknown> extends Wireable {
  readonly groupId: string;
  readonly members: Operator[] = [];
  readonly children: TaskGroup[] = [];
  /** What the function of the group returned, e.g. the output other tasks need. */
  value!: Value;
  /** @internal what it is expanded over */
  expansion: Expansion | null = null;
  /** @internal how it is repeated, and the task that says whether it goes on */
  loop: LoopTerms | null = null;
  /** @internal */
  condition: Operator | null = null;

  constructor(readonly options: TaskGroupOptions, readonly parent: TaskGroup | null) {
    super();
    this.groupId = parent === null ? options.id : parent.prefixed(options.id);
  }

  /** @internal */
  prefixed(id: string): string {
    if (this.options.prefixIds === false) return this.parent?.prefixed(id) ?? id;
    return `${this.groupId}.${id}`;
  }

  override entryTasks(): readonly Operator[] {
    const inside = this.allTasks();
    return [...inside].filter((task) => ![...nodeOf(task).upstream].some((upstream) => inside.has(upstream)));
  }

  override exitTasks(): readonly Operator[] {
    const inside = this.allTasks();
    const continued = new Set([...inside].flatMap((task) => [...nodeOf(task).upstream]));
    return [...inside].filter((task) => !continued.has(task));
  }

  private allTasks(): Set<Operator> {
    return new Set([...this.members, ...this.children.flatMap((child) => [...child.allTasks()])]);
  }
}

/** @internal `definedBy`: the function whose caller is the place of definition */
export function makeGroup<V>(idOrOptions: string | TaskGroupOptions, definedBy: (...args: never[]) => unknown, build: (group: TaskGroup<V>) => unknown): TaskGroup<V> {
  const options = typeof idOrOptions === 'string' ? { id: idOrOptions } : idOrOptions;
  const site = definitionSite(definedBy);
  const dag = options.dag ?? currentDag();
  if (dag === null) throw new DagDefinitionError(`group ${JSON.stringify(options.id)} is made outside of a dag`, site);
  const made = new TaskGroup<V>(options, dag.openGroup);
  if (!ID_PATTERN.test(made.groupId)) throw new DagDefinitionError(`unusable group id ${JSON.stringify(made.groupId)}: letters, digits, "_", "-" and "." are allowed, at most 250 characters`, site);
  dag.adoptGroup(made, site);
  try {
    made.value = dag.within(made, () => build(made)) as V;
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith('cannot map over')) throw new DagDefinitionError(`group "${made.groupId}": ${error.message}`, site);
    throw error;
  }
  return made;
}
