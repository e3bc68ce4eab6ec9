import type { DagVersionId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export interface DueDag {
  readonly dagId: string;
  readonly versionId: DagVersionId;
  readonly maxActiveRuns: number;
  readonly nextRunAfterMs: number;
  readonly nowMs: number;
  readonly activeRuns: number;
  /** The newest run the schedule made; null: none yet. */
  readonly lastLogicalDateMs: number | null;
  readonly lastIntervalStartMs: number | null;
  readonly lastIntervalEndMs: number | null;
  readonly lastRunAfterMs: number | null;
}

const COLUMNS = `
  d.dag_id as "dagId", d.current_version_id as "versionId", d.max_active_runs as "maxActiveRuns",
  extract(epoch from d.next_run_after)::float8 * 1000 as "nextRunAfterMs", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs",
  (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in ('queued', 'running') and r.backfill_id is null) as "activeRuns",
  extract(epoch from l.logical_date)::float8 * 1000 as "lastLogicalDateMs", extract(epoch from l.data_interval_start)::float8 * 1000 as "lastIntervalStartMs",
  extract(epoch from l.data_interval_end)::float8 * 1000 as "lastIntervalEndMs", extract(epoch from l.run_after)::float8 * 1000 as "lastRunAfterMs"`;

const LAST = `
left join lateral (
  select r.logical_date, r.data_interval_start, r.data_interval_end, r.run_after from dag_run r
  where r.dag_id = d.dag_id and r.run_type = 'scheduled' order by r.run_after desc, r.id desc limit 1
) l on true`;

/** due-dags: schedules whose next run's time has come; locked until the transaction ends, so that one scheduler makes the run. $1 limit. Index: dag_due. */
const DUE_DAGS: Statement = {
  name: 'due-dags',
  text: `select ${COLUMNS} from (
  select * from dag where next_run_after <= clock_timestamp() and not is_paused and not is_stale and current_version_id is not null
  order by next_run_after limit $1 for no key update skip locked) d ${LAST}`,
};

/** dag-schedule: the same facts of one dag, whatever its time; locked. $1 dag id. */
const DAG_SCHEDULE: Statement = {
  name: 'dag-schedule',
  text: `select ${COLUMNS} from (select * from dag where dag_id = $1 and current_version_id is not null for no key update) d ${LAST}`,
};

/** next-due: milliseconds until the next schedule is due; null: none. */
const NEXT_DUE: Statement = {
  name: 'next-due',
  text: `
select extract(epoch from min(next_run_after) - clock_timestamp())::float8 * 1000 as "inMs"
from dag where next_run_after is not null and not is_paused and not is_stale`,
};

/** set-next-run: what the schedule asks for next; all null: nothing. $1 dag id, $2…$5 ms. */
const SET_NEXT_RUN: Statement = {
  name: 'set-next-run',
  text: `
update dag set next_logical_date = to_timestamp($2::float8 / 1000), next_interval_start = to_timestamp($3::float8 / 1000),
  next_interval_end = to_timestamp($4::float8 / 1000), next_run_after = to_timestamp($5::float8 / 1000) where dag_id = $1`,
};

/** insert-scheduled-run: does nothing when a run of that logical date or run id exists. */
const INSERT_SCHEDULED_RUN: Statement = {
  name: 'insert-scheduled-run',
  text: `
insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, logical_date, data_interval_start, data_interval_end, run_after, params)
values ($1, $2, $3, $4, 'queued', 'scheduled', 'timetable', to_timestamp($5::float8 / 1000), to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000),
  to_timestamp($8::float8 / 1000), $9::jsonb)
on conflict do nothing returning id`,
};

export interface ScheduledRunWrite {
  readonly id: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly versionId: DagVersionId;
  readonly logicalDateMs: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
  readonly runAfterMs: number;
  readonly paramsJson: string;
}

export interface NextRunWrite {
  readonly logicalDateMs: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
  readonly runAfterMs: number;
}

/** Schedules and what they ask for next. Reads lock: use inside a transaction. */
export class DagSchedules {
  constructor(private readonly on: Queryable) {}

  due(limit: number): Promise<DueDag[]> {
    return this.on.query<DueDag & Record<string, unknown>>(DUE_DAGS, [limit]);
  }

  async ofDag(dagId: string): Promise<DueDag | undefined> {
    return (await this.on.query<DueDag & Record<string, unknown>>(DAG_SCHEDULE, [dagId]))[0];
  }

  async msUntilNext(): Promise<number | null> {
    return (await this.on.query<{ inMs: number | null }>(NEXT_DUE))[0]?.inMs ?? null;
  }

  async setNext(dagId: string, next: NextRunWrite | null): Promise<void> {
    await this.on.query(SET_NEXT_RUN, [dagId, next?.logicalDateMs ?? null, next?.intervalStartMs ?? null, next?.intervalEndMs ?? null, next?.runAfterMs ?? null]);
  }

  /** false: a run of that date is there already. */
  async insertRun(run: ScheduledRunWrite): Promise<boolean> {
    const rows = await this.on.query(INSERT_SCHEDULED_RUN, [run.id, run.dagId, run.runId, run.versionId, run.logicalDateMs, run.intervalStartMs, run.intervalEndMs, run.runAfterMs, run.paramsJson]);
    return rows.length > 0;
  }
}
