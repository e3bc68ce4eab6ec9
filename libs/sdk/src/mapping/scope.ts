import { nodeOf } from '../tasks/operator.js';
import type { Operator } from '../tasks/operator.js';
import type { TaskGroup } from '../tasks/task-group.js';
import type { Expansion } from './expansion.js';
import type { LoopTerms } from './loop-terms.js';

/** What an entry of an index path is of: the engine counts the same ones from the dag document. */
export type Dimension = Expansion | LoopTerms;

export function isLoop(dimension: Dimension): dimension is LoopTerms {
  return 'max' in dimension;
}

/** The entries of a task's index path, outermost first. */
export function scopeOf(operator: Operator): readonly Dimension[] {
  const { group, expansion } = nodeOf(operator);
  const outer = scopeOfGroup(group);
  return expansion === null ? outer : [...outer, expansion];
}

export function scopeOfGroup(group: TaskGroup | null): readonly Dimension[] {
  if (group === null) return [];
  const outer = scopeOfGroup(group.parent);
  if (group.loop !== null) return [...outer, group.loop];
  return group.expansion === null ? outer : [...outer, followed(group.expansion, outer) ?? group.expansion];
}

export function sharedScope(a: readonly Dimension[], b: readonly Dimension[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}

/** A group expanded over the result of a mapped group or task goes on index by index: it shares that one's entry. */
function followed(expansion: Expansion, outer: readonly Dimension[]): Dimension | null {
  const [only] = expansion.args;
  if (expansion.args.length !== 1 || only?.over.from !== 'task') return null;
  const scope = scopeOf(only.over.output.operator);
  const last = scope.at(-1);
  return scope.length === outer.length + 1 && sharedScope(outer, scope) === outer.length && last !== undefined && !isLoop(last) ? last : null;
}
