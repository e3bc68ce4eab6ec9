import type { AttemptId, ClaimToken, IndexPath, InstanceId } from '@millrace/vocabulary';
import { pathLiteral } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

export interface XComRead {
  readonly dagId: string;
  readonly runId: string;
  readonly taskIds: readonly string[];
  readonly key: string;
  /** null: every instance of each task. */
  readonly indexPath: IndexPath | null;
  readonly includePriorDates: boolean;
}

export interface FoundXComRow {
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly json: string | null;
}

/** xcoms-of-run: values of the current tries. $1 dag id, $2 run id, $3 text[] task ids, $4 key, $5 int[] index path or null. Index: dag_run (dag_id, run_id), xcom_run. */
const XCOMS_OF_RUN: Statement = {
  name: 'xcoms-of-run',
  text: `
select x.task_id as "taskId", x.index_path as "indexPath", x.value::text as json
from dag_run r
join xcom x on x.dag_run_id = r.id
join task_instance t on t.id = x.instance_id and t.try_number = x.try_number
where r.dag_id = $1 and r.run_id = $2 and x.task_id = any($3::text[]) and x.key = $4 and ($5::int[] is null or x.index_path = $5::int[])
order by x.task_id, x.index_path`,
};

/** xcoms-of-prior-run: the same from the newest earlier run that has a value for the task. Index: dag_run_recent, xcom_run. */
const XCOMS_OF_PRIOR_RUN: Statement = {
  name: 'xcoms-of-prior-run',
  text: `
select x.task_id as "taskId", x.index_path as "indexPath", x.value::text as json
from dag_run me
join lateral (
  select r.id from dag_run r
  where r.dag_id = me.dag_id and r.run_after <= me.run_after and r.id <> me.id
    and exists (select 1 from xcom x where x.dag_run_id = r.id and x.task_id = any($3::text[]) and x.key = $4)
  order by r.run_after desc, r.id desc limit 1
) p on true
join xcom x on x.dag_run_id = p.id
join task_instance t on t.id = x.instance_id and t.try_number = x.try_number
where me.dag_id = $1 and me.run_id = $2 and x.task_id = any($3::text[]) and x.key = $4 and ($5::int[] is null or x.index_path = $5::int[])
order by x.task_id, x.index_path`,
};

/**
 * xcom-page: values of a mapped task's successful instances under a path, in index order; `total`: how many there are.
 * $1 dag id, $2 run id, $3 task id, $4 key, $5 int[] path they begin with, $6 offset, $7 limit. Index: dag_run (dag_id, run_id), xcom_run.
 * A page is cut at 3 MB, but has at least one row.
 */
const XCOM_PAGE: Statement = {
  name: 'xcom-page',
  text: `
with found as (
  select x.index_path, x.value, row_number() over (order by x.index_path) as place, count(*) over () as total
  from dag_run r
  join xcom x on x.dag_run_id = r.id
  join task_instance t on t.id = x.instance_id and t.try_number = x.try_number and t.state = 'success'
  where r.dag_id = $1 and r.run_id = $2 and x.task_id = $3 and x.key = $4 and x.index_path[1:cardinality($5::int[])] = $5::int[]
), page as (select index_path, value::text as json, place, total from found where place > $6 and place <= $6 + $7),
sized as (select *, sum(length(json)) over (order by place) as size, min(place) over () as first from page)
select index_path as "indexPath", json, total::int from sized where size < 3000000 or place = first
union all
select '{}'::int[], null, coalesce((select max(total) from found), 0)::int where not exists (select 1 from page)
order by 1`,
};

/** xcom-elements: elements of one value, a list, or the entries of an object as [key, value]. The same parameters; $5 int[] the instance's path. */
const XCOM_ELEMENTS: Statement = {
  name: 'xcom-elements',
  text: `
with value as (
  select x.value, case jsonb_typeof(x.value) when 'array' then jsonb_array_length(x.value) when 'object' then (select count(*) from jsonb_object_keys(x.value)) else -1 end::int as total
  from dag_run r
  join xcom x on x.dag_run_id = r.id
  join task_instance t on t.id = x.instance_id and t.try_number = x.try_number
  where r.dag_id = $1 and r.run_id = $2 and x.task_id = $3 and x.key = $4 and x.index_path = $5::int[]
), parts as (
  -- one element, as each of ten thousand mapped instances asks for its own, without unfolding them all
  select v.value -> $6::int as part, ($6 + 1)::bigint as place from value v where $7 = 1 and jsonb_typeof(v.value) = 'array' and $6 < v.total
  union all
  select e.value, e.place from value v, jsonb_array_elements(case when $7 > 1 and jsonb_typeof(v.value) = 'array' then v.value else '[]' end) with ordinality as e(value, place)
  where e.place > $6 and e.place <= $6 + $7
  union all
  select jsonb_build_array(e.key, e.value), e.place from value v, jsonb_each(case jsonb_typeof(v.value) when 'object' then v.value else '{}' end) with ordinality as e(key, value, place)
  where e.place > $6 and e.place <= $6 + $7
), sized as (select part::text as json, place, sum(length(part::text)) over (order by place) as size, min(place) over () as first from parts)
select array[(place - 1)::int] as "indexPath", json, (select total from value) as total from sized where size < 3000000 or place = first
union all
select '{}'::int[], null, coalesce((select total from value), 0) where not exists (select 1 from parts)
order by 1`,
};

