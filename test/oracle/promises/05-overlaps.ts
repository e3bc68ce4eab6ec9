import { groupBy } from '../group-by.js';
import { attemptsOf, instanceKey } from '../ledger.js';
import type { Observed } from '../observed.js';

/**
 * Two attempts of one task may overlap only when the earlier one was recorded as over (lost, timed out, cancelled) before the later
 * was claimed. An attempt without an end line may have run for ever: it overlaps with whatever came after.
 */
export function checkOverlaps({ ledger, instances, history }: Observed): string[] {
  const found: string[] = [];
  const recorded = new Map(history.map((row) => [row.attemptId, row]));
  const claims = new Map([...history, ...instances].map((row) => [row.attemptId, row.startDate ?? row.queuedAt]));
  const byInstance = groupBy(attemptsOf(ledger), (attempt) => instanceKey(attempt.first));
  for (const [key, attempts] of byInstance) {
    const ordered = attempts.toSorted((a, b) => (a.startNs < b.startNs ? -1 : 1));
    ordered.forEach((earlier, i) => {
      for (const later of ordered.slice(i + 1)) {
        if (earlier.endNs !== null && earlier.endNs <= later.startNs) continue;
        const row = recorded.get(earlier.attempt);
        const claimedAt = claims.get(later.attempt);
        const what = `${key}: attempt ${earlier.attempt} (try ${earlier.first.try}) ${earlier.endNs === null ? 'has no end' : 'ended later'} when attempt ${later.attempt} (try ${later.first.try}) started`;
        if (row === undefined || row.recordedAt === null) found.push(`${what}, and history does not have the earlier one`);
        else if (row.state === 'success') found.push(`${what}, and history calls the earlier one a success`);
        else if (claimedAt !== undefined && claimedAt !== null && row.recordedAt > claimedAt) found.push(`${what}, and it was recorded ${row.state} only ${row.recordedAt - claimedAt} ms after that claim`);
      }
    });
  }
  return found;
}
