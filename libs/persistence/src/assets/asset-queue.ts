import type { DagVersionId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement, Transaction } from '../database/database.js';

/**
 * dags-with-new-events: dags for which something happened that nobody looked at. Those without room for a run keep their events and are passed over:
 * however many they are, they do not stand before the others. $1 limit. Index: asset_queued_new, partition_request_new, dag_run_active.
 */
const DAGS_WITH_NEWS: Statement = {
  name: 'dags-with-new-events',
  text: `
select d.dag_id as "dagId" from dag d
where not d.is_paused and not d.is_stale and d.dag_id in (
  select dag_id from asset_queued_event where asks and not examined
  union
  select dag_id from partition_request where dag_run_id is null and not examined)
  and (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in ('queued', 'running') and r.backfill_id is null) < d.max_active_runs
order by d.dag_id limit $1`,
};

/** lock-asset-dag: the dag's row is locked, so that each queued event is used by one run. No row: paused, or its file is gone. $1 dag id. */
const LOCK_DAG: Statement = {
  name: 'lock-asset-dag',
  text: `
select d.current_version_id as "versionId", d.max_active_runs as "maxActiveRuns", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
from dag d where d.dag_id = $1 and not d.is_paused and not d.is_stale and d.current_version_id is not null for no key update`,
};

/** active-runs-of-dag: queued and running ones, backfills apart: they have a limit of their own. $1 dag id. */
const ACTIVE_RUNS: Statement = {
  name: 'active-runs-of-dag',
  text: `select count(*)::int as "count" from dag_run where dag_id = $1 and state in ('queued', 'running') and backfill_id is null`,
};

/** queued-asset-events: what waits for a dag. $1 dag id, $2 limit. */
const QUEUED: Statement = {
  name: 'queued-asset-events',
  text: `
select q.event_id as "eventId", q.asset_id as "assetId", q.asks, a.name, a.uri, extract(epoch from e.created_at)::float8 * 1000 as "createdAtMs",
  array(select l.name from asset_alias_event x join asset_alias l on l.id = x.alias_id where x.event_id = e.id) as aliases,
  extract(epoch from r.data_interval_start)::float8 * 1000 as "intervalStartMs", extract(epoch from r.data_interval_end)::float8 * 1000 as "intervalEndMs"
from asset_queued_event q
join asset a on a.id = q.asset_id
join asset_event e on e.id = q.event_id
left join dag_run r on r.dag_id = e.source_dag_id and r.run_id = e.source_run_id
where q.dag_id = $1
order by q.event_id limit $2`,
};

const TAKE: Statement = {
  name: 'take-queued-asset-events',
  text: `
with taken as (delete from asset_queued_event where dag_id = $1 and event_id = any($2::bigint[]) returning event_id)
insert into dag_run_asset_event (dag_run_id, event_id) select distinct $3::uuid, event_id from taken on conflict do nothing`,
};
const EXAMINED: Statement = { name: 'queued-asset-events-examined', text: `update asset_queued_event set examined = true where dag_id = $1 and event_id = any($2::bigint[]) and not examined` };
const FORGET: Statement = { name: 'forget-queued-asset-events', text: `delete from asset_queued_event where dag_id = $1` };

/** open-partition-requests: partitions of a dag that may be complete now; their rows are locked. $1 dag id, $2 limit. */
const OPEN_REQUESTS: Statement = {
  name: 'open-partition-requests',
  text: `select id, partition_key as "partitionKey" from partition_request where dag_id = $1 and dag_run_id is null and not examined order by id limit $2 for update`,
};
/** partition-request-events: $1 bigint[] request ids. */
const REQUEST_EVENTS: Statement = {
  name: 'partition-request-events',
  text: `
select q.request_id as "requestId", q.event_id as "eventId", q.source_key as "sourceKey", a.name, a.uri
from partition_request_event q join asset a on a.id = q.asset_id where q.request_id = any($1::bigint[]) order by q.event_id`,
};
const REQUESTS_EXAMINED: Statement = { name: 'partition-requests-examined', text: `update partition_request set examined = true where id = any($1::bigint[])` };
const CLOSE_REQUEST: Statement = {
  name: 'close-partition-request',
  text: `
with closed as (update partition_request set dag_run_id = $2, examined = true where id = $1 returning id)
insert into dag_run_asset_event (dag_run_id, event_id)
select $2::uuid, q.event_id from closed c join partition_request_event q on q.request_id = c.id on conflict do nothing`,
};
const FORGET_REQUESTS: Statement = { name: 'forget-partition-requests', text: `delete from partition_request where dag_id = $1 and dag_run_id is null` };

