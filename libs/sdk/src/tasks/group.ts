import { expandGroup } from '../mapping/mapped-group.js';
import { makeGroup } from './task-group.js';
import type { TaskGroup, TaskGroupOptions } from './task-group.js';

/**
 * Makes a group of the tasks made in `build`. Their ids get the group's in front: `clean.dedupe`.
 * `group.expand` makes a mapped one.
 * @example const clean = group('clean', () => { dedupe.to(normalise); })
 */
export const group: MakeGroup = /* @__PURE__ */ Object.assign(plainGroup, { expand: expandGroup });

export interface MakeGroup {
  <V>(idOrOptions: string | TaskGroupOptions, build: () => V): TaskGroup<V>;
  readonly expand: typeof expandGroup;
}

function plainGroup<V>(idOrOptions: string | TaskGroupOptions, build: () => V): TaskGroup<V> {
  return makeGroup<V>(idOrOptions, plainGroup, build);
}