export interface XComPageRead {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly key: string;
  /** Of the instances the beginning; with `elements` of the one instance the whole. */
  readonly path: IndexPath;
  readonly elements: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** is-running: the dag, its team and the run of a running attempt, if this claim is its current one. */
const IS_RUNNING: Statement = {
  name: 'is-running',
  text: `
select t.dag_id as "dagId", t.run_id as "runId", d.team from task_instance t join dag d on d.dag_id = t.dag_id
where t.id = $1 and t.attempt_id = $2 and t.claim_token = $3 and t.state in ('running', 'restarting')`,
};

/**
 * is-latest-run: of a scheduled run or a backfill's, whether the schedule has asked for a later one by now, made or not. $1 dag id, $2 run id.
 * Index: dag_run (dag_id, run_id), dag_run_recent.
 */
const IS_LATEST_RUN: Statement = {
  name: 'is-latest-run',
  text: `
select r.run_type not in ('scheduled', 'backfill') or (
  not exists (select 1 from dag_run o where o.dag_id = r.dag_id and o.run_type = 'scheduled' and o.run_after > r.run_after and o.run_after <= now())
  and not coalesce(d.next_run_after > r.run_after and d.next_run_after <= now(), false)) as latest
from dag_run r join dag d on d.dag_id = r.dag_id where r.dag_id = $1 and r.run_id = $2`,
};

const VARIABLE: Statement = { name: 'variable-of-task', text: `select value, is_encrypted as "isEncrypted", team from variable where key = $1` };

const CONNECTION: Statement = {
  name: 'connection-of-task',
  text: `
select connection_id as "connectionId", conn_type as "connType", host, schema_name as schema, login, port,
  password_encrypted as "passwordEncrypted", extra_encrypted as "extraEncrypted", team from connection where connection_id = $1`,
};

export interface StoredConnection {
  readonly connectionId: string;
  readonly connType: string;
  readonly host: string | null;
  readonly schema: string | null;
  readonly login: string | null;
  readonly port: number | null;
  readonly passwordEncrypted: string | null;
  readonly extraEncrypted: string | null;
  /** Whose dags may have it; null: all. */
  readonly team: string | null;
}

export interface StoredVariable {
  readonly value: string;
  readonly isEncrypted: boolean;
  /** Whose dags may have it; null: all. */
  readonly team: string | null;
}

/** Who asks: what runs, and the team of its dag; null: it has none. */
export interface RunningWork {
  readonly dagId: string;
  readonly runId: string;
  readonly team: string | null;
}

/** What a running attempt may read. */
export class AttemptReads {
  constructor(private readonly on: Queryable) {}

  /** undefined: the claim is not the current one of a running attempt. */
  async running(instanceId: InstanceId, attemptId: AttemptId, token: ClaimToken): Promise<RunningWork | undefined> {
    return (await this.on.query<RunningWork & Record<string, unknown>>(IS_RUNNING, [instanceId, attemptId, token]))[0];
  }

  async xcoms(read: XComRead): Promise<FoundXComRow[]> {
    const values = [read.dagId, read.runId, read.taskIds, read.key, read.indexPath === null ? null : pathLiteral(read.indexPath)];
    const rows = await this.on.query<FoundXComRow & Record<string, unknown>>(XCOMS_OF_RUN, values);
    return rows.length > 0 || !read.includePriorDates ? rows : this.on.query<FoundXComRow & Record<string, unknown>>(XCOMS_OF_PRIOR_RUN, values);
  }

  /** Some of the values of a mapped task, or elements of one value, and how many there are; -1: the value has no elements. */
  async xcomPage(read: XComPageRead): Promise<{ rows: { indexPath: IndexPath; json: string | null }[]; total: number }> {
    const values = [read.dagId, read.runId, read.taskId, read.key, pathLiteral(read.path), read.offset, read.limit];
    const rows = await this.on.query<{ indexPath: IndexPath; json: string | null; total: number }>(read.elements ? XCOM_ELEMENTS : XCOM_PAGE, values);
    return { rows: rows.filter((row) => row.json !== null), total: rows[0]?.total ?? 0 };
  }

  async isLatestRun(dagId: string, runId: string): Promise<boolean> {
    return (await this.on.query<{ latest: boolean }>(IS_LATEST_RUN, [dagId, runId]))[0]?.latest ?? true;
  }

  async variable(key: string): Promise<StoredVariable | undefined> {
    return (await this.on.query<StoredVariable & Record<string, unknown>>(VARIABLE, [key]))[0];
  }

  async connection(id: string): Promise<StoredConnection | undefined> {
    return (await this.on.query<StoredConnection & Record<string, unknown>>(CONNECTION, [id]))[0];
  }
}
