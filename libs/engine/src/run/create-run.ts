import type { AttemptId, InstanceId } from '@millrace/vocabulary';
import { leavesAmong } from '../graph/compile-plan.js';
import type { Plan } from '../graph/plan.js';
import { controlFrom } from './control.js';
import { claim, link, register } from './evolve.js';
import { inOrder, instanceFrom } from './new-instance.js';
import { ReadyLines } from './ready-lines.js';
import type { Instance, Run, RunFacts, StoredInstance } from './run.js';

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
      trees: plan.tasks.map((task) => (task.dims.length === 0 ? null : { root: null, undecided: 0, scheduled: 0 })),
      leaves: selection === null ? plan.leaves : leavesAmong(plan.tasks, selection),
      ready: new ReadyLines(plan),
      active: 0,
      unfinished: 0,
      undecided: 0,
    },
    control: controlFrom(plan, facts.control),
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
