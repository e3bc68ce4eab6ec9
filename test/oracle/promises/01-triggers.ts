import { groupBy } from '../group-by.js';
import type { Observed } from '../observed.js';

/** A 2xx trigger → exactly one run; unknown → none or one; refused → none of its own; and no manual run nobody asked for. */
export function checkTriggers({ journal, runs }: Observed): string[] {
  const found: string[] = [];
  const triggers = journal.filter((entry) => entry.action === 'trigger');
  const deleted = new Set(journal.filter((entry) => entry.action === 'delete' && entry.answer !== 'refused').map((entry) => `${entry.dagId}/${entry.runId}`));
  const count = groupBy(runs, (run) => `${run.dagId}/${run.runId}`);
  for (const entry of triggers) {
    const name = `${entry.dagId}/${entry.runId}`;
    const rows = count.get(name)?.length ?? 0;
    if (entry.answer === 'done' && rows !== 1 && !deleted.has(name)) found.push(`trigger of ${name} was answered with success, and there are ${rows} runs`);
    if (entry.answer === 'unknown' && rows > 1) found.push(`trigger of ${name} had no answer, and there are ${rows} runs`);
  }
  const asked = new Set(triggers.filter((entry) => entry.answer !== 'refused').map((entry) => `${entry.dagId}/${entry.runId}`));
  for (const run of runs) {
    if (run.runType === 'manual' && !asked.has(`${run.dagId}/${run.runId}`)) found.push(`run ${run.dagId}/${run.runId} exists, and nobody triggered it`);
  }
  return found;
}
