import type { Observed } from '../observed.js';

/** When all has settled nothing waits unexplained, and no lease is held without a process. */
export function checkLeftovers({ leftovers, sessions, liveWorkerPids }: Observed): string[] {
  const found: string[] = [];
  if (leftovers.unappliedEvents > 0) found.push(`${leftovers.unappliedEvents} events of runs are not applied`);
  if (leftovers.owedEffects > 0) found.push(`${leftovers.owedEffects} effects of decisions are not carried out`);
  if (leftovers.openCallbacks > 0) found.push(`${leftovers.openCallbacks} callbacks are not told`);
  if (leftovers.staleTimers > 0) found.push(`${leftovers.staleTimers} timers belong to runs that are over`);
  if (leftovers.deadLetters > 0) found.push(`${leftovers.deadLetters} dead letters`);
  if (leftovers.queuedMessages > 0) found.push(`${leftovers.queuedMessages} messages wait in task queues`);
  for (const session of sessions) {
    if ((session.state === 'active' || session.state === 'draining') && session.leaseExpired && !(session.pid !== null && liveWorkerPids.has(session.pid))) {
      found.push(`session ${session.id} of ${session.workerName} is ${session.state}, and its process is gone`);
    }
  }
  return found;
}
