import type { RunState } from '@millrace/vocabulary';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface DagRow {
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly bundle_name: string;
  readonly relative_fileloc: string;
  readonly fileloc: string;
  readonly team: string | null;
  readonly description: string | null;
  readonly owners: string[];
  readonly tags: string[];
  readonly timetable_summary: string | null;
  readonly timetable_description: string | null;
  readonly is_paused: boolean;
  readonly is_stale: boolean;
  readonly current_version_id: string | null;
  readonly last_parsed_time: Date | null;
  readonly last_parse_duration: number | null;
  readonly max_active_runs: number;
  readonly max_active_tasks: number;
  readonly max_consecutive_failed_runs: number;
  readonly has_import_errors: boolean;
  readonly has_task_concurrency_limits: boolean;
  readonly next_logical_date: Date | null;
  readonly next_interval_start: Date | null;
  readonly next_interval_end: Date | null;
  readonly next_run_after: Date | null;
  /** Of its schedule; null without one. */
  readonly schedule_kind: string | null;
  /** Kind of what gives its dates: of a schedule by assets or time, the time's. */
  readonly dated_by: string | null;
}

export interface DagFilter {
  readonly dagId?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly tagsMatchAll?: boolean | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly displayNamePattern?: string | undefined;
  readonly excludeStale?: boolean | undefined;
  readonly paused?: boolean | undefined;
  readonly hasImportErrors?: boolean | undefined;
  readonly lastRunState?: RunState | undefined;
  readonly bundleName?: string | undefined;
  /** Bundles have no versions of their own here: whoever asks for one finds nothing. */
  readonly bundleVersion?: string | undefined;
  readonly hasAssetSchedule?: boolean | undefined;
  readonly assetDependency?: string | undefined;
  readonly scheduleKinds?: readonly string[] | undefined;
  readonly runStates?: readonly RunState[] | undefined;
  readonly runStart?: Range<Date> | undefined;
  readonly runEnd?: Range<Date> | undefined;
  /** Only (or only not) this user's favourites. */
  readonly favorite?: { readonly user: string; readonly is: boolean } | undefined;
}

export class DagsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: DagFilter, page: PageRequest): Promise<Page<DagRow>> {
    return readPage<DagRow>(this.db, { select: COLUMNS, from: FROM, filter: conditions(filter).visible('d.dag_id', this.visible), order: ORDER, tieBreaker: 'd.dag_id', page });
  }

  async find(dagId: string): Promise<DagRow | null> {
    return (await this.db.query<DagRow>(`select ${COLUMNS} from ${FROM} where d.dag_id = $1 and ${seen('d.dag_id', 2)}`, [dagId, this.visible()])).rows[0] ?? null;
  }

  /** Ids of every dag that matches; for changes to many at once. */
  async ids(filter: DagFilter): Promise<readonly string[]> {
    const built = conditions(filter).visible('d.dag_id', this.visible);
    const { rows } = await this.db.query<{ dag_id: string }>(`select d.dag_id from ${FROM} ${built.where} order by d.dag_id`, built.values);
    return rows.map((row) => row.dag_id);
  }

  async activeRuns(dagId: string): Promise<number> {
    return (await this.db.query<{ count: number }>(`select count(*)::int as count from dag_run where dag_id = $1 and state in ('queued', 'running')`, [dagId])).rows[0]!.count;
  }

  async isFavorite(user: string, dagId: string): Promise<boolean> {
    return (await this.db.query(`select 1 from dag_favorite where user_name = $1 and dag_id = $2`, [user, dagId])).rowCount === 1;
  }

  async tags(pattern: string | undefined, page: PageRequest): Promise<Page<{ name: string }>> {
    // Its own condition: a name is told once, however many dags have it.
    const filter = new Filter();
    const visible = filter.value(this.visible());
    return readPage(this.db, { select: 't.name', from: `(select distinct unnest(tags) as name from dag where not is_stale and (${visible}::text[] is null or dag_id = any(${visible}::text[]))) t`, filter: filter.pattern('t.name', pattern), order: { name: 't.name' }, tieBreaker: 't.name', page });
  }

  async runCounts(dagIds: readonly string[]): Promise<readonly { dag_id: string; dag_display_name: string; state: RunState | null; count: number }[]> {
    return (await this.db.query<{ dag_id: string; dag_display_name: string; state: RunState | null; count: number }>(RUN_COUNTS, [dagIds.length === 0 ? null : dagIds, this.visible()])).rows;
  }
}

