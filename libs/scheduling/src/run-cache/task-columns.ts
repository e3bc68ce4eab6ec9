import type { TaskColumns } from '@millrace/persistence';
import type { VersionPlan } from './run-cache.js';

/** What stored instances know of their tasks. */
export function taskColumnsOf({ plan }: VersionPlan): TaskColumns[] {
  return plan.tasks.map((task) => ({
    taskId: task.taskId, maxTries: task.retries, queue: task.queue, pool: task.pool, poolSlots: task.poolSlots, priorityWeight: task.effectivePriority, operator: task.operator, owner: task.owner,
  }));
}
