import { attemptsOf } from '../ledger.js';
import type { Observed, ObservedDecision } from '../observed.js';

/**
 * No start without a committed claim of that very attempt. An attempt that was deferred is no row of its own any more, its try went on with another; that it
 * was taken back is kept with the decision it made, which was written only because its claim was the current one.
 */
export function checkClaimed({ ledger, instances, history, decisions }: Observed): string[] {
  const claimed = new Set<unknown>([...instances, ...history].filter((row) => row.claimToken !== null).map((row) => row.attemptId));
  for (const steps of decisions.values()) for (const attempt of steps.flatMap(waitingAttempts)) claimed.add(attempt);
  return attemptsOf(ledger).filter((attempt) => attempt.starts.length > 0 && !claimed.has(attempt.attempt))
    .map(({ attempt, first }) => `attempt ${attempt} of ${first.dag}/${first.run}/${first.task} try ${first.try} started, and no claim of it is in the database`);
}

/** Attempts that gave their slot back and wait. */
function waitingAttempts({ events }: ObservedDecision): unknown[] {
  return (events as readonly { type?: unknown; outcome?: unknown; attemptId?: unknown }[])
    .filter((event) => event.type === 'finished' && (event.outcome === 'deferred' || event.outcome === 'rescheduled'))
    .map((event) => event.attemptId);
}
