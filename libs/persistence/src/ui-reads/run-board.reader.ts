import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface BoardRun {
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: Date;
  readonly logical_date: Date | null;
  readonly queued_at: Date | null;
  readonly start_date: Date | null;
  readonly end_date: Date | null;
  readonly version_number: number;
  readonly note: string | null;
  readonly backfill_id: string | null;
  /** `task\tstate\tinstances` lines; null while the run has not started. */
  readonly cells: string | null;
}

export interface BoardFilter {
  readonly dagId: string;
  readonly before?: Date | undefined;
  readonly states?: readonly string[] | undefined;
  readonly runTypes?: readonly string[] | undefined;
  readonly limit: number;
}

/** One task of one run, its mapped instances summed up. */
export interface TaskSummary {
  readonly task_id: string;
  readonly instances: number;
  readonly states: Record<string, number>;
  readonly try_number: number;
  readonly scheduled_at: Date | null;
  readonly queued_at: Date | null;
  readonly start_date: Date | null;
  readonly end_date: Date | null;
}

/** What the views of one dag draw: runs × tasks, one run's tasks, days, durations. Each is one statement. */
export class RunBoardReader {
  constructor(private readonly db: SqlRunner) {}

  /** Newest runs first, with the state of each of their tasks. */
  async runs(filter: BoardFilter): Promise<readonly BoardRun[]> {
    return (await this.db.query<BoardRun>(BOARD, [filter.dagId, filter.before ?? null, filter.states ?? null, filter.runTypes ?? null, filter.limit])).rows;
  }

  async tasks(dagId: string, runId: string): Promise<readonly TaskSummary[]> {
    return (await this.db.query<TaskSummary>(TASKS, [dagId, runId])).rows;
  }

  /** Runs per day of the zone, by state. */
  async days(dagId: string, zone: string, from: Date, to: Date): Promise<readonly { day: string; state: string; runs: number }[]> {
    return (await this.db.query<{ day: string; state: string; runs: number }>(DAYS, [dagId, zone, from, to])).rows;
  }

  /** How long the tasks of the newest runs waited and ran, seconds. */
  async durations(dagId: string, runs: number): Promise<readonly { task_id: string; tries: number; wait_median: number | null; run_median: number | null; run_p95: number | null; run_max: number | null; failures: number }[]> {
    return (await this.db.query<{ task_id: string; tries: number; wait_median: number | null; run_median: number | null; run_p95: number | null; run_max: number | null; failures: number }>(DURATIONS, [dagId, runs])).rows;
  }
}

const BOARD = `
with runs as (
  select r.id, r.run_id, r.state, r.run_type, r.run_after, r.logical_date, r.queued_at, r.start_date, r.end_date, v.version_number, r.note, r.backfill_id
  from dag_run r join dag_version v on v.id = r.dag_version_id
  where r.dag_id = $1 and ($2::timestamptz is null or r.run_after < $2) and ($3::text[] is null or r.state = any($3)) and ($4::text[] is null or r.run_type = any($4))
  order by r.run_after desc, r.id desc limit $5
)
select runs.run_id, runs.state, runs.run_type, runs.run_after, runs.logical_date, runs.queued_at, runs.start_date, runs.end_date, runs.version_number, runs.note,
  runs.backfill_id::text, i.cells
from runs
left join lateral (
  select string_agg(t.task_id || E'\\t' || t.state || E'\\t' || t.n, E'\\n') as cells
  from (select task_id, coalesce(state, 'none') as state, count(*) as n from task_instance where dag_run_id = runs.id group by 1, 2) t
) i on true
order by runs.run_after desc, runs.id desc`;

const TASKS = `
select t.task_id, sum(t.n)::int as instances, jsonb_object_agg(t.state, t.n) as states, max(t.try_number) as try_number, min(t.scheduled_at) as scheduled_at,
  min(t.queued_at) as queued_at, min(t.start_date) as start_date, case when bool_and(t.all_ended) then max(t.end_date) end as end_date
from (
  select i.task_id, coalesce(i.state, 'none') as state, count(*)::int as n, max(i.try_number) as try_number, min(i.scheduled_at) as scheduled_at, min(i.queued_at) as queued_at,
    min(i.start_date) as start_date, max(i.end_date) as end_date, bool_and(i.end_date is not null) as all_ended
  from task_instance i join dag_run r on r.id = i.dag_run_id
  where r.dag_id = $1 and r.run_id = $2 group by 1, 2
) t group by t.task_id`;

const DAYS = `
select to_char(coalesce(r.logical_date, r.run_after) at time zone $2, 'YYYY-MM-DD') as day, r.state, count(*)::int as runs
from dag_run r where r.dag_id = $1 and coalesce(r.logical_date, r.run_after) >= $3 and coalesce(r.logical_date, r.run_after) < $4
group by 1, 2 order by 1`;

const DURATIONS = `
select i.task_id, count(*)::int as tries, (count(*) filter (where i.state = 'failed'))::int as failures,
  percentile_cont(0.5) within group (order by extract(epoch from i.start_date - i.queued_at)::float8) as wait_median,
  percentile_cont(0.5) within group (order by extract(epoch from i.end_date - i.start_date)::float8) as run_median,
  percentile_cont(0.95) within group (order by extract(epoch from i.end_date - i.start_date)::float8) as run_p95,
  max(extract(epoch from i.end_date - i.start_date)::float8) as run_max
from task_instance i
where i.dag_run_id in (select r.id from dag_run r where r.dag_id = $1 order by r.run_after desc, r.id desc limit $2) and i.start_date is not null and i.end_date is not null
group by 1`;
