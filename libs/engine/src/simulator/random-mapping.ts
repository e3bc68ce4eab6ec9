import { compilePlan } from '../graph/compile-plan.js';
import type { PlanSource, PlanTaskSource } from '../graph/plan.js';
import type { ExpandSource, MapSource, PlanGroupSource } from '../mapping/map-source.js';
import type { Random } from './random.js';

type MutableTask = { -readonly [K in keyof PlanTaskSource]: PlanTaskSource[K] };

/**
 * Groups, mapped groups inside each other, loops and mapped tasks, put over a random dag. What cannot be (a group over two mapped results, say) is
 * left out: that it is refused is another spec's subject.
 */
export function withMapping(random: Random, dag: PlanSource): PlanSource {
  let best: PlanSource = { ...dag, groups: [], maxMapLength: random.pick([6, 12, 1_024]) ?? 12 };
  const tries = random.between(1, 7);
  for (let i = 0; i < tries; i++) {
    const next = random.chance(0.55) ? withGroup(random, best, i) : withMappedTask(random, best);
    if (next !== null && compilePlan(next).ok && sizeOf(next) <= MOST_INSTANCES) best = next;
  }
  return best;
}

/** Estimated with the longest lists there can be; a world of more takes too long. */
const MOST_INSTANCES = 1_500;
const LONGEST = 3;

/** Tasks that stand together in the order of the dag: an edge out of a group never comes back into it. */
function withGroup(random: Random, dag: PlanSource, number: number): PlanSource | null {
  const from = random.between(0, dag.tasks.length - 1);
  const to = Math.min(dag.tasks.length - 1, from + random.between(0, random.chance(0.8) ? 4 : 12));
  const inside = dag.tasks.slice(from, to + 1).filter((task) => !task.isTeardown || task.group === null);
  const parents = new Set(inside.map((task) => task.group));
  const groupId = `g${number}`;
  // Inside one group, or around whole ones, so that groups nest.
  const [parent] = parents;
  if (parents.size !== 1 || parent === undefined) return null;
  const group = groupOf(random, dag, groupId, parent, from, inside);
  if (group === null) return null;
  return { ...dag, tasks: dag.tasks.map((task) => (inside.includes(task) ? { ...task, group: groupId } : task)), groups: [...(dag.groups ?? []), group] };
}

function groupOf(random: Random, dag: PlanSource, groupId: string, parent: string | null, from: number, inside: readonly PlanTaskSource[]): PlanGroupSource | null {
  const dice = random.next();
  if (dice < 0.2) return { groupId, parent };
  if (dice < 0.45) {
    const condition = inside.findLast((task) => task.expand == null && !task.isTeardown && !task.isSetup);
    if (condition === undefined) return null;
    return { groupId, parent, loop: { condition: condition.taskId, max: random.between(1, 3), atMax: random.pick(['fail', 'succeed'] as const) ?? 'fail' } };
  }
  return { groupId, parent, expand: expansionOf(random, dag, from) };
}

function withMappedTask(random: Random, dag: PlanSource): PlanSource | null {
  const at = random.between(0, dag.tasks.length - 1);
  const task = dag.tasks[at];
  if (task === undefined || task.expand != null || (dag.groups ?? []).some((group) => group.loop?.condition === task.taskId)) return null;
  const mapped: MutableTask = { ...task, expand: expansionOf(random, dag, at) };
  return { ...dag, tasks: dag.tasks.map((other) => (other === task ? mapped : other)) };
}

function expansionOf(random: Random, dag: PlanSource, before: number): ExpandSource {
  const source = (): MapSource => {
    const task = before > 0 && random.chance(0.7) ? dag.tasks[random.between(Math.max(0, before - 6), before - 1)] : undefined;
    return task === undefined ? { from: 'literal', values: Array.from({ length: random.between(0, LONGEST) }, (_, i) => i) } : { from: 'task', taskId: task.taskId, key: 'return_value' };
  };
  const dice = random.next();
  if (dice < 0.6) return { kind: 'args', args: [{ name: 'a', over: source() }] };
  if (dice < 0.75) return { kind: 'kwargs', over: source() };
  if (dice < 0.9) return { kind: 'args', args: [{ name: 'a', over: source() }, { name: 'b', over: source() }] };
  return { kind: 'args', args: [{ name: 'a', over: { from: 'zip', parts: [source(), source()], longest: random.chance(0.5) } }] };
}

function sizeOf(dag: PlanSource): number {
  const compiled = compilePlan(dag);
  if (!compiled.ok) return Infinity;
  const { plan } = compiled;
  const longest = plan.dimensions.map(() => 0);
  const lengthOf = (position: number): number => {
    const known = longest[position];
    const dimension = plan.dimensions[position];
    if (dimension === undefined || (known !== undefined && known > 0)) return known ?? 1;
    longest[position] = LONGEST;
    const length = dimension.loop !== null ? dimension.loop.max : Math.min(plan.maxMapLength, LONGEST ** Math.max(1, dimension.lengths.length));
    longest[position] = dimension.lengths.some((term) => term.of === 'task' && term.isMany) ? Math.min(plan.maxMapLength, length * 4) : length;
    return longest[position] ?? 1;
  };
  return plan.tasks.reduce((sum, task) => sum + task.dims.reduce((product, position) => product * lengthOf(position), 1), 0);
}
