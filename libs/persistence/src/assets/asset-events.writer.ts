import type { InstanceId } from '@millrace/vocabulary';
import type { Statement, Transaction } from '../database/database.js';

/** An event of an asset to be recorded. */
export interface NewAssetEvent {
  readonly name: string;
  readonly uri: string;
  /** Of an asset that is not known yet. */
  readonly group: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
  /** Aliases it came through. */
  readonly aliases: readonly string[];
  /** null: the partition of the run it comes from, if that has one. */
  readonly partitionKey: string | null;
  /** The instance that wrote the asset; null: none, it was reported from outside. */
  readonly instanceId: InstanceId | null;
}

export interface RecordedAssetEvent {
  readonly id: number;
  readonly assetId: number;
  readonly name: string;
  readonly uri: string;
  readonly partitionKey: string | null;
}

/** A dag that waits for partitions of an asset, and how it maps their keys (as its document says). */
export interface PartitionConsumer {
  readonly eventId: number;
  readonly dagId: string;
  readonly partitionedAssets: unknown;
}

/**
 * record-asset-events: assets that are not known come into being, then one event for each line, in order. $1 json array.
 * A line's source is read from its instance, its partition from the run unless it has one of its own.
 */
const RECORD: Statement = {
  name: 'record-asset-events',
  text: `
with wanted as (
  select r.*, r."aliases" as alias_names from jsonb_to_recordset($1::jsonb)
    as r("n" int, "name" text, "uri" text, "group" text, "extra" jsonb, "aliases" jsonb, "partitionKey" text, "instanceId" uuid)
), made as (
  insert into asset (name, uri, asset_group)
  select w."name", w."uri", coalesce(max(w."group"), 'asset') from wanted w
  where not exists (select from asset a where a.name = w."name" and a.uri = w."uri")
  group by w."name", w."uri" order by 1, 2
  -- made by somebody else meanwhile: the row is needed, so it is touched
  on conflict (name, uri) do update set updated_at = now()
  returning id, name, uri
), known as (
  select id, name, uri from made
  union all
  select a.id, a.name, a.uri from asset a join (select distinct "name", "uri" from wanted) w on a.name = w."name" and a.uri = w."uri"
), events as (
  insert into asset_event (asset_id, extra, source_dag_id, source_run_id, source_task_id, source_index_path, source_instance_id, partition_key, partition_date)
  select k.id, w."extra", t.dag_id, t.run_id, t.task_id, t.index_path, t.id, coalesce(w."partitionKey", r.partition_key),
    case when w."partitionKey" is null then r.partition_date end
  from wanted w join known k on k.name = w."name" and k.uri = w."uri"
  left join task_instance t on t.id = w."instanceId" left join dag_run r on r.id = t.dag_run_id
  order by w."n"
  returning id, asset_id, partition_key
)
select e.id, e.asset_id as "assetId", k.name, k.uri, e.partition_key as "partitionKey" from events e join known k on k.id = e.asset_id order by e.id`,
};

/** note-alias-events: $1 bigint[] event ids, $2 text[] alias names, line by line. Aliases that are not known come into being. */
const NOTE_ALIASES: Statement = {
  name: 'note-alias-events',
  text: `
with wanted as (select * from unnest($1::bigint[], $2::text[]) as w(event_id, name)
), made as (
  insert into asset_alias (name) select distinct name from wanted order by 1 on conflict (name) do update set name = excluded.name returning id, name
), linked as (
  insert into asset_alias_event (alias_id, event_id) select m.id, w.event_id from wanted w join made m on m.name = w.name on conflict do nothing
)
insert into asset_alias_asset (alias_id, asset_id)
select distinct m.id, e.asset_id from wanted w join made m on m.name = w.name join asset_event e on e.id = w.event_id
on conflict do nothing`,
};

/**
 * queue-asset-events: each event waits for the dags that are scheduled on its asset or on an alias it came through. Events with a partition
 * key are no news for dags that know no partitions. While a dag is paused, an event travels with its next run but asks for none. $1 bigint[] event ids.
 */
