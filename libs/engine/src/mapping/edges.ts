import type { Mapping, LengthTerm } from './dimensions.js';
import { sharedDims } from './dimensions.js';

/** An edge between tasks of which at least one has an index path. */
export interface MappedEdge {
  readonly task: number;
  /** Instances belong together when they agree in so many entries of their paths. */
  readonly shared: number;
  /** Places in the upstream's path that are loops the edge leaves: then only their last iteration counts. null: none. */
  readonly loops: readonly number[] | null;
}

/** What the mapping of a dag says of one task. null in the plan: neither it nor a neighbour has anything to do with mapping. */
export interface TaskMapping {
  readonly below: readonly MappedEdge[];
  readonly setupOf: readonly MappedEdge[];
  /** `shared` is how much of *its own* path an upstream has in common with the task. */
  readonly above: readonly MappedEdge[];
  readonly setups: readonly MappedEdge[];
  /** Dimensions whose length this task's value says. */
  readonly feeds: readonly number[];
  /** XComs of it that somebody maps over: their lengths are kept with the instance. null: none. */
  readonly measuredKeys: readonly string[] | null;
  /** It is expanded over the values of a mapped task's instances, so its length follows their ends. */
  readonly collects: boolean;
  /** The loop whose condition it is; -1: none. */
  readonly conditionOf: number;
  /** Places in its path that are loops. */
  readonly loops: readonly number[];
}

interface Neighbours {
  readonly upstream: readonly (readonly number[])[];
  readonly downstream: readonly (readonly number[])[];
  readonly setups: readonly (readonly number[])[];
  readonly setupOf: readonly (readonly number[])[];
}

export function taskMappings(mapping: Mapping, { upstream, downstream, setups, setupOf }: Neighbours): (TaskMapping | null)[] {
  const { dims, dimensions } = mapping;
  const isLoop = (dimension: number | undefined): boolean => dimension !== undefined && dimensions[dimension]?.loop != null;
  const loopsOf = (position: number, from: number): number[] => (dims[position] ?? []).flatMap((dimension, at) => (at >= from && isLoop(dimension) ? [at] : []));
  const edge = (from: number, to: number, target: number): MappedEdge => {
    const shared = sharedDims(dims[from] ?? [], dims[to] ?? []);
    const loops = loopsOf(from, shared);
    return { task: target, shared, loops: loops.length > 0 ? loops : null };
  };
  const terms = dimensions.flatMap((dimension) => flat(dimension.lengths).map((term) => ({ term, dimension })));
  return dims.map((path, at) => {
    const neighbours = [upstream, downstream, setups, setupOf].flatMap((list) => list[at] ?? []);
    const own = terms.filter(({ term }) => term.task === at);
    if (path.length === 0 && own.length === 0 && neighbours.every((other) => (dims[other] ?? []).length === 0)) return null;
    const last = dimensions[path.at(-1) ?? -1];
    return {
      below: (downstream[at] ?? []).map((to) => edge(at, to, to)),
      setupOf: (setupOf[at] ?? []).map((to) => edge(at, to, to)),
      above: (upstream[at] ?? []).map((from) => edge(from, at, from)),
      setups: (setups[at] ?? []).map((from) => edge(from, at, from)),
      feeds: [...new Set(own.flatMap(({ term, dimension }) => (term.isMany ? [] : [dimension.position])))],
      measuredKeys: own.length === 0 ? null : [...new Set(own.map(({ term }) => term.key))],
      collects: last !== undefined && last.owner === at && flat(last.lengths).some((term) => term.isMany),
      conditionOf: dimensions.findIndex((dimension) => dimension.loop?.condition === at),
      loops: loopsOf(at, 0),
    };
  });
}

function flat(terms: readonly LengthTerm[]): Extract<LengthTerm, { of: 'task' }>[] {
  return terms.flatMap((term) => (term.of === 'task' ? [term] : term.of === 'zip' ? flat(term.parts) : []));
}
