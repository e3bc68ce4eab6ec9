import type { ExpandDocument, MapSourceDocument } from '@millrace/contracts';
import type { Sequence } from './sequence.js';
import { TaskOutput } from '../tasks/task-output.js';

/** What can be mapped over: a list, or the output of a task that gives one; an object gives its entries as `[key, value]`. */
export type Mappable<T> = readonly T[] | TaskOutput<readonly T[]> | TaskOutput<Sequence<T>> | Zipped<T> | (T extends readonly [string, infer V] ? Readonly<Record<string, V>> | TaskOutput<Readonly<Record<string, V>>> : never);

/** The elements of what can be mapped over. */
export type ElementType<M> = M extends Zipped<infer T>
  ? T
  : M extends TaskOutput<infer V>
    ? ElementsOf<V>
    : ElementsOf<M>;
type ElementsOf<V> = V extends Sequence<infer T> ? T : V extends readonly (infer T)[] ? T : V extends Readonly<Record<string, infer T>> ? readonly [string, T] : never;

/** Lists taken side by side; made by {@link zip}. */
export class Zipped<T> {
  /** Carries the type only. */
  declare readonly __element: T;
  constructor(readonly parts: readonly unknown[], readonly longest: boolean, readonly fill: unknown) {}
}

/**
 * Element i of each list together, as long as the shortest.
 * @example each.expand({ pair: zip(names, sizes) })
 */
export function zip<const L extends readonly unknown[]>(...lists: L): Zipped<{ -readonly [K in keyof L]: ElementType<L[K]> }> {
  return new Zipped(lists, false, null);
}

/** As long as the longest; `fill` stands for what the others lack. */
export function zipLongest<F, const L extends readonly unknown[]>(fill: F, ...lists: L): Zipped<{ -readonly [K in keyof L]: ElementType<L[K]> | F }> {
  return new Zipped(lists, true, fill);
}

export type MapSource =
  | { readonly from: 'literal'; readonly values: readonly unknown[] }
  | { readonly from: 'task'; readonly output: TaskOutput<unknown> }
  | { readonly from: 'zip'; readonly parts: readonly MapSource[]; readonly longest: boolean; readonly fill: unknown };

/** What a task or group is expanded over. Its identity is that of an entry in index paths. */
export class Expansion {
  constructor(readonly kind: 'args' | 'kwargs', readonly args: readonly { readonly name: string; readonly over: MapSource }[]) {}

  outputs(): readonly TaskOutput<unknown>[] {
    return this.args.flatMap(({ over }) => outputsOf(over));
  }

  document(): ExpandDocument {
    const [first] = this.args;
    if (this.kind === 'kwargs' && first !== undefined) return { kind: 'kwargs', over: sourceDocument(first.over) };
    return { kind: 'args', args: this.args.map(({ name, over }) => ({ name, over: sourceDocument(over) })) };
  }
}

/** @throws TypeError naming the argument that cannot be mapped over */
export function expansionOf(args: Readonly<Record<string, unknown>>): Expansion {
  const entries = Object.entries(args).filter(([, value]) => value !== undefined);
  if (entries.length === 0) throw new TypeError('expand needs at least one argument');
  return new Expansion('args', entries.map(([name, value]) => ({ name, over: sourceOf(value, `"${name}"`) })));
}

export function expansionOfInputs(list: unknown): Expansion {
  return new Expansion('kwargs', [{ name: '', over: sourceOf(list, 'the list') }]);
}

function sourceOf(value: unknown, what: string): MapSource {
  if (value instanceof TaskOutput) return { from: 'task', output: value as TaskOutput<unknown> };
  if (value instanceof Zipped) return { from: 'zip', parts: value.parts.map((part, i) => sourceOf(part, `${what}, list ${i + 1}`)), longest: value.longest, fill: value.fill };
  if (Array.isArray(value)) return { from: 'literal', values: value };
  if (typeof value === 'object' && value !== null && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)) return { from: 'literal', values: Object.entries(value) };
  throw new TypeError(`cannot map over ${what}: it must be a list, an object, zip(…) or the output of a task, got ${value === null ? 'null' : typeof value === 'object' ? (value.constructor?.name ?? 'an object') : JSON.stringify(value)}`);
}

function outputsOf(over: MapSource): TaskOutput<unknown>[] {
  return over.from === 'task' ? [over.output] : over.from === 'zip' ? over.parts.flatMap(outputsOf) : [];
}

function sourceDocument(over: MapSource): MapSourceDocument {
  if (over.from === 'literal') return { from: 'literal', values: JSON.parse(JSON.stringify(over.values)) as unknown[] };
  if (over.from === 'task') return { from: 'task', taskId: over.output.taskId, key: over.output.key };
  return { from: 'zip', parts: over.parts.map(sourceDocument), longest: over.longest, fill: over.fill };
}
