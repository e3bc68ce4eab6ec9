import { attemptsOf } from '../ledger.js';
import type { Observed } from '../observed.js';

/** An attempt starts at most once. */
export function checkOneStart({ ledger }: Observed): string[] {
  return attemptsOf(ledger).filter((attempt) => attempt.starts.length > 1)
    .map(({ attempt, first, starts }) => `attempt ${attempt} of ${first.dag}/${first.run}/${first.task} started ${starts.length} times (pids ${starts.map((line) => line.pid).join(', ')})`);
}
