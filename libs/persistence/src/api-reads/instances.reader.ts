import { INSTANCE_STATES, isFinished } from '@millrace/vocabulary';
import { mapIndexSql } from '../database/map-index.js';
import type { IndexPath, InstanceId, InstanceState } from '@millrace/vocabulary';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface InstanceView {
  readonly id: InstanceId;
  /** Of a run that has not started: known from its dag version only, not stored yet. */
  readonly is_planned: boolean;
  readonly dag_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly dag_run_uuid: string;
  readonly dag_version_id: string;
  readonly dag_display_name: string;
  readonly index_path: IndexPath;
  readonly logical_date: Date | null;
  readonly run_after: Date;
  readonly state: InstanceState;
  readonly try_number: number;
  readonly max_tries: number;
  readonly scheduled_at: Date | null;
  readonly queued_at: Date | null;
  readonly start_date: Date | null;
  readonly end_date: Date | null;
  readonly queue: string;
  readonly pool: string;
  readonly pool_slots: number;
  readonly priority_weight: number;
  readonly operator: string;
  readonly hostname: string | null;
  readonly pid: number | null;
  readonly unixname: string | null;
  readonly reason: string | null;
  readonly rendered_fields: Record<string, unknown> | null;
  readonly rendered_map_index: string | null;
  readonly note: string | null;
  readonly executor_config: Record<string, unknown>;
  readonly session_id: string | null;
  readonly version_number: number;
  readonly version_bundle_name: string;
  readonly version_created_at: Date;
}

/** One try, current or past. */
export type TryView = Omit<InstanceView, 'is_planned' | 'rendered_fields' | 'rendered_map_index' | 'note' | 'executor_config' | 'logical_date' | 'run_after' | 'state'> & { readonly state: InstanceState | 'lost' };

export interface InstanceFilter {
  readonly dagId?: string | undefined;
  readonly dagIds?: readonly string[] | undefined;
  readonly runId?: string | undefined;
  readonly runIds?: readonly string[] | undefined;
  readonly taskId?: string | undefined;
  readonly taskIds?: readonly string[] | undefined;
  /** `none` stands for the state null. */
  readonly states?: readonly string[] | undefined;
  readonly pools?: readonly string[] | undefined;
  readonly queues?: readonly string[] | undefined;
  readonly operators?: readonly string[] | undefined;
  readonly executors?: readonly string[] | undefined;
  readonly versionNumbers?: readonly number[] | undefined;
  readonly tryNumbers?: readonly number[] | undefined;
  readonly mapIndexes?: readonly number[] | undefined;
  readonly onlyMapped?: boolean | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly taskPattern?: string | undefined;
  readonly poolPattern?: string | undefined;
  readonly queuePattern?: string | undefined;
  readonly operatorPattern?: string | undefined;
  readonly runAfter?: Range<Date> | undefined;
  readonly logicalDate?: Range<Date> | undefined;
  readonly startDate?: Range<Date> | undefined;
  readonly endDate?: Range<Date> | undefined;
  readonly updatedAt?: Range<Date> | undefined;
  /** Seconds. */
  readonly duration?: Range<number> | undefined;
}

/** The id a task's unmapped instance will have: the engine derives it from the run's creation time (milliseconds, with fraction) and ids. */
export type PlannedInstanceId = (runQueuedAtMs: number, runUuid: string, taskId: string) => string;

type StoredOrPlanned = Omit<InstanceView, 'id'> & { readonly id: InstanceId | null; readonly run_queued_at_ms: number };

/**
 * Instances as the api shows them. A run that has not started has no rows yet; its instances are told from its dag version,
 * without a state, as Airflow tells them from the trigger on.
 */
