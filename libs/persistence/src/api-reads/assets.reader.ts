import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface AssetUseRow {
  readonly dag_id: string;
  readonly task_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface AssetRow {
  readonly id: number;
  readonly name: string;
  readonly uri: string;
  readonly asset_group: string;
  readonly extra: Readonly<Record<string, unknown>> | null;
  readonly is_active: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly scheduled_dags: readonly AssetUseRow[];
  readonly producing_tasks: readonly AssetUseRow[];
  readonly consuming_tasks: readonly AssetUseRow[];
  readonly aliases: readonly { readonly id: number; readonly name: string; readonly group: string }[];
  readonly watchers: readonly { readonly name: string; readonly trigger_id: number; readonly created_date: string }[];
  readonly last_event_id: number | null;
  readonly last_event_at: Date | null;
}

export interface AssetFilter {
  readonly id?: number | undefined;
  readonly namePattern?: string | undefined;
  readonly uriPattern?: string | undefined;
  /** Used by one of these dags in whatever way. */
  readonly dagIds?: readonly string[] | undefined;
  readonly onlyActive?: boolean | undefined;
}

export interface AssetEventRow {
  readonly id: number;
  readonly asset_id: number;
  readonly name: string;
  readonly uri: string;
  readonly asset_group: string;
  readonly extra: Readonly<Record<string, unknown>> | null;
  readonly source_dag_id: string | null;
  readonly source_run_id: string | null;
  readonly source_task_id: string | null;
  readonly source_index_path: readonly number[] | null;
  readonly partition_key: string | null;
  readonly created_at: Date;
  readonly created_dagruns: readonly EventRunRow[];
}

/** A run that carries an event; times as PostgreSQL writes them in JSON. */
export interface EventRunRow {
  readonly run_id: string;
  readonly dag_id: string;
  readonly logical_date: string | null;
  readonly queued_at: string | null;
  readonly run_after: string;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly state: string;
  readonly data_interval_start: string | null;
  readonly data_interval_end: string | null;
  readonly partition_key: string | null;
}

export interface AssetEventFilter {
  readonly id?: number | undefined;
  readonly assetId?: number | undefined;
  readonly namePattern?: string | undefined;
  readonly sourceDagId?: string | undefined;
  readonly sourceTaskId?: string | undefined;
  readonly sourceRunId?: string | undefined;
  readonly sourceMapIndex?: number | undefined;
  readonly timestamp?: Range<Date> | undefined;
  /** Carried by this run. */
  readonly triggeredRun?: string | undefined;
}

export interface QueuedEventRow {
  readonly dag_id: string;
  readonly asset_id: number;
  readonly created_at: Date;
  readonly dag_display_name: string;
}

export interface QueuedEventFilter {
  readonly dagId?: string | undefined;
  readonly assetId?: number | undefined;
  readonly before?: Date | undefined;
}

const INDEX = `case when e.source_index_path is null then -1 when cardinality(e.source_index_path) = 1 then e.source_index_path[1] else -1 end`;

/** What people and programs see of assets. */
export class AssetsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: AssetFilter, page: PageRequest): Promise<Page<AssetRow>> {
    const built = new Filter();
    const visible = built.value(this.visible());
    built.and(used('a.id', visible)).when(filter.id, 'a.id = ?').pattern('a.name', filter.namePattern).pattern('a.uri', filter.uriPattern)
      .whenAny(filter.dagIds, 'exists (select from asset_dag_reference r where r.asset_id = a.id and r.dag_id = any(?::text[]))');
    if (filter.onlyActive === true) built.and('a.is_active');
    return readPage<AssetRow>(this.db, { select: assetColumns(visible), from: ASSET_FROM, filter: built, order: ASSET_ORDER, tieBreaker: 'a.id', page, countFrom: 'asset a' });
  }

  async find(id: number): Promise<AssetRow | null> {
    return (await this.list({ id }, ONE)).rows[0] ?? null;
  }

  /** Whether there is such an asset among what the caller may see. */
  async isSeen(name: string): Promise<boolean> {
    const { rows } = await this.db.query<{ seen: boolean }>(`select exists (select from asset a where a.name = $2 and ${used('a.id', '$1')}) as seen`, [this.visible(), name]);
    return rows[0]!.seen;
  }

  aliases(filter: { readonly id?: number | undefined; readonly namePattern?: string | undefined }, page: PageRequest): Promise<Page<{ id: number; name: string; asset_group: string }>> {
    const built = new Filter();
    const visible = built.value(this.visible());
    built.and(`(${visible}::text[] is null or exists (select from asset_alias_asset x where x.alias_id = l.id and ${used('x.asset_id', visible)}))`);
    return readPage(this.db, {
      select: 'l.id, l.name, l.asset_group', from: 'asset_alias l', filter: built.when(filter.id, 'l.id = ?').pattern('l.name', filter.namePattern), order: { id: 'l.id', name: 'l.name' }, tieBreaker: 'l.id', page,
    });
  }

  events(filter: AssetEventFilter, page: PageRequest): Promise<Page<AssetEventRow>> {
    const built = new Filter();
    const visible = built.value(this.visible());
    // What no dag told (programs, watchers) is seen with the asset; what a dag told, by those who may see that dag.
    built.and(`case when e.source_dag_id is null then ${used('e.asset_id', visible)} else (${visible}::text[] is null or e.source_dag_id = any(${visible}::text[])) end`).when(filter.id, 'e.id = ?').when(filter.assetId, 'e.asset_id = ?').pattern('a.name', filter.namePattern).when(filter.sourceDagId, 'e.source_dag_id = ?')
      .when(filter.sourceTaskId, 'e.source_task_id = ?').when(filter.sourceRunId, 'e.source_run_id = ?').when(filter.sourceMapIndex, `${INDEX} = ?`).range('e.created_at', filter.timestamp)
      .when(filter.triggeredRun, 'exists (select from dag_run_asset_event x where x.event_id = e.id and x.dag_run_id = ?::uuid)');
    return readPage<AssetEventRow>(this.db, { select: eventColumns(visible), from: 'asset_event e join asset a on a.id = e.asset_id', filter: built, order: EVENT_ORDER, tieBreaker: 'e.id', page });
  }

  /** One line for a dag and an asset, as Airflow has it, with the time of the newest event. */
  async queued(filter: QueuedEventFilter): Promise<readonly QueuedEventRow[]> {
    const built = queuedConditions(filter).visible('q.dag_id', this.visible);
    const { rows } = await this.db.query<QueuedEventRow>(
      `select q.dag_id, q.asset_id, max(q.created_at) as created_at, coalesce(d.display_name, d.dag_id) as dag_display_name
       from asset_queued_event q join dag d on d.dag_id = q.dag_id ${built.where} group by q.dag_id, q.asset_id, d.dag_id order by q.dag_id, q.asset_id`,
      built.values,
    );
    return rows;
  }

  /** Forgets what waits. Returns how many events did. */
  async forgetQueued(filter: QueuedEventFilter): Promise<number> {
    const built = queuedConditions(filter).visible('q.dag_id', this.visible);
    return (await this.db.query(`delete from asset_queued_event q ${built.where}`, built.values)).rowCount ?? 0;
  }

  /** Dags whose tasks write an asset. */
  async producingDags(assetId: number): Promise<readonly string[]> {
    const { rows } = await this.db.query<{ dag_id: string }>(
      `select distinct r.dag_id from asset_dag_reference r join dag d on d.dag_id = r.dag_id where r.asset_id = $1 and r.kind = 'outlet' and not d.is_stale and ($2::text[] is null or d.dag_id = any($2::text[])) order by 1`,
      [assetId, this.visible()],
    );
    return rows.map((row) => row.dag_id);
  }

  /** Each asset a dag waits for: when its newest event was, and how many wait for the dag. */
  async nextRun(dagId: string): Promise<readonly { id: number; name: string; uri: string; last_update: Date | null; queued: number }[]> {
    const { rows } = await this.db.query<{ id: number; name: string; uri: string; last_update: Date | null; queued: number }>(NEXT_RUN, [dagId]);
    return rows;
  }
}