/** look-again-at-assets: the dag's condition, or the dag itself, is another now. $1 dag id. */
const LOOK_AGAIN: Statement = {
  name: 'look-again-at-assets',
  text: `
with queued as (update asset_queued_event set examined = false where dag_id = $1 and examined)
update partition_request set examined = false where dag_id = $1 and dag_run_id is null and examined`,
};

export interface AssetDag {
  readonly versionId: DagVersionId;
  readonly maxActiveRuns: number;
  readonly nowMs: number;
}

export interface QueuedAssetEvent {
  readonly eventId: number;
  readonly assetId: number;
  readonly asks: boolean;
  readonly name: string;
  readonly uri: string;
  readonly createdAtMs: number;
  readonly aliases: readonly string[];
  /** Data interval of the run it came from. */
  readonly intervalStartMs: number | null;
  readonly intervalEndMs: number | null;
}

export interface OpenPartition {
  readonly id: number;
  readonly partitionKey: string;
}

export interface PartitionEvent {
  readonly requestId: number;
  readonly eventId: number;
  readonly sourceKey: string;
  readonly name: string;
  readonly uri: string;
}

export async function dagsWithAssetNews(on: Queryable, limit: number): Promise<string[]> {
  return (await on.query<{ dagId: string }>(DAGS_WITH_NEWS, [limit])).map((row) => row.dagId);
}

export async function lookAgainAtAssets(on: Queryable, dagId: string): Promise<void> {
  await on.query(LOOK_AGAIN, [dagId]);
}

/** Events that wait for one dag, and what becomes of them. `lock` comes first: it holds the dag until the transaction ends. */
export class AssetQueue {
  constructor(
    private readonly tx: Transaction,
    private readonly dagId: string,
  ) {}

  async lock(): Promise<AssetDag | undefined> {
    return (await this.tx.query<AssetDag & Record<string, unknown>>(LOCK_DAG, [this.dagId]))[0];
  }

  async activeRuns(): Promise<number> {
    return (await this.tx.query<{ count: number }>(ACTIVE_RUNS, [this.dagId]))[0]!.count;
  }

  queued(limit: number): Promise<QueuedAssetEvent[]> {
    return this.tx.query<QueuedAssetEvent & Record<string, unknown>>(QUEUED, [this.dagId, limit]);
  }

  /** The run has these events; they wait no more. */
  async take(eventIds: readonly number[], runId: RunId): Promise<void> {
    await this.tx.query(TAKE, [this.dagId, eventIds, runId]);
  }

  /** They were looked at and wait for others. */
  async examined(eventIds: readonly number[]): Promise<void> {
    await this.tx.query(EXAMINED, [this.dagId, eventIds]);
  }

  /** The dag waits for no assets any more. */
  async forget(): Promise<void> {
    await this.tx.query(FORGET, [this.dagId]);
  }

  openPartitions(limit: number): Promise<OpenPartition[]> {
    return this.tx.query<OpenPartition & Record<string, unknown>>(OPEN_REQUESTS, [this.dagId, limit]);
  }

  partitionEvents(requestIds: readonly number[]): Promise<PartitionEvent[]> {
    return this.tx.query<PartitionEvent & Record<string, unknown>>(REQUEST_EVENTS, [requestIds]);
  }

  async partitionsExamined(requestIds: readonly number[]): Promise<void> {
    await this.tx.query(REQUESTS_EXAMINED, [requestIds]);
  }

  async closePartition(requestId: number, runId: RunId): Promise<void> {
    await this.tx.query(CLOSE_REQUEST, [requestId, runId]);
  }

  async forgetPartitions(): Promise<void> {
    await this.tx.query(FORGET_REQUESTS, [this.dagId]);
  }
}
