import type { Structure } from '../rest/shapes.js';

export interface StructureDifference {
  /** Both versions in one: what was removed is still there, to be shown. */
  readonly merged: Structure;
  readonly marks: ReadonlyMap<string, 'added' | 'removed' | 'changed'>;
}

/** What is different between two versions of a graph. */
export function differenceOf(before: Structure, after: Structure): StructureDifference {
  const old = new Map(before.tasks.map((task) => [task.id, task]));
  const marks = new Map<string, 'added' | 'removed' | 'changed'>();
  for (const task of after.tasks) {
    const was = old.get(task.id);
    if (was === undefined) marks.set(task.id, 'added');
    // Where it is written moves with every line above it.
    else if (JSON.stringify({ ...was, defined_at: null, upstream: was.upstream.toSorted() }) !== JSON.stringify({ ...task, defined_at: null, upstream: task.upstream.toSorted() })) marks.set(task.id, 'changed');
    old.delete(task.id);
  }
  for (const id of old.keys()) marks.set(id, 'removed');
  const groups = new Map([...before.groups, ...after.groups].map((group) => [group.id, group]));
  return { merged: { ...after, tasks: [...after.tasks, ...old.values()], groups: [...groups.values()] }, marks };
}
