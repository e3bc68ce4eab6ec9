import { nearest } from '@millrace/vocabulary';
import { isGroup } from './dag-file.js';
import type { DagFile, GroupInFile, MapOverInFile, TaskInFile } from './dag-file.js';

type Path = readonly (string | number)[];
type Problem = { readonly path: Path; readonly message: string };

/** One task or group of a dag file, with the id it has in the dag. */
export interface PlacedEntry {
  readonly entry: TaskInFile | GroupInFile;
  readonly path: Path;
  /** With the ids of enclosing groups. */
  readonly fullId: string;
  /** Prefix that names inside the same group have. */
  readonly scope: string;
  /** Full id of the enclosing group. */
  readonly parent: string | null;
}

/** All tasks and groups, outer before inner, in the order they are written in. */
export function placedEntries(file: DagFile): PlacedEntry[] {
  const placed: PlacedEntry[] = [];
  const walk = (entries: readonly (TaskInFile | GroupInFile)[], path: Path, scope: string, parent: string | null): void => {
    entries.forEach((entry, index) => {
      const at = [...path, index];
      const fullId = scope + (isGroup(entry) ? entry.group : entry.id);
      placed.push({ entry, path: at, fullId, scope, parent });
      if (isGroup(entry)) walk(entry.tasks, [...at, 'tasks'], entry.prefixIds === false ? scope : `${fullId}.`, fullId);
    });
  };
  walk(file.tasks, ['tasks'], '', null);
  return placed;
}

/** The full id a name means when it is written in `scope`: inside the same group first, then further out. */
export function resolveName(name: string, scope: string, ids: ReadonlySet<string> | ReadonlyMap<string, unknown>): string | null {
  for (let prefix = scope; ; prefix = prefix.slice(0, prefix.lastIndexOf('.', prefix.length - 2) + 1)) {
    if (ids.has(prefix + name)) return prefix + name;
    if (prefix === '') return null;
  }
}

export function dependenciesOf(entry: TaskInFile | GroupInFile): readonly { readonly name: string; readonly label: string | undefined; readonly at: Path }[] {
  const given = entry.dependsOn;
  if (given === undefined) return [];
  if (typeof given === 'string') return [{ name: given, label: undefined, at: ['dependsOn'] }];
  return given.map((one, index) => (typeof one === 'string' ? { name: one, label: undefined, at: ['dependsOn', index] } : { name: one.task, label: one.label, at: ['dependsOn', index, 'task'] }));
}

/** Ids used twice, names of tasks that are not there, cycles. */
export function wiringProblems(file: DagFile): Problem[] {
  const problems: Problem[] = [];
  const byId = new Map<string, PlacedEntry>();
  const placed = placedEntries(file);
  for (const one of placed) {
    const first = byId.get(one.fullId);
    if (first === undefined) byId.set(one.fullId, one);
    else problems.push({ path: [...one.path, isGroup(one.entry) ? 'group' : 'id'], message: `the id "${one.fullId}" is used twice in dag "${file.dag}"` });
  }
  const tasks = new Set([...byId.values()].filter(({ entry }) => !isGroup(entry)).map(({ fullId }) => fullId));
  const missing = (name: string, at: Path, what: string, among: Iterable<string>): void => {
    const close = nearest(name, [...among]);
    problems.push({ path: at, message: `"${name}" is no ${what} of this dag${close === null ? '' : `; did you mean "${close}"?`}` });
  };
  const edges = new Map<string, string[]>();
  for (const { entry, path, fullId, scope } of placed) {
    const upstream = dependenciesOf(entry).flatMap(({ name, at }) => {
      const found = resolveName(name, scope, byId);
      if (found === null) missing(name, [...path, ...at], 'task or group', byId.keys());
      else if (isGroup(entry) && found.startsWith(`${fullId}.`)) problems.push({ path: [...path, ...at], message: `a group cannot come after "${found}", which is inside it` });
      else return [found];
      return [];
    });
    if (!isGroup(entry)) {
      for (const { output, at } of mappedOutputs(entry)) {
        const found = resolveName(output, scope, tasks);
        if (found === null) missing(output, [...path, ...at], 'task', tasks);
        else upstream.push(found);
      }
    }
    edges.set(fullId, upstream);
  }
  if (file.resultTask !== undefined && !tasks.has(file.resultTask)) missing(file.resultTask, ['resultTask'], 'task', tasks);
  if (problems.length === 0) {
    const cycle = cycleIn(placed, edges);
    if (cycle !== null) problems.push({ path: byId.get(cycle[0] ?? '')?.path ?? ['tasks'], message: `the dag has a cycle: ${cycle.map((one) => `"${one}"`).join(' → ')}; a task cannot come after itself` });
  }
  return problems;
}

function mappedOutputs(task: TaskInFile): { readonly output: string; readonly at: Path }[] {
  const inside = (over: MapOverInFile, at: Path): { output: string; at: Path }[] => {
    if (Array.isArray(over)) return [];
    if ('output' in over) return [{ output: over.output, at: [...at, 'output'] }];
    return 'zip' in over ? over.zip.flatMap((part, index) => inside(part, [...at, 'zip', index])) : [];
  };
  return [...Object.entries(task.expand ?? {}).flatMap(([name, over]) => inside(over, ['expand', name])), ...(task.expandKwargs === undefined ? [] : inside(task.expandKwargs, ['expandKwargs']))];
}

/**
 * A cycle in running order, closed: `a → b → a`; null: none. A group stands for a node before its tasks and one after them. Without
 * recursion: a chain of 100,000 tasks must not overflow the stack.
 */
function cycleIn(placed: readonly PlacedEntry[], edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const BEGIN = '\0begin ';
  const groups = new Set(placed.filter(({ entry }) => isGroup(entry)).map(({ fullId }) => fullId));
  const upstreamOf = new Map<string, string[]>();
  const add = (node: string, before: readonly string[]): void => {
    const known = upstreamOf.get(node);
    if (known === undefined) upstreamOf.set(node, [...before]);
    else known.push(...before);
  };
  for (const { fullId, parent } of placed) {
    const isOfGroup = groups.has(fullId);
    // The end of a group waits for all in it, what is in it for its beginning, and its beginning for what the group comes after.
    add(isOfGroup ? BEGIN + fullId : fullId, [...(edges.get(fullId) ?? []), ...(parent === null ? [] : [BEGIN + parent])]);
    if (isOfGroup) add(fullId, [BEGIN + fullId]);
    if (parent !== null) add(parent, [fullId]);
  }
  const done = new Set<string>();
  for (const start of upstreamOf.keys()) {
    if (done.has(start)) continue;
    const stack = [{ node: start, rest: (upstreamOf.get(start) ?? []).values() }];
    const onPath = new Set([start]);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) {
        done.add(top.node);
        onPath.delete(top.node);
        stack.pop();
      } else if (onPath.has(next.value)) {
        const nodes = stack.slice(stack.findIndex(({ node }) => node === next.value)).map(({ node }) => node.replace(BEGIN, '')).reverse();
        const names = nodes.filter((name, index) => nodes.indexOf(name) === index);
        // Told from what is written first: the same cycle always reads the same.
        const first = names.indexOf(placed.find(({ fullId }) => names.includes(fullId))?.fullId ?? '');
        const turned = [...names.slice(first), ...names.slice(0, first)];
        return [...turned, turned[0] ?? ''];
      } else if (!done.has(next.value)) {
        onPath.add(next.value);
        stack.push({ node: next.value, rest: (upstreamOf.get(next.value) ?? []).values() });
      }
    }
  }
  return null;
}
