import { nameOf, type Observed } from '../observed.js';

/** Every action of a person that was answered with success stands in the audit log. Runs that were deleted took their names along. */
export function checkAudit({ journal, runs, audits }: Observed): string[] {
  const told = new Set(audits.map((row) => `${row.dagId}/${row.runId}`));
  const there = new Set(runs.map((run) => nameOf(run)));
  return journal.filter((entry) => entry.answer === 'done' && there.has(`${entry.dagId}/${entry.runId}`) && !told.has(`${entry.dagId}/${entry.runId}`))
    .map((entry) => `${entry.action} of ${entry.dagId}/${entry.runId} was answered with success, and the audit log does not know it`);
}
