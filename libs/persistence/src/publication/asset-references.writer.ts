import type { SqlRunner } from '../api-reads/sql-runner.js';

export type AssetUse = 'schedule' | 'inlet' | 'outlet';

export interface AssetReference {
  readonly name: string;
  readonly uri: string;
  readonly group: string;
  readonly extra: unknown;
  readonly kind: AssetUse;
  readonly taskId: string;
}

export interface AliasReference {
  readonly name: string;
  readonly group: string;
  readonly kind: AssetUse;
  readonly taskId: string;
}

/** Something outside that an asset of the dag is watched by. */
export interface WatcherReference {
  readonly assetName: string;
  readonly assetUri: string;
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
}

export interface DagAssets {
  readonly assets: readonly AssetReference[];
  readonly aliases: readonly AliasReference[];
  readonly watchers: readonly WatcherReference[];
  /** The schedule of a dag that waits for partitions of assets; null: it does not. */
  readonly partitionedAssets: unknown;
}

/** What a published dag has to do with assets. Every method belongs in the publication's transaction, which is alone. */
export class AssetReferencesWriter {
  constructor(private readonly db: SqlRunner) {}

  /** The dag's assets are these and no others. What its condition waits for may be another one now: it is looked at again. */
  async replace(dagId: string, dag: DagAssets): Promise<void> {
    for (const table of ['asset_dag_reference', 'asset_alias_dag_reference', 'asset_watcher_dag_reference']) await this.db.query(`delete from ${table} where dag_id = $1`, [dagId]);
    if (dag.assets.length > 0) await this.db.query(INSERT_ASSETS, [dagId, JSON.stringify(dag.assets)]);
    if (dag.aliases.length > 0) await this.db.query(INSERT_ALIASES, [dagId, JSON.stringify(dag.aliases)]);
    if (dag.watchers.length > 0) await this.db.query(INSERT_WATCHERS, [dagId, JSON.stringify(dag.watchers)]);
    await this.db.query(`update dag set partitioned_assets = $2::jsonb where dag_id = $1`, [dagId, dag.partitionedAssets === null ? null : JSON.stringify(dag.partitionedAssets)]);
    await this.db.query(LOOK_AGAIN_QUEUED, [dagId]);
    await this.db.query(LOOK_AGAIN_PARTITIONS, [dagId]);
  }

  /** Assets and watchers no dag has any more are inactive; their events stay. Those a dag came back with are active again. */
  async settleActivity(): Promise<void> {
    await this.db.query(SETTLE_ASSETS);
    await this.db.query(SETTLE_WATCHERS);
  }
}

const INSERT_ASSETS = `
with wanted as (
  select * from jsonb_to_recordset($2::jsonb) as r (name text, uri text, "group" text, extra jsonb, kind text, "taskId" text)
), stored as (
  insert into asset (name, uri, asset_group, extra)
  select distinct on (name, uri) name, uri, "group", extra from wanted order by name, uri
  on conflict (name, uri) do update set asset_group = excluded.asset_group, extra = excluded.extra, is_active = true, updated_at = now()
  returning id, name, uri
)
insert into asset_dag_reference (asset_id, dag_id, kind, task_id)
select distinct s.id, $1, w.kind, w."taskId" from wanted w join stored s on s.name = w.name and s.uri = w.uri
on conflict do nothing`;

const INSERT_ALIASES = `
with wanted as (
  select * from jsonb_to_recordset($2::jsonb) as r (name text, "group" text, kind text, "taskId" text)
), stored as (
  insert into asset_alias (name, asset_group)
  select distinct on (name) name, "group" from wanted order by name
  on conflict (name) do update set asset_group = excluded.asset_group
  returning id, name
)
insert into asset_alias_dag_reference (alias_id, dag_id, kind, task_id)
select distinct s.id, $1, w.kind, w."taskId" from wanted w join stored s on s.name = w.name
on conflict do nothing`;

// A watcher that listens to another place now begins anew there.
const INSERT_WATCHERS = `
with wanted as (
  select * from jsonb_to_recordset($2::jsonb) as r ("assetName" text, "assetUri" text, name text, kind text, config jsonb)
), stored as (
  insert into asset_watcher (asset_id, name, kind, config)
  select a.id, w.name, w.kind, w.config from wanted w join asset a on a.name = w."assetName" and a.uri = w."assetUri"
  on conflict (asset_id, name) do update set kind = excluded.kind, config = excluded.config, is_active = true,
    cursor_value = case when asset_watcher.config = excluded.config then asset_watcher.cursor_value end,
    lease_until = case when asset_watcher.config = excluded.config then asset_watcher.lease_until end
  returning id
)
insert into asset_watcher_dag_reference (watcher_id, dag_id) select distinct id, $1 from stored on conflict do nothing`;

const LOOK_AGAIN_QUEUED = `update asset_queued_event set examined = false where dag_id = $1 and examined`;
const LOOK_AGAIN_PARTITIONS = `update partition_request set examined = false where dag_id = $1 and dag_run_id is null and examined`;

const SETTLE_ASSETS = `
update asset a set is_active = not a.is_active, updated_at = now()
where a.is_active <> (
  exists (select from asset_dag_reference r join dag d on d.dag_id = r.dag_id and not d.is_stale where r.asset_id = a.id)
  or exists (select from asset_alias_asset x join asset_alias_dag_reference r on r.alias_id = x.alias_id join dag d on d.dag_id = r.dag_id and not d.is_stale where x.asset_id = a.id))`;

const SETTLE_WATCHERS = `
update asset_watcher w set is_active = not w.is_active
where w.is_active <> exists (select from asset_watcher_dag_reference r join dag d on d.dag_id = r.dag_id and not d.is_stale where r.watcher_id = w.id)`;
