import type { TaskCallback } from '../graph/plan.js';
import type { Instance, Run } from './run.js';
import type { Step } from './step.js';

/** Owes the author's code to be told of a change of an instance, if it asked to be. Before its try becomes history. */
export function tell(step: Step, instance: Instance, on: TaskCallback, reason: string): void {
  const task = step.run.plan.tasks[instance.task];
  if (task === undefined || task.callbacks.length === 0 || !task.callbacks.includes(on)) return;
  step.outbox.push({ type: 'outbox', kind: 'callback', instanceId: instance.id, payload: { on, taskId: task.taskId, tryNumber: instance.tryNumber, reason } });
}

/** The same of the run's end. */
export function tellOfRun(step: Step): void {
  const { run } = step;
  const on = run.state === 'success' ? 'success' : 'failure';
  if (run.plan.callbacks.includes(on)) step.outbox.push({ type: 'outbox', kind: 'callback', instanceId: null, payload: { on, taskId: null, tryNumber: 0, reason: run.reason ?? failedTasks(run) } });
}

function failedTasks(run: Run): string {
  const ids: string[] = [];
  for (const instance of run.instances.values()) {
    if (instance.state !== 'failed') continue;
    if (ids.length === 5) return `failed: ${ids.join(', ')} and others`;
    ids.push(run.plan.tasks[instance.task]?.taskId ?? '');
  }
  return ids.length === 0 ? '' : `failed: ${ids.join(', ')}`;
}
