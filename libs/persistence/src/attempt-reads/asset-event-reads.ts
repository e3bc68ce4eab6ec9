import type { Queryable, Statement } from '../database/database.js';

const COLUMNS = `
  a.name as "assetName", a.uri as "assetUri", e.extra, e.created_at as "timestamp", e.source_dag_id as "sourceDagId", e.source_run_id as "sourceRunId",
  e.source_task_id as "sourceTaskId", case when e.source_task_id is null then null when cardinality(e.source_index_path) = 1 then e.source_index_path[1] else -1 end as "sourceMapIndex",
  e.partition_key as "partitionKey", array(select l.name from asset_alias_event x join asset_alias l on l.id = x.alias_id where x.event_id = e.id order by 1) as aliases`;

/** asset-events-of-task: $1 name, $2 uri or '', $3 after, $4 before or null, $5 limit. The newest of them. Index: asset_event_asset. */
const OF_ASSET: Statement = {
  name: 'asset-events-of-task',
  text: `
select ${COLUMNS} from asset a join asset_event e on e.asset_id = a.id
where a.name = $1 and ($2 = '' or a.uri = $2) and ($3::timestamptz is null or e.created_at >= $3) and ($4::timestamptz is null or e.created_at <= $4)
order by e.created_at desc, e.id desc limit $5`,
};

/** alias-events-of-task: the same of an alias. Index: asset_alias_event_pkey. */
const OF_ALIAS: Statement = {
  name: 'alias-events-of-task',
  text: `
select ${COLUMNS} from asset_alias l join asset_alias_event x on x.alias_id = l.id join asset_event e on e.id = x.event_id join asset a on a.id = e.asset_id
where l.name = $1 and ($2::timestamptz is null or e.created_at >= $2) and ($3::timestamptz is null or e.created_at <= $3)
order by e.created_at desc, e.id desc limit $4`,
};

/** triggering-asset-events: those a run carries. $1 dag id, $2 run id, $3 limit. */
const TRIGGERING: Statement = {
  name: 'triggering-asset-events',
  text: `
select ${COLUMNS} from dag_run r join dag_run_asset_event x on x.dag_run_id = r.id join asset_event e on e.id = x.event_id join asset a on a.id = e.asset_id
where r.dag_id = $1 and r.run_id = $2 order by e.created_at desc, e.id desc limit $3`,
};

export interface AssetEventRead {
  readonly name: string;
  readonly uri: string;
  readonly alias: string;
  readonly after: Date | null;
  readonly before: Date | null;
  readonly limit: number;
}

export interface FoundAssetEvent {
  readonly assetName: string;
  readonly assetUri: string;
  readonly extra: unknown;
  readonly timestamp: Date;
  readonly sourceDagId: string | null;
  readonly sourceRunId: string | null;
  readonly sourceTaskId: string | null;
  readonly sourceMapIndex: number | null;
  readonly partitionKey: string | null;
  readonly aliases: readonly string[];
}

/** Events of assets that a running attempt may read, newest first. */
export class AssetEventReads {
  constructor(private readonly on: Queryable) {}

  events(read: AssetEventRead): Promise<FoundAssetEvent[]> {
    return read.alias === ''
      ? this.on.query<FoundAssetEvent & Record<string, unknown>>(OF_ASSET, [read.name, read.uri, read.after, read.before, read.limit])
      : this.on.query<FoundAssetEvent & Record<string, unknown>>(OF_ALIAS, [read.alias, read.after, read.before, read.limit]);
  }

  triggering(dagId: string, runId: string, limit: number): Promise<FoundAssetEvent[]> {
    return this.on.query<FoundAssetEvent & Record<string, unknown>>(TRIGGERING, [dagId, runId, limit]);
  }
}