export class InstancesReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly plannedId: PlannedInstanceId,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: InstanceFilter, page: PageRequest): Promise<Page<InstanceView>> {
    const tieBreaker = ofOneDag(filter) ? BY_TASK : BY_AGE;
    if (!(await this.#mayBePlanned(filter))) return this.#list(SHOWN_ONES, this.#conditions(filter), page, tieBreaker);
    if (filter.dagId !== undefined && filter.runId !== undefined) {
      // All or none of a run's instances are stored; none here either means that it was started between the two looks, or that nothing fits.
      const planned = await this.#list(PLANNED_ONES, this.#conditions(filter), page);
      return planned.total > 0 ? planned : this.#list(SHOWN_ONES, this.#conditions(filter), page);
    }
    return this.#list([SHOWN_ONES, PLANNED_ONES], this.#conditions(filter), page, tieBreaker);
  }

  /** The instance at Airflow's map index (-1: the unmapped one). */
  async find(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<InstanceView | null> {
    const found = await this.#storedOrPlanned(`and ${MAP_INDEX} = $4::int8`, [dagId, runId, taskId, mapIndex]);
    return found[0] ?? null;
  }

  async ofTask(dagId: string, runId: string, taskId: string): Promise<readonly InstanceView[]> {
    return this.#storedOrPlanned('', [dagId, runId, taskId]);
  }

  /** Stored ones only; for ids that were found within what the caller may see. */
  async byIds(ids: readonly string[]): Promise<readonly InstanceView[]> {
    const { rows } = await this.db.query<StoredOrPlanned>(`select ${COLUMNS} from ${FROM} where i.id = any($1::uuid[]) order by r.run_after, i.task_id, i.index_path`, [ids]);
    return rows.map((row) => this.#named(row));
  }

  /** All tries of one instance, oldest first, each once: the history's last word, and the current try. */
  async tries(instanceId: string): Promise<readonly TryView[]> {
    return (await this.db.query<TryView>(TRIES, [instanceId])).rows;
  }

  /** Where the log of a try may be read: the session that ran it. Null: nobody claimed it, or long ago. */
  async logHost(sessionId: string): Promise<{ readonly worker_name: string; readonly log_host: string; readonly log_port: number; readonly state: string } | null> {
    return (await this.db.query<{ worker_name: string; log_host: string; log_port: number; state: string }>(`select worker_name, log_host, log_port, state from worker_session where id = $1`, [sessionId])).rows[0] ?? null;
  }

  #conditions(filter: InstanceFilter): Filter {
    return conditions(filter).visible(dagColumn(filter), this.visible);
  }

  async #list(from: string | readonly string[], filter: Filter, page: PageRequest, tieBreaker = BY_TASK): Promise<Page<InstanceView>> {
    const found = await readPage<StoredOrPlanned>(this.db, { select: COLUMNS, from, lookups: LOOKUPS, filter, order: ORDER, tieBreaker, page });
    return { rows: found.rows.map((row) => this.#named(row)), total: found.total };
  }

  /** A run may start between two looks, never the other way: what is neither stored nor planned is looked for as stored once more. */
  async #storedOrPlanned(condition: string, values: unknown[]): Promise<readonly InstanceView[]> {
    for (const from of [FROM, FROM_PLANNED]) {
      const found = await this.#ofTask(from, condition, values);
      if (found.length > 0) return found;
    }
    return this.#ofTask(FROM, condition, values);
  }

  async #ofTask(from: string, condition: string, values: unknown[]): Promise<readonly InstanceView[]> {
    const { rows } = await this.db.query<StoredOrPlanned>(`select ${COLUMNS} from ${from} where r.dag_id = $1 and r.run_id = $2 and i.task_id = $3 ${condition} and ${seen('r.dag_id', values.length + 1)} order by i.index_path`, [...values, this.visible()]);
    return rows.map((row) => this.#named(row));
  }

  /** Whether the list can hold an instance that is not stored; most lists cannot, and are read from one table. */
  async #mayBePlanned(filter: InstanceFilter): Promise<boolean> {
    if (filter.states !== undefined && filter.states.length > 0 && !filter.states.includes('none')) return false;
    return (await this.db.query<{ found: boolean }>(ANY_UNSTARTED, [filter.dagId ?? null, filter.runId ?? null])).rows[0]!.found;
  }

  #named({ run_queued_at_ms: runQueuedAtMs, ...row }: StoredOrPlanned): InstanceView {
    return { ...row, id: row.id ?? (this.plannedId(runQueuedAtMs, row.dag_run_uuid, row.task_id) as InstanceId) };
  }
}

/** As the index task_instance_by_task has them; the older run first. */
const BY_TASK = 'i.task_id, i.dag_run_id, i.index_path, i.id';
/** Ids begin with the time of their run: what has no better order is told in this one, without sorting every instance there is. */
const BY_AGE = 'i.id';

const MAP_INDEX = mapIndexSql('i.index_path');
const DURATION = `extract(epoch from coalesce(i.end_date, now()) - i.start_date)`;

const VERSION_COLUMNS = `v.version_number, v.bundle_name as version_bundle_name, v.created_at as version_created_at`;

