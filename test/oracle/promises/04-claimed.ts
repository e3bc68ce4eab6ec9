import { attemptsOf } from '../ledger.js';
import type { Observed } from '../observed.js';

/** No start without a committed claim of that very attempt. */
export function checkClaimed({ ledger, instances, history }: Observed): string[] {
  const claimed = new Set([...instances, ...history].filter((row) => row.claimToken !== null).map((row) => row.attemptId));
  return attemptsOf(ledger).filter((attempt) => attempt.starts.length > 0 && !claimed.has(attempt.attempt))
    .map(({ attempt, first }) => `attempt ${attempt} of ${first.dag}/${first.run}/${first.task} try ${first.try} started, and no claim of it is in the database`);
}
