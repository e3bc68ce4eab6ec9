import { allInstances } from '../mapping/instance-tree.js';
import { relatedInstances } from '../mapping/related.js';
import { clearInstance } from './clear-instance.js';
import type { Instance, Run } from './run.js';
import { withSetups } from './scopes.js';
import type { Step } from './step.js';

/** A run that would end failed and has retries left goes on waiting; true: it does. */
export function waitsForRetry(step: Step): boolean {
  const { run, nowMs } = step;
  const { control, plan } = run;
  if (control.retryAtMs !== null) return true;
  if (control.retriesUsed >= plan.runRetries) return false;
  control.retryAtMs = nowMs + plan.runRetryDelayMs;
  step.controlChanged = true;
  run.reason = `failed; its failed tasks run again at ${new Date(control.retryAtMs).toISOString()} (run retry ${control.retriesUsed + 1} of ${plan.runRetries})`;
  step.timers.push({ type: 'timer', kind: 'run_retry', instanceId: null, attemptSeq: 0, dueAtMs: control.retryAtMs });
  return true;
}

/** The run has got another end, or goes on: no retry is due any more. */
export function forgetRetry(step: Step): void {
  const { control } = step.run;
  if (control.retryAtMs === null) return;
  control.retryAtMs = null;
  step.controlChanged = true;
}

/** What failed runs again, with what did not run because of it. */
export function onRunRetry(step: Step): string | null {
  const { run, nowMs } = step;
  const { control } = run;
  if (run.state !== 'running' || control.retryAtMs === null) return 'no retry of the run is due';
  if (nowMs < control.retryAtMs) return 'the retry of the run is due later';
  control.retryAtMs = null;
  control.retriesUsed += 1;
  step.controlChanged = true;
  const reason = `run retry ${control.retriesUsed} of ${run.plan.runRetries}`;
  run.reason = reason;
  for (const instance of withSetups(run, failedAndBehind(run))) clearInstance(step, instance, reason);
  return null;
}

/** Failed and upstream_failed instances, and the skipped ones behind them or stopped by fail fast. */
function failedAndBehind(run: Run): Set<Instance> {
  const chosen = new Set<Instance>();
  for (const instance of allInstances(run)) if (instance.state === 'failed' || instance.state === 'upstream_failed') chosen.add(instance);
  for (const instance of chosen) {
    for (const position of run.plan.tasks[instance.task]?.downstreamTasks ?? []) {
      for (const below of relatedInstances(run, instance, position)) if (below.state === 'skipped' || below.state === 'success') chosen.add(below);
    }
  }
  if (run.plan.failFast) for (const instance of allInstances(run)) if (instance.state === 'skipped' && instance.reason?.startsWith('stopped because') === true) chosen.add(instance);
  return chosen;
}
