import { groupBy } from '../group-by.js';
import { attemptsOf, type LedgerAttempt } from '../ledger.js';
import { nameOf, type Observed, type ObservedTry } from '../observed.js';

/** Pools, a run's max_active_tasks and a worker's slots are never exceeded by attempts that are not lost. */
export function checkSlots({ ledger, instances, history, pools, sessions, runs, documents }: Observed): string[] {
  const rows = new Map([...history, ...instances].map((row) => [row.attemptId, row]));
  const counted = attemptsOf(ledger).flatMap((attempt) => {
    const row = rows.get(attempt.attempt);
    return row === undefined || attempt.endNs === null || row.state === 'lost' || /lost/i.test(row.reason ?? '') ? [] : [{ attempt, row }];
  });
  const found: string[] = [];
  const check = (what: string, limit: number, members: readonly { attempt: LedgerAttempt; row: ObservedTry }[], weight: (row: ObservedTry) => number): void => {
    const peak = peakOf(members.map(({ attempt, row }) => ({ from: attempt.startNs, to: attempt.endNs as bigint, weight: weight(row) })));
    if (peak > limit) found.push(`${what}: ${peak} at once, the limit is ${limit}`);
  };
  for (const pool of pools) if (pool.slots >= 0) check(`pool ${pool.name}`, pool.slots, counted.filter(({ row }) => row.pool === pool.name), (row) => row.poolSlots);
  for (const session of sessions) check(`worker ${session.workerName} (session ${session.id})`, session.slots, counted.filter(({ row }) => row.sessionId === session.id), () => 1);
  const byRun = groupBy(counted, ({ row }) => row.dagRunId);
  for (const run of runs) {
    const limit = documents.get(run.versionId)?.maxActiveTasks;
    if (limit !== undefined) check(`run ${nameOf(run)}`, limit, byRun.get(run.id) ?? [], () => 1);
  }
  return found;
}

function peakOf(intervals: readonly { readonly from: bigint; readonly to: bigint; readonly weight: number }[]): number {
  const edges = intervals.flatMap(({ from, to, weight }) => [{ at: from, change: weight }, { at: to, change: -weight }]);
  // An end at the same instant comes first: the slot is free again.
  edges.sort((a, b) => (a.at === b.at ? a.change - b.change : a.at < b.at ? -1 : 1));
  let now = 0;
  let peak = 0;
  for (const edge of edges) {
    now += edge.change;
    peak = Math.max(peak, now);
  }
  return peak;
}
