import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';
import { plainArray } from '../database/array-literals.js';

/** One effect that is owed. */
export interface OutboxRow {
  readonly id: string;
  readonly runId: RunId | null;
  readonly instanceId: InstanceId | null;
  readonly kind: string;
  readonly payload: unknown;
  readonly tries: number;
  readonly createdAtMs: number;
}

export interface NewOutboxRow {
  readonly id: string;
  readonly runId: RunId | null;
  readonly instanceId: InstanceId | null;
  readonly kind: string;
  readonly payloadJson: string;
}

export interface OutboxState {
  readonly kind: string;
  readonly waiting: number;
  readonly failing: number;
  readonly parked: number;
  readonly oldestMs: number;
}

/** take-outbox: due rows of these kinds that nobody else holds. $1 text[] kinds, $2 how many. Index: outbox_due. Locks them to the end of the transaction. */
const TAKE: Statement = {
  name: 'take-outbox',
  text: `
select id, dag_run_id as "runId", instance_id as "instanceId", kind, payload, tries, extract(epoch from created_at)::float8 * 1000 as "createdAtMs"
from outbox where parked_at is null and not_before <= clock_timestamp() and kind = any($1::text[])
order by not_before, id limit $2 for update skip locked`,
};

/** outbox-done: carried out. $1 uuid[]. */
const DONE: Statement = { name: 'outbox-done', text: 'delete from outbox where id = any($1::uuid[])' };

/** outbox-again: $1 id, $2 why it failed, $3 ms until it is tried again; null: parked. */
const AGAIN: Statement = {
  name: 'outbox-again',
  text: `
update outbox set tries = tries + 1, last_error = $2, not_before = clock_timestamp() + coalesce($3::float8, 0) * interval '1 millisecond',
  parked_at = case when $3::float8 is null then now() end
where id = $1`,
};

const ADD: Statement = {
  name: 'add-outbox',
  text: `
insert into outbox (id, dag_run_id, instance_id, kind, payload)
select o.id, o.run_id, o.instance_id, o.kind, o.payload::jsonb
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) as o(id, run_id, instance_id, kind, payload)
on conflict (id) do nothing`,
};

const STATE: Statement = {
  name: 'outbox-state',
  text: `
select kind, count(*) filter (where parked_at is null) as waiting, count(*) filter (where parked_at is null and tries > 0) as failing,
  count(*) filter (where parked_at is not null) as parked,
  coalesce(max(extract(epoch from now() - created_at)) filter (where parked_at is null), 0)::float8 * 1000 as "oldestMs"
from outbox group by kind`,
};

/** Effects that are owed. Give it a transaction to take from. */
export class Outbox {
  constructor(private readonly on: Queryable) {}

  take(kinds: readonly string[], limit: number): Promise<OutboxRow[]> {
    return this.on.query<OutboxRow & Record<string, unknown>>(TAKE, [kinds, limit]);
  }

  async done(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.on.query(DONE, [plainArray(ids)]);
  }

  /** @param inMs until it is tried again; null: it is given up, kept and shown. */
  async again(id: string, error: string, inMs: number | null): Promise<void> {
    await this.on.query(AGAIN, [id, error.slice(0, 2_000).replaceAll('\0', '\uFFFD'), inMs]);
  }

  /** For effects that follow from something else than a decision about a run. */
  async add(rows: readonly NewOutboxRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.on.query(ADD, [plainArray(rows.map((r) => r.id)), plainArray(rows.map((r) => r.runId)), plainArray(rows.map((r) => r.instanceId)), rows.map((r) => r.kind), rows.map((r) => r.payloadJson)]);
  }

  state(): Promise<OutboxState[]> {
    return this.on.query<OutboxState & Record<string, unknown>>(STATE);
  }
}
