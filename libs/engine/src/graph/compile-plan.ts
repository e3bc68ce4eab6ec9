import { mappingOf } from '../mapping/dimensions.js';
import type { TaskMapping } from '../mapping/edges.js';
import { taskMappings } from '../mapping/edges.js';
import { effectivePriorities } from './priorities.js';
import type { GraphError, Plan, PlanSource, PlanTask, PlanTaskSource } from './plan.js';
import { planLines } from './plan-lines.js';
import { setupScopes } from './setup-scopes.js';

/** core.max_map_length, unless the plan's maker says otherwise. */
export const MAP_LENGTH_MAX = 1_024;
const NO_DIMS: readonly number[] = [];

/**
 * Checks a dag's graph and makes what runs share of it. Either all errors, or a plan.
 * O(tasks + edges), but for priorities (see `effectivePriorities`) and setups (O(tasks + edges) for each setup).
 */
export function compilePlan(source: PlanSource): { ok: true; plan: Plan } | { ok: false; errors: GraphError[] } {
  const errors: GraphError[] = [...badValues(source)];
  const byId = new Map<string, number>();
  source.tasks.forEach((task, position) => {
    if (byId.has(task.taskId)) errors.push(duplicate(task.taskId));
    else byId.set(task.taskId, position);
  });

  const upstream: number[][] = source.tasks.map((task) => {
    const positions: number[] = [];
    for (const id of task.upstream) {
      const position = byId.get(id);
      if (position === undefined) errors.push(unknownUpstream(task.taskId, id));
      else positions.push(position);
    }
    // An edge that is named twice is one.
    return positions.sort((a, b) => a - b).filter((position, i) => position !== positions[i - 1]);
  });
  const mapping = mappingOf(source, byId, upstream, errors);
  for (const [from, to] of mapping?.edges ?? []) if (upstream[to]?.includes(from) === false) upstream[to]?.push(from);
  if (mapping !== null) for (const parents of upstream) parents.sort((a, b) => a - b);

  const downstream: number[][] = source.tasks.map(() => []);
  upstream.forEach((parents, position) => parents.forEach((parent) => downstream[parent]?.push(position)));

  const order = topologicalOrder(upstream, downstream);
  if (order.length < source.tasks.length) errors.push(cycleError(source, upstream, order));
  if (errors.length > 0) return { ok: false, errors };

  const priorities = effectivePriorities(source.tasks, upstream, downstream, order);
  const scopes = setupScopes(source.tasks, upstream, downstream);
  const mappings = mapping === null ? null : taskMappings(mapping, { upstream, downstream, setups: scopes.setups, setupOf: scopes.setupOf });
  const { queues, lines, lineOf } = planLines(source);
  const tasks = source.tasks.map((task, position) =>
    planTask(
      task, position, upstream[position] ?? [], downstream[position] ?? [], priorities[position] ?? 0, scopes.setups[position] ?? [], scopes.setupOf[position] ?? [],
      mapping?.dims[position] ?? NO_DIMS, mappings?.[position] ?? null, lineOf[position] ?? 0,
    ),
  );
  const plan: Plan = {
    dagId: source.dagId,
    tasks,
    byId,
    leaves: leavesAmong(tasks, null),
    dimensions: mapping?.dimensions ?? [],
    groupMembers: groupMembers(source),
    maxMapLength: source.maxMapLength ?? MAP_LENGTH_MAX,
    queues,
    lines,
    maxActiveTasks: source.maxActiveTasks,
    maxActiveTasksPerDag: source.maxActiveTasksPerDag ?? null,
    placement: source.placement ?? 'any',
    failFast: source.failFast,
    dagrunTimeoutSeconds: source.dagrunTimeoutSeconds,
    callbacks: source.callbacks ?? NOBODY,
    runRetries: source.runRetries ?? 0,
    runRetryDelayMs: (source.runRetryDelaySeconds ?? 0) * 1000,
    maxConsecutiveFailedRuns: source.maxConsecutiveFailedRuns ?? 0,
    lookedAt: lookedAt(tasks),
    hasExternal: tasks.some((task) => task.external === true),
  };
  return { ok: true, plan };
}

const NOBODY: readonly never[] = [];

