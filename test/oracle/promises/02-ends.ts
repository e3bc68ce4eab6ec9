import { groupBy } from '../group-by.js';
import { FINISHED, nameOf, type Observed } from '../observed.js';

/** Every run ended within the deadline the caller waited for, none is quarantined, and each of its tasks has an end. */
export function checkEnds({ runs, instances, documents }: Observed): string[] {
  const found: string[] = [];
  const byRun = groupBy(instances, (instance) => instance.dagRunId);
  for (const run of runs) {
    if (run.quarantined) found.push(`run ${nameOf(run)} is quarantined: ${run.reason ?? 'no reason'}`);
    if (run.state !== 'success' && run.state !== 'failed') found.push(`run ${nameOf(run)} is still ${run.state}`);
    const rows = byRun.get(run.id) ?? [];
    const present = new Set(rows.map((row) => row.taskId));
    for (const task of documents.get(run.versionId)?.tasks ?? []) {
      if (run.taskSelection !== null && !run.taskSelection.includes(task.taskId)) continue;
      if (!present.has(task.taskId) && !task.mapped) found.push(`run ${nameOf(run)} ended ${run.state} without an instance of ${task.taskId}`);
    }
    if (run.state !== 'success' && run.state !== 'failed') continue;
    for (const row of rows) if (!FINISHED.has(row.state)) found.push(`${nameOf(row)} is ${row.state ?? 'none'} in a run that is ${run.state}`);
  }
  return found;
}