const COLUMNS = `
i.id, i.dag_id, i.run_id, i.task_id, r.id as dag_run_uuid, r.dag_version_id, coalesce(d.display_name, d.dag_id) as dag_display_name, i.index_path,
r.logical_date, r.run_after, i.state, i.try_number, i.max_tries, i.scheduled_at, i.queued_at, i.start_date, i.end_date, i.queue, i.pool,
i.pool_slots, i.priority_weight, i.operator, i.hostname, i.pid, i.unixname, i.reason, i.rendered_fields, i.rendered_map_index, i.note,
i.executor_config, i.session_id, ${VERSION_COLUMNS}, i.id is null as is_planned, extract(epoch from r.queued_at)::float8 * 1000 as run_queued_at_ms`;

const LOOKUPS = { r: 'join dag_run r on r.id = i.dag_run_id', d: 'join dag d on d.dag_id = i.dag_id', v: 'join dag_version v on v.id = r.dag_version_id' };
const JOINS = Object.values(LOOKUPS).join(' ');
/** Stand-ins that were expanded stand for the instances below them, and are not shown themselves. */
const SHOWN = `(expanded_to is null or expanded_to = 0)`;
const SHOWN_ONES = `(select * from task_instance where ${SHOWN}) i`;
const FROM = `${SHOWN_ONES} ${JOINS}`;

/** Runs that wait to be started; one that was cleared waits as well, but has its instances. `offset 0`: asked of each, never by reading all instances. */
const UNSTARTED = `q.state = 'queued' and q.start_date is null and not exists (select from task_instance t where t.dag_run_id = q.id offset 0)`;
const ANY_UNSTARTED = `
select exists (select from dag_run q where ($1::text is null or q.dag_id = $1) and ($2::text is null or q.run_id = $2) and ${UNSTARTED}) as found`;

/** What a run's first decision will store, as far as the dag version tells it, in the columns of an instance. */
const PLANNED = `
select null::uuid as id, q.id as dag_run_id, q.dag_id, q.run_id, t.task ->> 'taskId' as task_id, '{}'::int[] as index_path, null::text as state,
  0 as try_number, coalesce((t.task ->> 'retries')::int, 0) as max_tries, null::timestamptz as scheduled_at, null::timestamptz as queued_at,
  null::timestamptz as start_date, null::timestamptz as end_date, coalesce(t.task ->> 'queue', 'default') as queue,
  coalesce(t.task ->> 'pool', 'default_pool') as pool, coalesce((t.task ->> 'poolSlots')::int, 1) as pool_slots,
  coalesce((t.task ->> 'priorityWeight')::int, 1) as priority_weight, t.task ->> 'operator' as operator, null::text as hostname, null::int as pid,
  null::text as unixname, null::text as reason, null::jsonb as rendered_fields, null::text as rendered_map_index, null::text as note,
  '{}'::jsonb as executor_config, null::uuid as session_id
from dag_run q
join dag_version qv on qv.id = q.dag_version_id
cross join lateral jsonb_array_elements(qv.document -> 'tasks') as t (task)
where ${UNSTARTED} and (q.task_selection is null or t.task ->> 'taskId' = any(q.task_selection))`;

const PLANNED_ONES = `(${PLANNED}) i`;
const FROM_PLANNED = `${PLANNED_ONES} ${JOINS}`;

const ORDER = {
  id: 'i.id',
  state: { nullable: 'i.state' },
  task_id: 'i.task_id',
  dag_id: 'i.dag_id',
  run_id: 'i.run_id',
  map_index: 'i.index_path',
  rendered_map_index: { nullable: 'i.rendered_map_index' },
  try_number: 'i.try_number',
  run_after: 'r.run_after',
  logical_date: { nullable: 'r.logical_date' },
  data_interval_start: { nullable: 'r.data_interval_start' },
  data_interval_end: { nullable: 'r.data_interval_end' },
  queued_dttm: { nullable: 'i.queued_at' },
  scheduled_dttm: { nullable: 'i.scheduled_at' },
  start_date: { nullable: 'i.start_date' },
  end_date: { nullable: 'i.end_date' },
  duration: { nullable: DURATION },
  operator: 'i.operator',
  queue: 'i.queue',
  pool: 'i.pool',
  priority_weight: 'i.priority_weight',
};

