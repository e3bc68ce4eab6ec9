import { attemptsOf } from '../ledger.js';
import { nameOf, type Observed } from '../observed.js';

/**
 * Success in the database ⇒ that very attempt's good end in the ledger. A good end of the attempt that is still the current one ⇒
 * the database has that success. Only tasks that keep a ledger count; successes set by hand are named by the journal.
 */
export function checkSuccess({ ledger, instances, history, journal }: Observed): string[] {
  const found: string[] = [];
  const attempts = new Map(attemptsOf(ledger).map((attempt) => [attempt.attempt, attempt]));
  const ledgered = new Set(ledger.map((line) => `${line.dag}/${line.task}`));
  const marked = new Set(journal.filter((entry) => entry.action === 'mark').map((entry) => `${entry.dagId}/${entry.runId}`));
  for (const row of [...instances, ...history]) {
    if (row.state !== 'success' || !ledgered.has(`${row.dagId}/${row.taskId}`) || marked.has(`${row.dagId}/${row.runId}`)) continue;
    const good = row.attemptId !== null && attempts.get(row.attemptId)?.ends.some((line) => line.event === 'end' && line.ok === true);
    if (good !== true) found.push(`${nameOf(row)} try ${row.tryNumber} is a success, and attempt ${row.attemptId} has no good end in the ledger`);
  }
  for (const row of instances) {
    const attempt = row.attemptId === null ? undefined : attempts.get(row.attemptId);
    if (attempt === undefined || marked.has(`${row.dagId}/${row.runId}`) || row.state === 'success') continue;
    if (attempt.ends.some((line) => line.event === 'end' && line.ok === true) && !/lost/i.test(row.reason ?? '')) {
      found.push(`${nameOf(row)} try ${row.tryNumber} ended well by the ledger, and the database says ${row.state ?? 'none'} (${row.reason ?? 'no reason'})`);
    }
  }
  return found;
}
