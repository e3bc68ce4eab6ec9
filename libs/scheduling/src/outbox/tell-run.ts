import type { RunEvent } from '@millrace/engine';
import { addRunEvents } from '@millrace/persistence';
import type { Transaction } from '@millrace/persistence';
import type { RunId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { AfterOutbox } from './outbox-runner.js';

/**
 * Tells another run something, as durably as the transaction: the event waits in its inbox until a decision used it.
 * @returns what to do after the commit, so that it is applied at once.
 */
export async function tellRun(tx: Transaction, parts: { readonly apply: ApplyRuns }, runId: RunId, eventId: string, event: RunEvent): Promise<AfterOutbox> {
  await addRunEvents(tx, [{ id: eventId, runId, kind: event.type, payloadJson: JSON.stringify(event) }]);
  return () => void parts.apply.submit(runId, { event, runEventId: eventId, fresh: true });
}
