import { groupBy } from '../group-by.js';
import { nameOf, type Observed } from '../observed.js';

const TOLD_AS: Readonly<Record<string, string>> = { success: 'success', failed: 'failure' };

/** What an author wants to be told of is told: one callback for each such end, told at least once, and nothing is told that did not happen. */
export function checkCallbacks({ instances, runs, documents, callbacks, told }: Observed): string[] {
  const found: string[] = [];
  const versionOf = new Map(runs.map((run) => [run.id, run.versionId]));
  const byName = groupBy(callbacks, (callback) => `${callback.dagId}/${callback.runId}/${callback.taskId ?? ''}/${callback.indexPath.join('.')}/${callback.kind}`);
  const lines = new Set(told.map((line) => line.id));
  const expect = (what: string, key: string, count: number): void => {
    const rows = byName.get(key) ?? [];
    if (rows.length !== count) found.push(`${what}: ${rows.length} callbacks instead of ${count}`);
  };
  for (const row of instances) {
    const wanted = documents.get(versionOf.get(row.dagRunId) ?? '')?.tasks.find((task) => task.taskId === row.taskId)?.callbacks ?? [];
    for (const on of wanted) {
      if (on !== 'success' && on !== 'failure') continue;
      expect(`${on} of ${nameOf(row)}, which is ${row.state ?? 'none'}`, `${row.dagId}/${row.runId}/${row.taskId}/${row.indexPath.join('.')}/${on}`, TOLD_AS[row.state ?? ''] === on ? 1 : 0);
    }
  }
  for (const run of runs) {
    for (const on of documents.get(run.versionId)?.callbacks ?? []) expect(`${on} of run ${nameOf(run)}, which is ${run.state}`, `${nameOf(run)}///${on}`, TOLD_AS[run.state] === on ? 1 : 0);
  }
  for (const callback of callbacks) if (callback.state === 'success' && !lines.has(callback.id)) found.push(`callback ${callback.id} (${callback.kind} of ${callback.dagId}/${callback.runId}/${callback.taskId ?? ''}) is a success, and nobody was told`);
  const known = new Set(callbacks.map((callback) => callback.id));
  for (const line of told) if (!known.has(line.id)) found.push(`callback ${line.id} was told, and there is no such callback`);
  return found;
}
