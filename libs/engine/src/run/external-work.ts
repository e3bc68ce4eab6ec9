import { isFinished } from '@millrace/vocabulary';
import type { Instance } from './run.js';
import type { Step } from './step.js';

/** An instance begins anew: what it started elsewhere is nobody's any more. */
export function abandonWork(step: Step, instance: Instance): void {
  if (step.run.plan.hasExternal) step.abandoned.add(instance);
}

/**
 * Work on other platforms is stopped when its instance was cleared, or has ended, however: marked, timed out, given up. One that ended by its
 * own word has ended its work too, and then there is nothing to stop. A try that will be followed by another leaves it alone.
 */
export function stopAbandonedWork(step: Step): void {
  const { plan } = step.run;
  if (!plan.hasExternal) return;
  for (const instance of step.touched.keys()) {
    if (plan.tasks[instance.task]?.external !== true || instance.attemptSeq === 0) continue;
    if (!isFinished(instance.state) && !step.abandoned.has(instance)) continue;
    step.outbox.push({ type: 'outbox', kind: 'external_stop', instanceId: instance.id, payload: { reason: instance.reason ?? instance.state ?? 'cleared' } });
  }
}
