import { groupBy } from '../group-by.js';
import { nameOf, type Observed } from '../observed.js';

/** Tries stay within their budget: no more than max_tries allows, and failures of the task itself no more than its retries (what people cleared, cancelled or marked apart). */
export function checkBudgets({ instances, history, runs, documents }: Observed): string[] {
  const found: string[] = [];
  const runById = new Map(runs.map((run) => [run.id, run]));
  const earlier = groupBy(history, (row) => row.instanceId);
  for (const row of instances) {
    if (row.tryNumber > row.maxTries + 1) found.push(`${nameOf(row)} is at try ${row.tryNumber}, its budget is ${row.maxTries + 1}`);
    const run = runById.get(row.dagRunId);
    const task = run && documents.get(run.versionId)?.tasks.find((candidate) => candidate.taskId === row.taskId);
    if (run === undefined || task === undefined || run.clearNumber > 0) continue;
    const failures = [...(earlier.get(row.instanceId) ?? []), row].filter((each) => (each.state === 'failed' || each.state === 'up_for_retry') && !/lost|cancelled|cleared|marked/i.test(each.reason ?? ''));
    if (new Set(failures.map((each) => each.tryNumber)).size > task.retries + 1) found.push(`${nameOf(row)} failed ${failures.length} times with ${task.retries} retries`);
    const attempts = [...(earlier.get(row.instanceId) ?? []), row].map((each) => each.attemptId).filter((id) => id !== null);
    if (new Set(attempts).size !== attempts.length) found.push(`${nameOf(row)} has one attempt id for two tries`);
  }
  return found;
}
