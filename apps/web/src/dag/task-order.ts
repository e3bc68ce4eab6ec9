import type { GroupShape, Structure } from '../rest/shapes.js';

/** One line of a board, a gantt chart or a list of tasks. */
export interface TaskRow {
  readonly kind: 'task' | 'group';
  readonly id: string;
  readonly label: string;
  readonly depth: number;
  /** Places of its tasks in the structure's list; one for a task, all inside for a group. */
  readonly members: readonly number[];
  readonly isMapped: boolean;
  readonly isFolded: boolean;
  /** Only in older versions of the dag. */
  readonly isGone: boolean;
}

/** Tasks before what comes after them, groups around their tasks, folded groups as one row. */
export function taskRows(structure: Structure, folded: ReadonlySet<string>): readonly TaskRow[] {
  const { tasks, groups } = structure;
  const place = placesInOrder(structure);
  const groupOf = new Map(groups.map((group) => [group.id, group]));
  const children = new Map<string | null, { readonly group?: GroupShape; readonly task?: number; at: number }[]>();
  const put = (parent: string | null, child: { readonly group?: GroupShape; readonly task?: number; at: number }): void => {
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [child]);
    else list.push(child);
  };
  const membersOf = new Map<string, number[]>(groups.map((group) => [group.id, []]));
  for (let task = 0; task < tasks.length; task++) {
    const group = tasks[task]!.group;
    put(group !== null && groupOf.has(group) ? group : null, { task, at: place[task]! });
    const seen = new Set<string>();
    for (let up = group; up !== null && !seen.has(up); up = groupOf.get(up)?.parent ?? null) {
      seen.add(up);
      membersOf.get(up)?.push(task);
    }
  }
  for (const group of groups) {
    const members = membersOf.get(group.id)!;
    if (members.length > 0) put(group.parent !== null && groupOf.has(group.parent) ? group.parent : null, { group, at: Math.min(...members.map((task) => place[task]!)) });
  }
  const rows: TaskRow[] = [];
  const walk = (parent: string | null, depth: number): void => {
    for (const child of (children.get(parent) ?? []).toSorted((a, b) => a.at - b.at)) {
      if (child.group !== undefined) {
        const isFolded = folded.has(child.group.id);
        rows.push({ kind: 'group', id: child.group.id, label: child.group.label, depth, members: membersOf.get(child.group.id)!, isMapped: child.group.mapped, isFolded, isGone: false });
        if (!isFolded) walk(child.group.id, depth + 1);
      } else {
        const task = tasks[child.task!]!;
        // Ids repeat the group's; the label need not.
        const prefix = `${parent}.`;
        const label = task.label === task.id && parent !== null && task.id.startsWith(prefix) ? task.id.slice(prefix.length) : task.label;
        rows.push({ kind: 'task', id: task.id, label, depth, members: [child.task!], isMapped: task.mapped, isFolded: false, isGone: false });
      }
    }
  };
  walk(null, 0);
  return rows;
}

/** For each task its place in topological order; equals stay in the order of the dag file. A cycle, which no published dag has, ends up last. */
export function placesInOrder({ tasks }: Pick<Structure, 'tasks'>): readonly number[] {
  const index = new Map(tasks.map((task, at) => [task.id, at]));
  const waiting = tasks.map((task) => task.upstream.filter((id) => index.has(id)).length);
  const after: number[][] = tasks.map(() => []);
  tasks.forEach((task, at) => {
    for (const id of task.upstream) {
      const up = index.get(id);
      if (up !== undefined) after[up]!.push(at);
    }
  });
  const places: number[] = Array.from({ length: tasks.length }, () => tasks.length);
  const ready = waiting.flatMap((count, at) => (count === 0 ? [at] : []));
  for (let next = 0; next < ready.length; next++) {
    places[ready[next]!] = next;
    for (const at of after[ready[next]!]!) if (--waiting[at]! === 0) ready.push(at);
  }
  return places;
}