/** Field by field: a plan lives long, and must not keep alive what else a dag document says of its tasks; and a spread costs 20 µs. */
function planTask(
  task: PlanTaskSource,
  position: number,
  upstreamTasks: readonly number[],
  downstreamTasks: readonly number[],
  effectivePriority: number,
  setups: readonly number[],
  setupOf: readonly number[],
  dims: readonly number[],
  mapping: TaskMapping | null,
  line: number,
): PlanTask {
  return {
    taskId: task.taskId,
    operator: task.operator,
    upstream: task.upstream,
    triggerRule: task.triggerRule,
    retries: task.retries,
    retryDelaySeconds: task.retryDelaySeconds,
    retryExponentialBackoff: task.retryExponentialBackoff,
    maxRetryDelaySeconds: task.maxRetryDelaySeconds,
    retryPolicy: task.retryPolicy,
    executionTimeoutSeconds: task.executionTimeoutSeconds,
    onLost: task.onLost,
    queue: task.queue,
    pool: task.pool,
    poolSlots: task.poolSlots,
    priorityWeight: task.priorityWeight,
    weightRule: task.weightRule,
    group: task.group,
    isSetup: task.isSetup,
    isTeardown: task.isTeardown,
    onFailureFailDagRun: task.onFailureFailDagRun,
    owner: task.owner,
    external: task.external,
    callbacks: task.callbacks ?? NOBODY,
    position,
    upstreamTasks,
    downstreamTasks,
    effectivePriority,
    setups,
    setupOf,
    outlets: outletsOf(task),
    dependsOnPast: task.dependsOnPast,
    waitForDownstream: task.waitForDownstream,
    ignoreFirstDependsOnPast: task.ignoreFirstDependsOnPast,
    looksBack: task.dependsOnPast === true || task.waitForDownstream === true,
    dims,
    mapping,
    maxActivePerDag: task.maxActivePerDag ?? null,
    maxActivePerRun: task.maxActivePerRun ?? null,
    line,
  };
}

function outletsOf(task: PlanTaskSource): PlanTask['outlets'] {
  const { outlets = [], outletAliases = [] } = task;
  if (outlets.length + outletAliases.length === 0) return null;
  return { assets: outlets.map(({ name, uri }) => ({ name, uri })), aliases: outletAliases.map(({ name }) => name) };
}

/** Tasks that look back, and those directly behind the ones that wait for what was downstream. */
function lookedAt(tasks: readonly PlanTask[]): ReadonlySet<number> | null {
  const back = tasks.filter((task) => task.looksBack);
  if (back.length === 0) return null;
  return new Set(back.flatMap((task) => [task.position, ...(task.waitForDownstream === true ? task.downstreamTasks : [])]));
}

function groupMembers(source: PlanSource): Map<string, number[]> {
  const members = new Map<string, number[]>((source.groups ?? []).map((group) => [group.groupId, []]));
  const parents = new Map((source.groups ?? []).map((group) => [group.groupId, group.parent]));
  source.tasks.forEach((task, position) => {
    let steps = 0;
    for (let at: string | null | undefined = task.group; at != null && steps++ <= parents.size; at = parents.get(at)) members.get(at)?.push(position);
  });
  return members;
}

/**
 * The tasks that make a run's state: those with nothing downstream but teardowns, and teardowns that were told to fail the run.
 * A dag of teardowns only has its ends as leaves. `selection`: the tasks that exist in the run; null: all.
 */
export function leavesAmong(tasks: readonly PlanTask[], selection: ReadonlySet<number> | null): number[] {
  const present = selection === null ? tasks : tasks.filter((task) => selection.has(task.position));
  const inRun = (position: number): boolean => selection === null || selection.has(position);
  const ends = present.filter((task) =>
    task.isTeardown ? task.onFailureFailDagRun : task.downstreamTasks.every((below) => !inRun(below) || tasks[below]?.isTeardown === true),
  );
  const leaves = ends.length > 0 ? ends : present.filter((task) => !task.downstreamTasks.some(inRun));
  return leaves.map((task) => task.position);
}

