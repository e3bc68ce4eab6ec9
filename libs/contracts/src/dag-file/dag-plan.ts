import type { DagFile, GroupInFile, MapOverInFile, TaskInFile } from './dag-file.js';
import { isGroup } from './dag-file.js';
import { OPERATOR_OPTIONS, operatorClass } from './operator-options.js';
import type { DagFilePath, Place } from './read-dag-file.js';
import { dependenciesOf, placedEntries, resolveName } from './wiring-problems.js';

/** `[line, column]`, from 1. */
export type PlannedPlace = readonly [line: number, column: number];

export interface PlannedTask {
  readonly kind: 'task';
  /** Within its group. */
  readonly id: string;
  /** Name the operator's class is handed over by. */
  readonly operator: string;
  /** Everything but what has a place of its own here. */
  readonly options: Omit<TaskInFile, 'id' | 'operator' | 'from' | 'options' | 'dependsOn' | 'expand' | 'expandKwargs'>;
  /** The operator's own. */
  readonly own: Readonly<Record<string, unknown>>;
  readonly expand?: Readonly<Record<string, MapOverInFile>> | undefined;
  readonly expandKwargs?: MapOverInFile | undefined;
  readonly at: PlannedPlace;
}

export interface PlannedGroup {
  readonly kind: 'group';
  readonly options: Omit<GroupInFile, 'tasks' | 'dependsOn'>;
  readonly entries: readonly PlannedEntry[];
  readonly at: PlannedPlace;
}
export type PlannedEntry = PlannedTask | PlannedGroup;

/** A dag file made ready for the SDK, which builds the dag of it: all names are full ids, all places are known. */
export interface DagPlan {
  /** The dag file, relative to its folder. */
  readonly path: string;
  readonly dag: string;
  readonly options: Omit<DagFile, 'dag' | 'tasks'>;
  readonly entries: readonly PlannedEntry[];
  /** `[before, after, label]`, tasks or groups. */
  readonly edges: readonly (readonly [string, string, string?])[];
  readonly at: PlannedPlace;
  readonly scheduleAt: PlannedPlace;
}

/** Where the class of an operator comes from. */
export interface PlannedOperator {
  /** As in {@link PlannedTask.operator}. */
  readonly name: string;
  /** null: a built-in one. */
  readonly from: string | null;
  /** The first task that uses it. */
  readonly path: DagFilePath;
}

/** @param file that {@link readDagFile} has accepted */
export function planDag(file: DagFile, path: string, placeOf: (path: DagFilePath) => Place): { readonly plan: DagPlan; readonly operators: readonly PlannedOperator[] } {
  const placed = placedEntries(file);
  const ids = new Map(placed.map((one) => [one.fullId, one]));
  const byPath = new Map(placed.map((one) => [one.path.join('.'), one]));
  const operators = new Map<string, PlannedOperator>();
  const at = (where: DagFilePath): PlannedPlace => {
    const { line, column } = placeOf(where);
    return [line, column];
  };
  const entriesOf = (entries: readonly (TaskInFile | GroupInFile)[], under: DagFilePath): PlannedEntry[] => entries.map((entry, index) => {
    const where = [...under, index];
    if (isGroup(entry)) {
      const { tasks, dependsOn: _, ...options } = entry;
      return { kind: 'group', options, entries: entriesOf(tasks, [...where, 'tasks']), at: at(where) };
    }
    const { id, operator, from, options: own, dependsOn: _, expand, expandKwargs, ...options } = entry;
    const scope = byPath.get(where.join('.'))?.scope ?? '';
    const name = from === undefined ? operator : `${operator} of ${from}`;
    if (!operators.has(name)) operators.set(name, { name, from: from ?? null, path: where });
    const over = (source: MapOverInFile): MapOverInFile => {
      if (Array.isArray(source)) return source;
      if ('output' in source) return { ...source, output: resolveName(source.output, scope, ids) ?? source.output };
      return 'zip' in source ? { ...source, zip: source.zip.map(over) } : source;
    };
    return {
      kind: 'task', id, operator: name, options, own: { ...stoodFor(entry), ...own }, at: at(where),
      expand: expand === undefined ? undefined : Object.fromEntries(Object.entries(expand).map(([option, source]) => [option, over(source)])),
      expandKwargs: expandKwargs === undefined ? undefined : over(expandKwargs),
    };
  });
  const { dag, tasks, ...options } = file;
  const groupsAround = (id: string): string[] => {
    const parent = ids.get(id)?.parent ?? null;
    return parent === null ? [] : [...groupsAround(parent), parent];
  };
  const edges = placed.flatMap(({ entry, fullId, scope }) => dependenciesOf(entry).map(({ name, label }) => {
    const before = resolveName(name, scope, ids) ?? name;
    const around = groupsAround(before);
    const depth = groupsAround(fullId).filter((group, index) => around[index] === group).length;
    return { depth, edge: label === undefined ? ([before, fullId] as const) : ([before, fullId, label] as const) };
  }));
  // Innermost first: where an arrow to a group points at depends on the arrows within it.
  const sorted = edges.toSorted((a, b) => b.depth - a.depth).map(({ edge }) => edge);
  return { plan: { path, dag, options, entries: entriesOf(tasks, ['tasks']), edges: sorted, at: at(['dag']), scheduleAt: at(['schedule']) }, operators: [...operators.values()] };
}

/** A mapped option has its values at each index; a constructor that insists on one is given the first element, or an empty text. */
function stoodFor(task: TaskInFile): Record<string, unknown> {
  const first = (source: MapOverInFile | undefined): unknown => (Array.isArray(source) ? (source as readonly unknown[])[0] : undefined);
  const stood = Object.fromEntries(Object.entries(task.expand ?? {}).map(([option, source]) => [option, first(source) ?? '']));
  if (task.expandKwargs === undefined || task.from !== undefined) return stood;
  const name = operatorClass(task.operator);
  if (name === null) return stood;
  const shape = OPERATOR_OPTIONS[name as keyof typeof OPERATOR_OPTIONS].shape as Record<string, { safeParse(value: unknown): { success: boolean } }>;
  const required = Object.keys(shape).filter((option) => shape[option]?.safeParse(undefined).success === false);
  const element = first(task.expandKwargs);
  const given = typeof element === 'object' && element !== null ? (element as Record<string, unknown>) : {};
  return Object.fromEntries(required.map((option) => [option, given[option] ?? '']));
}
