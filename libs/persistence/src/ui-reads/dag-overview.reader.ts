import { Filter } from '../api-reads/paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

/** One of a dag's newest runs, as the bar in the list of dags shows it. */
export interface RecentRun {
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

export interface DagOverview {
  readonly dag_id: string;
  readonly display_name: string;
  readonly description: string | null;
  readonly owners: string[];
  readonly tags: string[];
  readonly schedule: string | null;
  readonly schedule_description: string | null;
  readonly is_paused: boolean;
  readonly is_stale: boolean;
  readonly has_import_errors: boolean;
  readonly has_params: boolean;
  readonly is_favorite: boolean;
  readonly next_run_after: Date | null;
  readonly next_logical_date: Date | null;
  readonly tasks: number;
  readonly queued: number;
  readonly running: number;
  readonly recent: readonly RecentRun[];
}

export interface DagOverviewFilter {
  readonly user: string;
  readonly search?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly paused?: boolean | undefined;
  readonly favorites?: boolean | undefined;
  /** Of the newest run; `running` and `queued` of any. */
  readonly state?: string | undefined;
  readonly importErrors?: boolean | undefined;
  readonly order: 'name' | 'last_run' | 'next_run';
  readonly limit: number;
  readonly offset: number;
}

/** The list of dags with what is seen at a glance: newest runs, next run, favourites. One statement a page. */
export class DagOverviewReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: DagOverviewFilter): Promise<{ readonly rows: readonly DagOverview[]; readonly total: number }> {
    const built = conditions(filter).visible('d.dag_id', this.visible);
    const user = built.value(filter.user);
    const limit = built.value(filter.limit);
    const offset = built.value(filter.offset);
    const { rows } = await this.db.query<DagOverview & { total: number }>(
      `${PAGE(built.where, ORDER[filter.order], user, limit, offset)}`,
      built.values,
    );
    if (rows.length > 0 || filter.offset === 0) return { rows, total: rows[0]?.total ?? 0 };
    const counted = conditions(filter).visible('d.dag_id', this.visible);
    return { rows, total: (await this.db.query<{ total: number }>(`select count(*)::int as total from dag d ${counted.where}`, counted.values)).rows[0]!.total };
  }

  /** What the filters above the list offer, with how many dags each would leave. */
  async facets(): Promise<{ readonly tags: readonly Facet[]; readonly owners: readonly Facet[]; readonly total: number; readonly paused: number; readonly failed: number; readonly running: number }> {
    const { rows } = await this.db.query<{ tags: Facet[]; owners: Facet[]; total: number; paused: number; failed: number; running: number }>(FACETS, [this.visible()]);
    return rows[0]!;
  }
}

export interface Facet {
  readonly name: string;
  readonly dags: number;
}

const RECENT_RUNS = 16;

function conditions(filter: DagOverviewFilter): Filter {
  const built = new Filter()
    .and('not d.is_stale')
    .pattern(`d.dag_id || ' ' || coalesce(d.display_name, '') || ' ' || coalesce(d.description, '')`, filter.search)
    .whenAny(filter.tags, 'd.tags @> ?::text[]')
    .whenAny(filter.owners, 'd.owners && ?::text[]')
    .when(filter.paused, 'd.is_paused = ?')
    .when(filter.importErrors, 'd.has_import_errors = ?');
  if (filter.favorites === true) built.and('exists (select from dag_favorite f where f.dag_id = d.dag_id and f.user_name = ?)', filter.user);
  if (filter.state === 'running' || filter.state === 'queued') built.and('exists (select from dag_run r where r.dag_id = d.dag_id and r.state = ?)', filter.state);
  else if (filter.state !== undefined) built.and(`${LAST('state')} = ?`, filter.state);
  return built;
}

const LAST = (column: string): string => `(select r.${column} from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit 1)`;

const ORDER = {
  name: `lower(coalesce(d.display_name, d.dag_id)), d.dag_id`,
  last_run: `${LAST('run_after')} desc nulls last, d.dag_id`,
  next_run: `d.next_run_after nulls last, d.dag_id`,
} as const;

const PAGE = (where: string, order: string, user: string, limit: string, offset: string): string => `
select d.dag_id, coalesce(d.display_name, d.dag_id) as display_name, d.description, d.owners, d.tags, d.timetable_summary as schedule,
  d.timetable_description as schedule_description, d.is_paused, d.is_stale, d.has_import_errors, d.next_run_after, d.next_logical_date, d.total,
  coalesce(v.document -> 'params', '{}') <> '{}' as has_params, coalesce(jsonb_array_length(v.document -> 'tasks'), 0) as tasks,
  exists (select from dag_favorite f where f.dag_id = d.dag_id and f.user_name = ${user}) as is_favorite,
  active.queued, active.running, coalesce(recent.runs, '[]') as recent
from (
  select d.*, count(*) over ()::int as total, row_number() over (order by ${order}) as place
  from dag d ${where} order by ${order} limit ${limit} offset ${offset}
) d
left join dag_version v on v.id = d.current_version_id
cross join lateral (
  select count(*) filter (where r.state = 'queued')::int as queued, count(*) filter (where r.state = 'running')::int as running
  from dag_run r where r.dag_id = d.dag_id and r.state in ('queued', 'running')
) active
cross join lateral (
  select jsonb_agg(to_jsonb(x) order by x.run_after, x.run_id) as runs
  from (
    select r.run_id, r.state, r.run_type, r.run_after, r.start_date, r.end_date
    from dag_run r where r.dag_id = d.dag_id order by r.run_after desc, r.id desc limit ${RECENT_RUNS}
  ) x
) recent
order by d.place`;

const FACETS = `
with d as (
  select dag_id, tags, owners, is_paused, (select r.state from dag_run r where r.dag_id = dag.dag_id order by r.run_after desc, r.id desc limit 1) as last_state
  from dag where not is_stale and ${seen('dag.dag_id', 1)}
)
select
  coalesce((select jsonb_agg(jsonb_build_object('name', name, 'dags', n) order by n desc, name) from (select unnest(tags) as name, count(*)::int as n from d group by 1) t), '[]') as tags,
  coalesce((select jsonb_agg(jsonb_build_object('name', name, 'dags', n) order by n desc, name) from (select unnest(owners) as name, count(*)::int as n from d group by 1) t), '[]') as owners,
  (select count(*)::int from d) as total, (select count(*)::int from d where is_paused) as paused, (select count(*)::int from d where last_state = 'failed') as failed,
  (select count(distinct r.dag_id)::int from dag_run r where r.state = 'running') as running`;
