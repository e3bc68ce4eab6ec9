import { instancesOf } from '../mapping/instance-tree.js';
import type { RunEvent } from './events.js';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/*
 * `dependsOnPast`: whether the run before lets a task go is no fact of this run, so the engine asks for it (an effect of the decision) and is
 * told by an event. The answer holds for this decision only: a retry, or a clear, asks again, as Airflow looks again each time.
 */

/** The past lets these tasks go now. */
export function onPast(step: Step, event: Extract<RunEvent, { type: 'past' }>): string | null {
  const { run } = step;
  const open = event.open.flatMap((taskId) => run.plan.byId.get(taskId) ?? []);
  let waits = false;
  for (const position of open) {
    step.pastOpen.add(position);
    for (const instance of instancesOf(run, position)) {
      if (instance.state !== null) continue;
      waits = true;
      step.pending.push(instance);
    }
  }
  return waits ? null : 'none of these tasks waits for the past';
}

/** Whether an instance that could run has to wait for the past; if so, the past is asked once the decision is written. */
export function waitsForPast(step: Step, instance: Instance): boolean {
  const task = step.run.plan.tasks[instance.task];
  if (task?.looksBack !== true || step.pastOpen.has(instance.task)) return false;
  step.pastAsked.add(instance.task);
  return true;
}

/** What is owed to and from the runs before and after; nothing for a dag whose tasks do not look back. */
export function tellPast(step: Step): void {
  const { run, outbox } = step;
  const { lookedAt } = run.plan;
  if (lookedAt === null) return;
  const taskIds = [...step.pastAsked].map((position) => run.plan.tasks[position]?.taskId ?? '');
  if (taskIds.length > 0) outbox.push({ type: 'outbox', kind: 'past_look', instanceId: null, payload: { taskIds } });
  for (const instance of step.touched.keys()) {
    if (!lookedAt.has(instance.task) || (instance.state !== 'success' && instance.state !== 'skipped')) continue;
    outbox.push({ type: 'outbox', kind: 'past_done', instanceId: null, payload: {} });
    return;
  }
}
