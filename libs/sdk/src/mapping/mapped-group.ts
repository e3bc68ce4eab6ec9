import type { TaskContext } from '../context/task-context.js';
import { LateValue } from '../tasks/late-value.js';
import type { Operator } from '../tasks/operator.js';
import { makeGroup } from '../tasks/task-group.js';
import type { TaskGroup, TaskGroupOptions } from '../tasks/task-group.js';
import { TaskOutput } from '../tasks/task-output.js';
import type { ElementType, Expansion, Mappable } from './expansion.js';
import { expansionOf } from './expansion.js';
import { readElements } from './read-elements.js';
import { resolveOutput } from './resolve-input.js';
import { scopeOfGroup } from './scope.js';
import type { Sequence } from './sequence.js';

/** In a mapped group: the element of this index. */
export type GroupInputs<A> = { readonly [K in keyof A]: LateValue<ElementType<A[K]>> };

/** From outside, an output of a mapped group is the sequence of its values. */
export type Collected<V> = V extends TaskOutput<infer T> ? TaskOutput<Sequence<T>> : V extends readonly unknown[] | Readonly<Record<string, unknown>> ? { readonly [K in keyof V]: Collected<V[K]> } : V;

/**
 * A group whose tasks run once for each combination of elements, each index by itself, depth first.
 * @example
 * const loaded = group.expand('file', { name: files() }, ({ name }) => load(read(name)));
 * report(loaded.value);
 */
export function expandGroup<A extends Readonly<Record<string, Mappable<never> | Mappable<unknown>>>, V>(idOrOptions: string | TaskGroupOptions, over: A, build: (inputs: GroupInputs<A>) => V): TaskGroup<Collected<V>> {
  const made = makeGroup<V>(idOrOptions, expandGroup, (group) => {
    const expansion = expansionOf(over);
    group.expansion = expansion;
    const inputs = Object.fromEntries(expansion.args.map(({ name }) => [name, new GroupElement(group as TaskGroup, expansion, name)]));
    return build(inputs as unknown as GroupInputs<A>);
  });
  for (const output of made.expansion?.outputs() ?? []) for (const entry of made.entryTasks()) if (entry !== output.operator) output.to(entry);
  return made as unknown as TaskGroup<Collected<V>>;
}

class GroupElement extends LateValue<unknown> {
  constructor(private readonly group: TaskGroup, private readonly expansion: Expansion, private readonly name: string) {
    super();
  }

  outputs(): readonly TaskOutput<unknown>[] {
    return [];
  }

  async resolve(consumer: Operator, context: TaskContext<object>): Promise<unknown> {
    const outer = scopeOfGroup(this.group.parent);
    const [only] = this.expansion.args;
    // Chained to another group: the value of the same index there.
    if (scopeOfGroup(this.group)[outer.length] !== this.expansion && only?.over.from === 'task') return resolveOutput(only.over.output, consumer, context);
    const index = context.indexPath[outer.length];
    if (index === undefined) throw new Error(`"${this.name}" of group "${this.group.groupId}" is only known inside the group`);
    const elements = (await readElements(this.expansion, outer, index, context)) as Readonly<Record<string, unknown>>;
    return elements[this.name];
  }

  shown(): string {
    return `element "${this.name}" of ${this.group.groupId}`;
  }
}
