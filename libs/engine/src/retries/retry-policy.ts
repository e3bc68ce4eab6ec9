import type { PlanTask, RetryRule } from '../graph/plan.js';
import type { RetryTerms } from './retry-delay.js';

/** How a failure is retried. */
export interface FailureTerms extends RetryTerms {
  /** Paid tries after the first that may follow; -1: not even what is left. */
  readonly retries: number;
}

/** Matches whatever the error is called. */
const ANY = '*';

/**
 * What a task's retry policy says of an error. `names`: the nearest first; the first rule that has any of them counts, and what it leaves
 * open is as the task says. A rule's retries count all paid tries of the task, not only those that failed this way.
 */
export function retryTerms(task: PlanTask, names: readonly string[]): FailureTerms {
  if (task.retryPolicy.length === 0) return task;
  const rule = task.retryPolicy.find(({ on }) => on.some((name) => name === ANY || names.includes(name)));
  return rule === undefined ? task : under(rule, task);
}

function under(rule: RetryRule, task: PlanTask): FailureTerms {
  return {
    retries: rule.fail ? -1 : (rule.retries ?? task.retries),
    retryDelaySeconds: rule.retryDelaySeconds ?? task.retryDelaySeconds,
    retryExponentialBackoff: rule.retryExponentialBackoff ?? task.retryExponentialBackoff,
    maxRetryDelaySeconds: rule.maxRetryDelaySeconds ?? task.maxRetryDelaySeconds,
  };
}
