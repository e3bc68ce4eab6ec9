import type { AttemptId, InstanceId } from '@millrace/vocabulary';
import { leavesAmong } from '../graph/compile-plan.js';
import type { Plan, PlanTask } from '../graph/plan.js';
import { derivedUuid } from '../identity/derived-uuid.js';
import { claim, link, register } from './evolve.js';
import { ReadyQueue } from './ready-queue.js';
import type { Instance, Run, RunFacts, StoredInstance, UpstreamCounts } from './run.js';
import type { Step } from './step.js';

/** A run without instances yet: `started` makes them. */
export function createRun(plan: Plan, facts: RunFacts): Run {
  const selection =
    facts.taskSelection === null ? null : new Set(facts.taskSelection.flatMap((taskId) => plan.byId.get(taskId) ?? []));
  return {
    id: facts.id,
    plan,
    state: facts.state,
    paused: facts.paused,
    startedAtMs: facts.startedAtMs,
    endedAtMs: facts.endedAtMs,
    reason: facts.reason,
    instances: new Map(),
    book: {
      createdAtMs: facts.createdAtMs,
      selection,
      byTask: plan.tasks.map(() => []),
      leaves: selection === null ? plan.leaves : leavesAmong(plan.tasks, selection),
      ready: new ReadyQueue(plan),
      active: 0,
      unfinished: 0,
      undecided: 0,
    },
  };
}

/**
 * A run from its stored rows, equal to the one that wrote them; O(instances + edges).
 * `plan` must be that of the run's dag version: rows of tasks it does not have stay out.
 */
export function loadRun(plan: Plan, facts: RunFacts, stored: readonly StoredInstance[]): Run {
  const run = createRun(plan, facts);
  const found: Instance[] = [];
  for (const row of stored) {
    const task = plan.tasks[plan.byId.get(row.taskId) ?? -1];
    if (task !== undefined) found.push(instanceFrom(task, row));
  }
  // In the order they were made in, whatever order the rows came in: a replay must look at them in the same one.
  found.sort(inOrder);
  for (const instance of found) register(run, instance);
  for (const instance of run.instances.values()) link(run, instance);
  return run;
}

/** Makes the instances of all tasks that exist in the run, undecided. */
export function createInstances(step: Step): void {
  const { run } = step;
  for (const task of run.plan.tasks) {
    if (run.book.selection !== null && !run.book.selection.has(task.position)) continue;
    const id = derivedUuid(run.book.createdAtMs, `${run.id}/${task.taskId}/`) as InstanceId;
    const instance = instanceFrom(task, { ...UNDECIDED, id, taskId: task.taskId, maxTries: task.retries });
    register(run, instance);
    step.created.add(instance);
  }
  for (const instance of step.created) link(run, instance);
}

/**
 * Tells the run in memory that an attempt was claimed: queued -> running. Claims are not versioned, so a run in memory may
 * not know of one made elsewhere; whoever decides on `lost`, `cleared` or marks should load the rows or tell the claims first.
 * @returns whether it was the current, queued attempt.
 */
export function markClaimed(run: Run, instanceId: InstanceId, attemptId: AttemptId): boolean {
  const instance = run.instances.get(instanceId);
  if (instance === undefined || instance.state !== 'queued' || instance.attemptId !== attemptId) return false;
  claim(run, instance);
  return true;
}

const UNDECIDED = {
  indexPath: [],
  state: null,
  tryNumber: 0,
  freeTries: 0,
  attemptId: null,
  attemptSeq: 0,
  scheduledAtMs: null,
  queuedAtMs: null,
  endedAtMs: null,
  reason: null,
} as const;

/** Field by field, and the same way whether made or loaded: objects of one shape are what keeps an event at microseconds. */
function instanceFrom(task: PlanTask, row: StoredInstance): Instance {
  return {
    id: row.id,
    task: task.position,
    indexPath: row.indexPath,
    state: row.state,
    tryNumber: row.tryNumber,
    maxTries: row.maxTries,
    freeTries: row.freeTries,
    attemptId: row.attemptId,
    attemptSeq: row.attemptSeq,
    scheduledAtMs: row.scheduledAtMs,
    queuedAtMs: row.queuedAtMs,
    endedAtMs: row.endedAtMs,
    reason: row.reason,
    upstream: noCounts(),
    setups: task.setups.length > 0 ? noCounts() : null,
  };
}

function inOrder(a: Instance, b: Instance): number {
  if (a.task !== b.task) return a.task - b.task;
  const differing = a.indexPath.findIndex((index, i) => index !== b.indexPath[i]);
  return differing < 0 ? a.indexPath.length - b.indexPath.length : (a.indexPath[differing] ?? 0) - (b.indexPath[differing] ?? -1);
}

function noCounts(): UpstreamCounts {
  return { total: 0, success: 0, failed: 0, skipped: 0, upstreamFailed: 0, removed: 0 };
}
