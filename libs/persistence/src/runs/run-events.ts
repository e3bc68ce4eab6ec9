import type { RunId } from '@millrace/vocabulary';
import type { Queryable } from '../database/database.js';
import { plainArray } from '../database/array-literals.js';

/** Something asked of a run: kept until a decision has used it. */
export interface NewRunEvent {
  /** uuid v7, made by the caller: the same id is the same event. */
  readonly id: string;
  readonly runId: RunId;
  readonly kind: string;
  /** A `RunEvent` of the engine, as JSON. */
  readonly payloadJson: string;
}

/** Puts events into runs' inboxes; whoever applies them deletes them in the same statement. Runs that are gone are passed over. */
export async function addRunEvents(on: Queryable, events: readonly NewRunEvent[]): Promise<void> {
  if (events.length === 0) return;
  await on.query(
    {
      name: 'add-run-events',
      text: `
insert into run_event (id, dag_run_id, kind, payload)
select e.id, e.run_id, e.kind, e.payload::jsonb
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as e(id, run_id, kind, payload)
join dag_run r on r.id = e.run_id
on conflict (id) do nothing`,
    },
    [plainArray(events.map((e) => e.id)), plainArray(events.map((e) => e.runId)), events.map((e) => e.kind), events.map((e) => e.payloadJson)],
  );
}
