import { groupBy } from '../group-by.js';
import { instanceKey } from '../ledger.js';
import { nameOf, type Observed } from '../observed.js';

/** A task that needs all its parents' success starts after each of them has ended well. Only parents that keep a ledger count. */
export function checkOrder({ ledger, runs, documents, journal }: Observed): string[] {
  const found: string[] = [];
  const keepsLedger = new Set(ledger.map((line) => `${line.dag}/${line.task}`));
  const byRun = groupBy(ledger, (line) => `${line.dag}/${line.run}`);
  // A parent marked by hand never ended, and its children rightly start.
  const marked = new Set(journal.filter((entry) => entry.action === 'mark').map((entry) => `${entry.dagId}/${entry.runId}`));
  for (const run of runs) {
    if (marked.has(nameOf(run))) continue;
    const lines = byRun.get(nameOf(run)) ?? [];
    const goodEnds = groupBy(lines.filter((line) => line.event === 'end' && line.ok === true), (line) => line.task);
    const starts = groupBy(lines.filter((line) => line.event === 'start'), (line) => line.task);
    for (const task of documents.get(run.versionId)?.tasks ?? []) {
      if (task.triggerRule !== 'all_success') continue;
      const parents = task.upstream.filter((parent) => keepsLedger.has(`${run.dagId}/${parent}`) && (run.taskSelection?.includes(parent) ?? true));
      for (const start of starts.get(task.taskId) ?? []) {
        for (const parent of parents) {
          const ended = (goodEnds.get(parent) ?? []).some((end) => BigInt(end.ns) < BigInt(start.ns));
          if (!ended) found.push(`${instanceKey(start)} started before its parent ${parent} had ended well`);
        }
      }
    }
  }
  return found;
}