const TRIES = `
select distinct on (t.try_number) t.*, d.dag_display_name, d.dag_version_id, ${VERSION_COLUMNS}
from (
  select h.instance_id as id, h.dag_id, h.run_id, h.task_id, h.dag_run_id as dag_run_uuid, h.index_path, h.state, h.try_number, h.max_tries,
         h.scheduled_at, h.queued_at, h.start_date, h.end_date, h.queue, h.pool, h.pool_slots, h.priority_weight, h.operator, h.hostname, h.pid,
         h.unixname, h.reason, h.session_id, 0 as is_current, h.recorded_at
  from task_instance_history h where h.instance_id = $1 and h.try_number > 0
  union all
  select i.id, i.dag_id, i.run_id, i.task_id, i.dag_run_id, i.index_path, i.state, i.try_number, i.max_tries, i.scheduled_at, i.queued_at,
         i.start_date, i.end_date, i.queue, i.pool, i.pool_slots, i.priority_weight, i.operator, i.hostname, i.pid, i.unixname, i.reason,
         i.session_id, 1, now()
  from task_instance i where i.id = $1 and i.try_number > 0
) t
join lateral (
  select r.dag_version_id, coalesce(dag.display_name, dag.dag_id) as dag_display_name
  from dag_run r join dag on dag.dag_id = r.dag_id where r.id = t.dag_run_uuid
) d on true
join dag_version v on v.id = d.dag_version_id
order by t.try_number, t.is_current desc, t.recorded_at desc`;

function ofOneDag(filter: InstanceFilter): boolean {
  return filter.dagId !== undefined || filter.dagIds?.length === 1 || dagColumn(filter) === 'r.dag_id';
}

/** Instances of a run are found through it; those of a dag by their own index. */
function dagColumn(filter: InstanceFilter): string {
  return filter.runId === undefined && (filter.runIds ?? []).length === 0 ? 'i.dag_id' : 'r.dag_id';
}

function conditions(filter: InstanceFilter): Filter {
  const dagId = dagColumn(filter);
  const built = new Filter()
    .when(filter.dagId, `${dagId} = ?`)
    .when(filter.runId, 'r.run_id = ?')
    .when(filter.taskId, 'i.task_id = ?')
    .whenAny(filter.dagIds, `${dagId} = any(?::text[])`)
    .whenAny(filter.runIds, 'r.run_id = any(?::text[])')
    .whenAny(filter.taskIds, 'i.task_id = any(?::text[])')
    .whenAny(filter.pools, 'i.pool = any(?::text[])')
    .whenAny(filter.queues, 'i.queue = any(?::text[])')
    .whenAny(filter.operators, 'i.operator = any(?::text[])')
    .whenAny(filter.versionNumbers, 'v.version_number = any(?::int[])')
    .whenAny(filter.tryNumbers, 'i.try_number = any(?::int[])')
    .whenAny(filter.mapIndexes, `${MAP_INDEX} = any(?::int8[])`)
    .pattern('i.dag_id', filter.dagIdPattern)
    .pattern('i.run_id', filter.runIdPattern)
    .pattern('i.task_id', filter.taskPattern)
    .pattern('i.pool', filter.poolPattern)
    .pattern('i.queue', filter.queuePattern)
    .pattern('i.operator', filter.operatorPattern)
    .range('r.run_after', filter.runAfter)
    .range('r.logical_date', filter.logicalDate)
    .range('i.start_date', filter.startDate)
    .range('i.end_date', filter.endDate)
    .range('coalesce(i.end_date, i.start_date, i.queued_at, i.scheduled_at)', filter.updatedAt)
    .range(DURATION, filter.duration);
  inStates(built, filter.states ?? []);
  // Airflow's executors do not exist here: nothing runs under any name.
  if (filter.executors !== undefined && filter.executors.length > 0) built.and('false');
  if (filter.onlyMapped) built.and(`i.index_path <> '{}'`);
  return built;
}

/** States that an instance has only while its run is not over: they are looked for among the runs that are not. */
const UNFINISHED: ReadonlySet<string> = new Set(INSTANCE_STATES.filter((state) => !isFinished(state)));

function inStates(built: Filter, states: readonly string[]): void {
  if (states.length === 0) return;
  if (states.includes('none')) built.and('i.state is null or i.state = any(?::text[])', states);
  else built.and('i.state = any(?::text[])', states);
  if (states.every((state) => UNFINISHED.has(state))) built.and(`r.state in ('queued', 'running')`);
}
