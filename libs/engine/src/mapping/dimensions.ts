import type { GraphError, PlanSource } from '../graph/plan.js';
import type { ExpandSource, LoopSource, MapSource, PlanGroupSource } from './map-source.js';
import { argumentsOf, sourceTasks } from './map-source.js';

/**
 * One entry of an index path: a mapped group, a loop, or a mapped task. A group that is expanded over a mapped group's result shares
 * that group's dimension, which is what chains them index by index.
 */
export interface PlanDimension {
  readonly position: number;
  /** Group or task it is of. */
  readonly name: string;
  /** Position of the task it is of; -1: it is of a group. */
  readonly owner: number;
  /** Its place in the index paths of its tasks. */
  readonly depth: number;
  /** The product of these is its length; empty for a loop. */
  readonly lengths: readonly LengthTerm[];
  /** Tasks whose path has it, by position. */
  readonly tasks: readonly number[];
  /** Dimensions directly inside. */
  readonly inner: readonly number[];
  readonly loop: { readonly max: number; readonly condition: number; readonly atMax: 'fail' | 'succeed' } | null;
}

export type LengthTerm =
  | { readonly of: 'literal'; readonly length: number }
  /** `shared`: how much of the index path the source has in common; `isMany`: its instances are the elements, not its value's parts. */
  | { readonly of: 'task'; readonly task: number; readonly key: string; readonly shared: number; readonly isMany: boolean }
  | { readonly of: 'zip'; readonly parts: readonly LengthTerm[]; readonly longest: boolean };

/** What mapping adds to a graph, while a plan is compiled. */
export interface Mapping {
  readonly dimensions: readonly PlanDimension[];
  /** By task: the dimensions of its index path, outermost first. */
  readonly dims: readonly (readonly number[])[];
  /** Edges that follow from expansions and loops: [upstream, downstream]. */
  readonly edges: readonly (readonly [number, number])[];
}

interface Draft {
  position: number;
  name: string;
  depth: number;
  prefix: readonly number[];
  expand: ExpandSource | null;
  loop: LoopSource | null;
  isGroup: boolean;
}

/** null: nothing is mapped. Errors are added to `errors`. */
export function mappingOf(source: PlanSource, byId: ReadonlyMap<string, number>, upstream: readonly (readonly number[])[], errors: GraphError[]): Mapping | null {
  const groups = new Map((source.groups ?? []).map((group) => [group.groupId, group]));
  const isMapped = source.tasks.some((task) => task.expand != null) || [...groups.values()].some((group) => group.expand != null || group.loop != null);
  return isMapped ? new MappingCompiler(source, byId, groups, upstream, errors).compile() : null;
}