const COLUMNS = `
d.dag_id, coalesce(d.display_name, d.dag_id) as dag_display_name, d.bundle_name, d.relative_fileloc, d.fileloc, d.team, d.description,
d.owners, d.tags, d.timetable_summary, d.timetable_description, d.is_paused, d.is_stale, d.current_version_id, d.last_parsed_time,
d.last_parse_duration, d.max_active_runs, d.max_active_tasks, d.max_consecutive_failed_runs, d.has_import_errors,
d.next_logical_date, d.next_interval_start, d.next_interval_end, d.next_run_after,
v.document->'schedule'->>'kind' as schedule_kind, coalesce(v.document->'schedule'->'time'->>'kind', v.document->'schedule'->>'kind') as dated_by,
coalesce(jsonb_path_exists(v.document, '$.tasks[*] ? (@.maxActivePerDag != null || @.maxActivePerRun != null)'), false) as has_task_concurrency_limits`;

const FROM = `dag d left join dag_version v on v.id = d.current_version_id`;

const LAST_RUN = (column: string) => `(select r.${column} from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit 1)`;

const ORDER = {
  dag_id: 'd.dag_id',
  dag_display_name: 'coalesce(d.display_name, d.dag_id)',
  next_dagrun: { nullable: 'd.next_run_after' },
  last_run_state: { nullable: LAST_RUN('state') },
  last_run_start_date: { nullable: LAST_RUN('start_date') },
};

/** Of the indexes dag_run_ended and dag_run_active alone. */
const RUN_COUNTS = `
select d.dag_id, coalesce(d.display_name, d.dag_id) as dag_display_name, r.state, coalesce(r.count, 0) as count
from dag d
left join lateral (
  select state, count(*)::int as count from dag_run where dag_id = d.dag_id and state in ('success', 'failed') group by 1
  union all
  select state, count(*)::int from dag_run where dag_id = d.dag_id and state in ('queued', 'running') group by 1
) r on true
where (($1::text[] is null and not d.is_stale) or d.dag_id = any($1::text[])) and ${seen('d.dag_id', 2)}
order by 1, 3`;

function conditions(filter: DagFilter): Filter {
  const built = new Filter()
    .when(filter.dagId, 'd.dag_id = ?')
    .whenAny(filter.tags, filter.tagsMatchAll ? 'd.tags @> ?::text[]' : 'd.tags && ?::text[]')
    .whenAny(filter.owners, 'd.owners && ?::text[]')
    .pattern('d.dag_id', filter.dagIdPattern)
    .pattern('coalesce(d.display_name, d.dag_id)', filter.displayNamePattern)
    .when(filter.paused, 'd.is_paused = ?')
    .when(filter.hasImportErrors, 'd.has_import_errors = ?')
    .when(filter.bundleName, 'd.bundle_name = ?')
    .when(filter.bundleVersion, 'null = ?::text')
    .when(filter.lastRunState, `${LAST_RUN('state')} = ?`)
    .when(filter.hasAssetSchedule, `(coalesce(v.document->'schedule'->>'kind', '') in ('assets', 'assetsOrTime', 'partitionedAssets')) = ?`)
    .whenAny(filter.scheduleKinds, `v.document->'schedule'->>'kind' = any(?::text[])`);
  if (filter.excludeStale) built.and('not d.is_stale');
  if (filter.assetDependency !== undefined) {
    built.and(`exists (select from asset_dag_reference ref join asset a on a.id = ref.asset_id where ref.dag_id = d.dag_id and ref.kind = 'schedule' and a.name ilike ?)`, `%${filter.assetDependency}%`);
  }
  if (filter.favorite) {
    const exists = 'exists (select from dag_favorite f where f.dag_id = d.dag_id and f.user_name = ?)';
    built.and(filter.favorite.is ? exists : `not ${exists}`, filter.favorite.user);
  }
  const runs = new Filter().whenAny(filter.runStates, 'r.state = any(?::text[])').range('r.start_date', filter.runStart).range('r.end_date', filter.runEnd);
  if (runs.where !== '') {
    const numbered = runs.where.replace(/^where /, '').replace(/\$(\d+)/g, '?');
    built.and(`exists (select from dag_run r where r.dag_id = d.dag_id and ${numbered})`, ...runs.values);
  }
  return built;
}