function queuedConditions(filter: QueuedEventFilter): Filter {
  return new Filter().and('q.asks').when(filter.dagId, 'q.dag_id = ?').when(filter.assetId, 'q.asset_id = ?').when(filter.before, 'q.created_at < ?');
}

const ONE: PageRequest = { limit: 1, offset: 0, orderBy: [] };

/** An asset is seen by those who may see a dag that uses it. @param visible place of the dag ids' value */
const used = (assetId: string, visible: string): string => `(${visible}::text[] is null or exists (select from asset_dag_reference u where u.asset_id = ${assetId} and u.dag_id = any(${visible}::text[])))`;

const uses = (kind: string, visible: string): string => `coalesce((
  select jsonb_agg(jsonb_build_object('dag_id', r.dag_id, 'task_id', r.task_id, 'created_at', greatest(d.created_at, a.created_at), 'updated_at', coalesce(d.last_parsed_time, d.created_at)) order by r.dag_id, r.task_id)
  from asset_dag_reference r join dag d on d.dag_id = r.dag_id and not d.is_stale where r.asset_id = a.id and r.kind = '${kind}' and (${visible}::text[] is null or r.dag_id = any(${visible}::text[]))), '[]')`;

const assetColumns = (visible: string): string => `
a.id, a.name, a.uri, a.asset_group, a.extra, a.is_active, a.created_at, a.updated_at,
${uses('schedule', visible)} as scheduled_dags, ${uses('outlet', visible)} as producing_tasks, ${uses('inlet', visible)} as consuming_tasks,
coalesce((select jsonb_agg(jsonb_build_object('id', l.id, 'name', l.name, 'group', l.asset_group) order by l.name) from asset_alias_asset x join asset_alias l on l.id = x.alias_id where x.asset_id = a.id), '[]') as aliases,
coalesce((select jsonb_agg(jsonb_build_object('name', w.name, 'trigger_id', w.id, 'created_date', w.created_at) order by w.name) from asset_watcher w where w.asset_id = a.id and w.is_active), '[]') as watchers,
last.id as last_event_id, last.created_at as last_event_at`;