export function sharedDims(a: readonly number[], b: readonly number[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}

class MappingCompiler {
  private readonly drafts: Draft[] = [];
  private readonly groupDims = new Map<string, readonly number[]>();
  private readonly taskDims = new Map<number, readonly number[]>();
  private readonly open = new Set<string>();

  constructor(
    private readonly source: PlanSource,
    private readonly byId: ReadonlyMap<string, number>,
    private readonly groups: ReadonlyMap<string, PlanGroupSource>,
    private readonly upstream: readonly (readonly number[])[],
    private readonly errors: GraphError[],
  ) {}

  compile(): Mapping {
    const dims = this.source.tasks.map((_, position) => this.dimsOfTask(position));
    const dimensions = this.drafts.map((draft): PlanDimension => {
      const tasks = dims.flatMap((path, position) => (path[draft.depth] === draft.position ? [position] : []));
      const inner = this.drafts.flatMap((other) => (other.depth === draft.depth + 1 && other.prefix.at(-1) === draft.position ? [other.position] : []));
      const lengths = draft.expand === null ? [] : argumentsOf(draft.expand).map((over) => this.term(over, draft));
      const owner = draft.isGroup ? -1 : (this.byId.get(draft.name) ?? -1);
      return { position: draft.position, name: draft.name, owner, depth: draft.depth, lengths, tasks, inner, loop: this.loopOf(draft, tasks) };
    });
    return { dimensions, dims, edges: [...this.edgesFromSources(), ...this.edgesFromLoops(dimensions, dims)] };
  }

  private dimsOfTask(position: number): readonly number[] {
    const known = this.taskDims.get(position);
    if (known !== undefined) return known;
    const task = this.source.tasks[position];
    const prefix = this.dimsOfGroup(task?.group ?? null);
    const dims = task?.expand == null ? prefix : [...prefix, this.draft({ name: task.taskId, depth: prefix.length, prefix, expand: task.expand, loop: null, isGroup: false })];
    this.taskDims.set(position, dims);
    return dims;
  }

  private dimsOfGroup(groupId: string | null): readonly number[] {
    const group = groupId === null ? undefined : this.groups.get(groupId);
    if (group === undefined || groupId === null) return [];
    const known = this.groupDims.get(groupId);
    if (known !== undefined) return known;
    if (this.open.has(groupId)) {
      this.bad(`group "${groupId}" is expanded over what is inside it, or is its own parent`, []);
      return [];
    }
    this.open.add(groupId);
    const prefix = this.dimsOfGroup(group.parent);
    const dims = group.expand == null && group.loop == null ? prefix : [...prefix, this.dimensionOfGroup(group, prefix)];
    this.open.delete(groupId);
    this.groupDims.set(groupId, dims);
    return dims;
  }

  private dimensionOfGroup(group: PlanGroupSource, prefix: readonly number[]): number {
    if (group.expand != null && group.loop != null) this.bad(`group "${group.groupId}" is a loop and expanded at once: put one inside the other`, []);
    if (group.expand != null) {
      const over = argumentsOf(group.expand);
      const sources = over.flatMap(sourceTasks).flatMap((taskId) => this.byId.get(taskId) ?? []);
      for (const source of sources) {
        const dims = this.dimsOfTask(source);
        const shared = sharedDims(prefix, dims);
        if (dims.length === shared) continue;
        const followed = dims[prefix.length];
        if (over.length === 1 && over[0]?.from === 'task' && shared === prefix.length && dims.length === shared + 1 && followed !== undefined && this.drafts[followed]?.loop == null) return followed;
        const name = this.source.tasks[source]?.taskId ?? '';
        this.bad(`group "${group.groupId}" is expanded over the mapped result of "${name}" and something else: expand it over that result alone, or collect the result in a task first`, [name]);
      }
    }
    return this.draft({ name: group.groupId, depth: prefix.length, prefix, expand: group.expand ?? null, loop: group.loop ?? null, isGroup: true });
  }

  private draft(draft: Omit<Draft, 'position'>): number {
    return this.drafts.push({ ...draft, position: this.drafts.length }) - 1;
  }

  private term(over: MapSource, draft: Draft): LengthTerm {
    if (over.from === 'literal') return { of: 'literal', length: Array.isArray(over.values) ? over.values.length : Object.keys(over.values).length };
    if (over.from === 'zip') return { of: 'zip', parts: over.parts.map((part) => this.term(part, draft)), longest: over.longest };
    const task = this.byId.get(over.taskId);
    if (task === undefined) {
      this.bad(`"${draft.name}" is expanded over the result of "${over.taskId}", which is not a task of the dag`, [over.taskId]);
      return { of: 'literal', length: 0 };
    }
    const dims = this.dimsOfTask(task);
    const shared = sharedDims(draft.prefix, dims);
    return { of: 'task', task, key: over.key, shared, isMany: dims.length > shared };
  }

  private loopOf(draft: Draft, tasks: readonly number[]): PlanDimension['loop'] {
    if (draft.loop === null) return null;
    const condition = this.byId.get(draft.loop.condition);
    if (!(Number.isInteger(draft.loop.max) && draft.loop.max >= 1)) this.bad(`loop "${draft.name}": max must be a whole number >= 1, got ${draft.loop.max}`, []);
    if (condition === undefined || !tasks.includes(condition) || this.dimsOfTask(condition).length !== draft.depth + 1) {
      this.bad(`loop "${draft.name}": its condition "${draft.loop.condition}" must be an unmapped task of the loop`, []);
    }
    return { max: draft.loop.max, condition: condition ?? -1, atMax: draft.loop.atMax };
  }

  /** Who is expanded over a result comes after it: the mapped task, or the first tasks of the mapped group. */
  private *edgesFromSources(): Generator<readonly [number, number]> {
    const { tasks } = this.source;
    const positionsOf = (expand: ExpandSource): number[] => argumentsOf(expand).flatMap(sourceTasks).flatMap((taskId) => this.byId.get(taskId) ?? []);
    for (const [position, task] of tasks.entries()) {
      if (task.expand != null) for (const from of positionsOf(task.expand)) yield [from, position];
    }
    for (const group of this.groups.values()) {
      if (group.expand == null) continue;
      const from = positionsOf(group.expand);
      if (from.length === 0) continue;
      const inside = new Set(tasks.flatMap((task, position) => (this.isInside(task.group, group.groupId) ? [position] : [])));
      for (const position of inside) if (!(this.upstream[position] ?? []).some((parent) => inside.has(parent))) for (const one of from) if (!inside.has(one)) yield [one, position];
    }
  }

  /** What comes after a task of a loop comes after the loop: whether it goes on is known when its condition has ended. */
  private *edgesFromLoops(dimensions: readonly PlanDimension[], dims: readonly (readonly number[])[]): Generator<readonly [number, number]> {
    for (const { loop, position, depth } of dimensions) {
      if (loop === null || loop.condition < 0) continue;
      for (const [below, parents] of this.upstream.entries()) {
        if (dims[below]?.[depth] === position) continue;
        if (parents.some((parent) => dims[parent]?.[depth] === position)) yield [loop.condition, below];
      }
    }
  }

  private isInside(groupId: string | null, outer: string): boolean {
    let steps = 0;
    for (let at = groupId; at !== null && steps++ <= this.groups.size; at = this.groups.get(at)?.parent ?? null) if (at === outer) return true;
    return false;
  }

  private bad(message: string, taskIds: readonly string[]): void {
    this.errors.push({ code: 'bad_value', message, taskIds });
  }
}
