import type { PlanSource, PlanTaskSource } from '../graph/plan.js';
import { compilePlan } from '../graph/compile-plan.js';
import type { ExpandSource, MapSource } from '../mapping/map-source.js';

/** Whether a dag still breaks a promise, in this world or in one of a few like it. */
export type StillFails = (dag: PlanSource) => boolean;

/**
 * The smallest dag that can be found by leaving things out as long as it fails: tasks, many at first; then edges, expansions, groups, and whatever
 * is not as simple as it could be. Greedy, until nothing can go any more.
 */
export function smallest(dag: PlanSource, fails: StillFails): PlanSource {
  let best = dag;
  const tried = (next: PlanSource): boolean => {
    if (!compilePlan(next).ok || !fails(next)) return false;
    best = next;
    return true;
  };
  for (let before = ''; before !== JSON.stringify(best); ) {
    before = JSON.stringify(best);
    for (let chunk = Math.ceil(best.tasks.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
      for (let at = 0; at < best.tasks.length; ) if (best.tasks.length <= chunk || !tried(without(best, at, chunk))) at += chunk;
    }
    for (const simpler of simplerTerms(best)) tried({ ...best, ...simpler });
    for (let at = 0; at < best.tasks.length; at++) for (const simpler of simplerTasks(best, at)) tried(withTask(best, at, simpler));
    for (const group of best.groups ?? []) {
      tried(dissolved(best, group.groupId));
      tried({ ...best, groups: (best.groups ?? []).map((one) => (one === group ? { groupId: one.groupId, parent: one.parent } : one)) });
      if (group.expand != null) tried({ ...best, groups: (best.groups ?? []).map((one) => (one === group ? { ...one, expand: ONE_LITERAL } : one)) });
    }
  }
  return best;
}

const ONE_LITERAL: ExpandSource = { kind: 'args', args: [{ name: 'a', over: { from: 'literal', values: [0, 1] } }] };

function without(dag: PlanSource, from: number, count: number): PlanSource {
  const tasks = dag.tasks.filter((_, position) => position < from || position >= from + count);
  const ids = new Set(tasks.map((task) => task.taskId));
  const groups = (dag.groups ?? []).map((group) => ({
    ...group,
    expand: group.expand == null ? null : among(group.expand, ids),
    loop: group.loop != null && ids.has(group.loop.condition) ? group.loop : null,
  }));
  return { ...dag, groups, tasks: tasks.map((task) => ({ ...task, upstream: task.upstream.filter((id) => ids.has(id)), expand: task.expand == null ? null : among(task.expand, ids) })) };
}

/** What is expanded over a task that is gone is expanded over two elements. */
function among(expand: ExpandSource, ids: ReadonlySet<string>): ExpandSource {
  const over = (source: MapSource): MapSource => {
    if (source.from === 'zip') return { ...source, parts: source.parts.map(over) };
    return source.from === 'task' && !ids.has(source.taskId) ? { from: 'literal', values: [0, 1] } : source;
  };
  return expand.kind === 'kwargs' ? { kind: 'kwargs', over: over(expand.over) } : { kind: 'args', args: expand.args.map((argument) => ({ name: argument.name, over: over(argument.over) })) };
}

function dissolved(dag: PlanSource, groupId: string): PlanSource {
  const parent = dag.groups?.find((group) => group.groupId === groupId)?.parent ?? null;
  return {
    ...dag,
    groups: (dag.groups ?? []).filter((group) => group.groupId !== groupId).map((group) => (group.parent === groupId ? { ...group, parent } : group)),
    tasks: dag.tasks.map((task) => (task.group === groupId ? { ...task, group: parent } : task)),
  };
}

function* simplerTerms(dag: PlanSource): Generator<Partial<PlanSource>> {
  if (dag.failFast) yield { failFast: false };
  if (dag.dagrunTimeoutSeconds !== null) yield { dagrunTimeoutSeconds: null };
  if (dag.maxActiveTasks < 1_000) yield { maxActiveTasks: 1_000 };
}

function* simplerTasks(dag: PlanSource, at: number): Generator<Partial<PlanTaskSource>> {
  const task = dag.tasks[at];
  if (task === undefined) return;
  for (const gone of task.upstream) yield { upstream: task.upstream.filter((id) => id !== gone) };
  if (task.expand != null) yield { expand: null };
  if (task.expand != null && task.expand !== ONE_LITERAL) yield { expand: ONE_LITERAL };
  if (task.triggerRule !== 'all_success') yield { triggerRule: 'all_success' };
  if (task.retries > 0) yield { retries: 0 };
  if (task.retryPolicy.length > 0) yield { retryPolicy: [] };
  if (task.operator !== 'EmptyOperator') yield { operator: 'EmptyOperator' };
  if (task.isSetup || task.isTeardown) yield { isSetup: false, isTeardown: false };
  if (task.pool !== 'default_pool') yield { pool: 'default_pool' };
  if (task.maxActivePerRun !== null) yield { maxActivePerRun: null };
}

function withTask(dag: PlanSource, at: number, simpler: Partial<PlanTaskSource>): PlanSource {
  return { ...dag, tasks: dag.tasks.map((task, position) => (position === at ? { ...task, ...simpler } : task)) };
}