const ASSET_FROM = `asset a left join lateral (select e.id, e.created_at from asset_event e where e.asset_id = a.id order by e.created_at desc, e.id desc limit 1) last on true`;

const ASSET_ORDER = { id: 'a.id', name: 'a.name', uri: 'a.uri', created_at: 'a.created_at', updated_at: 'a.updated_at' };

const eventColumns = (visible: string): string => `
e.id, e.asset_id, a.name, a.uri, a.asset_group, e.extra, e.source_dag_id, e.source_run_id, e.source_task_id, e.source_index_path, e.partition_key, e.created_at,
coalesce((
  select jsonb_agg(jsonb_build_object('run_id', r.run_id, 'dag_id', r.dag_id, 'logical_date', r.logical_date, 'queued_at', r.queued_at, 'run_after', r.run_after, 'start_date', r.start_date, 'end_date', r.end_date, 'state', r.state,
    'data_interval_start', r.data_interval_start, 'data_interval_end', r.data_interval_end, 'partition_key', r.partition_key) order by r.run_after, r.id)
  from dag_run_asset_event x join dag_run r on r.id = x.dag_run_id where x.event_id = e.id and (${visible}::text[] is null or r.dag_id = any(${visible}::text[]))), '[]') as created_dagruns`;

const EVENT_ORDER = {
  timestamp: 'e.created_at', source_dag_id: { nullable: 'e.source_dag_id' }, source_task_id: { nullable: 'e.source_task_id' }, source_run_id: { nullable: 'e.source_run_id' }, source_map_index: INDEX, id: 'e.id',
};

const NEXT_RUN = `
select a.id, a.name, a.uri, (select max(e.created_at) from asset_event e where e.asset_id = a.id) as last_update,
  (select count(*)::int from asset_queued_event q where q.dag_id = $1 and q.asset_id = a.id and q.asks) as queued
from asset_dag_reference r join asset a on a.id = r.asset_id where r.dag_id = $1 and r.kind = 'schedule' order by a.name, a.uri`;