const QUEUE: Statement = {
  name: 'queue-asset-events',
  text: `
insert into asset_queued_event (asset_id, dag_id, event_id, asks)
select distinct e.asset_id, d.dag_id, e.id, not d.is_paused
from asset_event e
join lateral (
  select r.dag_id from asset_dag_reference r where r.asset_id = e.asset_id and r.kind = 'schedule'
  union
  select r.dag_id from asset_alias_event x join asset_alias_dag_reference r on r.alias_id = x.alias_id and r.kind = 'schedule' where x.event_id = e.id
) c on true
join dag d on d.dag_id = c.dag_id
where e.id = any($1::bigint[]) and e.partition_key is null and not d.is_stale and d.partitioned_assets is null
on conflict do nothing
returning dag_id as "dagId"`,
};

/** partition-consumers: dags that wait for partitions of these events' assets. $1 bigint[] event ids. */
const PARTITION_CONSUMERS: Statement = {
  name: 'partition-consumers',
  text: `
select e.id as "eventId", d.dag_id as "dagId", d.partitioned_assets as "partitionedAssets"
from asset_event e
join asset_dag_reference r on r.asset_id = e.asset_id and r.kind = 'schedule'
join dag d on d.dag_id = r.dag_id
where e.id = any($1::bigint[]) and not d.is_stale and d.partitioned_assets is not null
order by e.id, d.dag_id`,
};

/**
 * open-partitions: the event counts for these partitions; one that is not open is opened. A request whose run was just made is waited for, and
 * a new one opened after it. $1 text[] dag ids, $2 text[] keys, $3 bigint[] event ids, $4 text[] source keys, line by line.
 */
const OPEN_PARTITIONS: Statement = {
  name: 'open-partitions',
  text: `
with wanted as (select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as w(dag_id, key, event_id, source_key)
), opened as (
  insert into partition_request (dag_id, partition_key) select distinct dag_id, key from wanted order by 1, 2
  on conflict (dag_id, partition_key) where dag_run_id is null do update set examined = false
  returning id, dag_id, partition_key
)
insert into partition_request_event (request_id, event_id, asset_id, source_key)
select o.id, w.event_id, e.asset_id, w.source_key
from wanted w join opened o on o.dag_id = w.dag_id and o.partition_key = w.key join asset_event e on e.id = w.event_id
on conflict do nothing`,
};

const TELL: Statement = { name: 'tell-of-asset-event', text: `insert into audit_log (event, dag_id, actor, extra) values ($1, $2, 'scheduler', $3)` };

/** What recording events writes. Only inside a transaction: it is the one of the effect that reports them. */
export class AssetEventsWriter {
  constructor(private readonly tx: Transaction) {}

  async record(events: readonly NewAssetEvent[]): Promise<RecordedAssetEvent[]> {
    const recorded = await this.tx.query<RecordedAssetEvent & Record<string, unknown>>(RECORD, [JSON.stringify(events.map((event, n) => ({ n, ...event })))]);
    // Ids grow in the order of the lines, so line n is the n-th event.
    const lines = events.flatMap((event, n) => event.aliases.map((alias) => ({ alias, id: recorded[n]!.id })));
    if (lines.length > 0) await this.tx.query(NOTE_ALIASES, [lines.map((line) => line.id), lines.map((line) => line.alias)]);
    return recorded;
  }

  /** The dags for which an event waits now. */
  async queue(eventIds: readonly number[]): Promise<readonly string[]> {
    const rows = await this.tx.query<{ dagId: string }>(QUEUE, [eventIds]);
    return [...new Set(rows.map((row) => row.dagId))];
  }

  partitionConsumers(eventIds: readonly number[]): Promise<PartitionConsumer[]> {
    return this.tx.query<PartitionConsumer & Record<string, unknown>>(PARTITION_CONSUMERS, [eventIds]);
  }

  async openPartitions(lines: readonly { readonly dagId: string; readonly key: string; readonly eventId: number; readonly sourceKey: string }[]): Promise<void> {
    if (lines.length === 0) return;
    await this.tx.query(OPEN_PARTITIONS, [lines.map((line) => line.dagId), lines.map((line) => line.key), lines.map((line) => line.eventId), lines.map((line) => line.sourceKey)]);
  }

  /** A line in the audit log of what could not be used. */
  async tell(event: string, dagId: string | null, facts: Readonly<Record<string, unknown>>): Promise<void> {
    await this.tx.query(TELL, [event, dagId, JSON.stringify(facts)]);
  }
}