/** Positions so that every task comes after its upstream; shorter than the tasks when there is a cycle. */
function topologicalOrder(upstream: readonly number[][], downstream: readonly number[][]): number[] {
  const missing = upstream.map((parents) => parents.length);
  const order = missing.flatMap((count, position) => (count === 0 ? [position] : []));
  for (let next = 0; next < order.length; next++) {
    for (const child of downstream[order[next] ?? -1] ?? []) {
      const left = (missing[child] ?? 0) - 1;
      missing[child] = left;
      if (left === 0) order.push(child);
    }
  }
  return order;
}

function cycleError(source: PlanSource, upstream: readonly number[][], order: readonly number[]): GraphError {
  const sorted = new Set(order);
  const left = source.tasks.findIndex((_, position) => !sorted.has(position));
  // Every task that was left over has an upstream that was: walking up must come round.
  const seenAt = new Map<number, number>();
  const walk: number[] = [];
  let at = left;
  while (!seenAt.has(at)) {
    seenAt.set(at, walk.length);
    walk.push(at);
    const parent: number | undefined = upstream[at]?.find((position) => !sorted.has(position));
    if (parent === undefined) break;
    at = parent;
  }
  const found = walk.slice(seenAt.get(at) ?? 0).reverse();
  const lowest = found.indexOf(Math.min(...found.slice(0, 10_000)));
  const ring = [...found.slice(lowest), ...found.slice(0, lowest)].map((position) => source.tasks[position]?.taskId ?? '');
  const path = [...ring, ring[0] ?? ''].join(' -> ');
  return { code: 'cycle', message: `the tasks depend on each other in a circle: ${path}. Remove one of these edges.`, taskIds: ring };
}

function duplicate(taskId: string): GraphError {
  return { code: 'duplicate_task', message: `there is more than one task "${taskId}". Give each task of the dag its own id.`, taskIds: [taskId] };
}

function unknownUpstream(taskId: string, id: string): GraphError {
  return {
    code: 'unknown_upstream',
    message: `task "${taskId}" waits for "${id}", which is not a task of the dag. Add it, or remove it from the upstream of "${taskId}".`,
    taskIds: [taskId, id],
  };
}

function* badValues(source: PlanSource): Generator<GraphError> {
  if (!(Number.isInteger(source.maxActiveTasks) && source.maxActiveTasks >= 1)) {
    yield badValue(`maxActiveTasks must be a whole number >= 1, got ${source.maxActiveTasks}`, []);
  }
  const perDag = source.maxActiveTasksPerDag ?? null;
  if (perDag !== null && !(Number.isInteger(perDag) && perDag >= 1)) yield badValue(`maxActiveTasksPerDag must be a whole number >= 1 or null, got ${perDag}`, []);
  const timeout = source.dagrunTimeoutSeconds;
  if (timeout !== null && !(timeout > 0)) yield badValue(`dagrunTimeoutSeconds must be > 0 or null, got ${timeout}`, []);
  for (const task of source.tasks) {
    if (!(Number.isInteger(task.retries) && task.retries >= 0)) yield badValue(`retries must be a whole number >= 0, got ${task.retries}`, [task.taskId]);
    if (!(Number.isFinite(task.retryDelaySeconds) && task.retryDelaySeconds >= 0)) {
      yield badValue(`retryDelaySeconds must be >= 0, got ${task.retryDelaySeconds}`, [task.taskId]);
    }
    for (const field of ['maxActivePerDag', 'maxActivePerRun'] as const) {
      const limit = task[field] ?? null;
      if (limit !== null && !(Number.isInteger(limit) && limit >= 1)) yield badValue(`${field} must be a whole number >= 1 or null, got ${limit}`, [task.taskId]);
    }
    if (!(Number.isInteger(task.poolSlots) && task.poolSlots >= 1)) yield badValue(`poolSlots must be a whole number >= 1, got ${task.poolSlots}`, [task.taskId]);
    if (!Number.isInteger(task.priorityWeight)) yield badValue(`priorityWeight must be a whole number, got ${task.priorityWeight}`, [task.taskId]);
    if (task.isSetup && task.isTeardown) yield badValue('a task cannot be setup and teardown at once', [task.taskId]);
  }
}

function badValue(what: string, taskIds: readonly string[]): GraphError {
  return { code: 'bad_value', message: taskIds[0] === undefined ? what : `${what} (task "${taskIds[0]}")`, taskIds };
}
