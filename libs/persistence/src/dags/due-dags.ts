import type { DagVersionId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

/** A run a schedule asks for; times in ms. */
export interface NextRunWrite {
  readonly logicalDateMs: number;
  readonly intervalStartMs: number;
  readonly intervalEndMs: number;
  readonly runAfterMs: number;
}

/** A dag whose schedule is looked at; its row is locked. */
export interface ScheduledDag {
  readonly dagId: string;
  readonly versionId: DagVersionId;
  readonly maxActiveRuns: number;
  readonly nowMs: number;
  /** What the schedule asked for when it was last looked at; null: nothing. */
  readonly pending: NextRunWrite | null;
}

const COLUMNS = `
  d.dag_id as "dagId", d.current_version_id as "versionId", d.max_active_runs as "maxActiveRuns", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs",
  extract(epoch from d.next_logical_date)::float8 * 1000 as "logicalDateMs", extract(epoch from d.next_interval_start)::float8 * 1000 as "intervalStartMs",
  extract(epoch from d.next_interval_end)::float8 * 1000 as "intervalEndMs", extract(epoch from d.next_run_after)::float8 * 1000 as "runAfterMs"`;

const ACTIVE = `(select count(*) from dag_run r where r.dag_id = d.dag_id and r.state in ('queued', 'running') and r.backfill_id is null)`;

/**
 * due-dags: schedules whose next run's time has come and that have room for it; locked until the transaction ends, so that one scheduler makes the
 * run. Those without room stay due and are passed over: a hundred dags that catch up do not stand before the others. $1 limit, $2 text[] dags to leave
 * out. Index: dag_due, dag_run_active.
 */
const DUE_DAGS: Statement = {
  name: 'due-dags',
  text: `select ${COLUMNS} from (
  select * from dag d where next_run_after <= clock_timestamp() and not is_paused and not is_stale and current_version_id is not null
    and dag_id <> all($2::text[]) and ${ACTIVE} < max_active_runs
  order by next_run_after, dag_id limit $1 for no key update skip locked) d`,
};

/** active-runs: queued and running runs of these dags, backfills apart; asked after their rows are locked, so that the count holds. $1 text[] dag ids. */
const ACTIVE_RUNS: Statement = {
  name: 'active-runs-of-dags',
  text: `select dag_id as "dagId", count(*)::int as count from dag_run where dag_id = any($1::text[]) and state in ('queued', 'running') and backfill_id is null group by dag_id`,
};

/** dag-schedule: the same facts of one dag, whatever its time; locked. $1 dag id. */
const DAG_SCHEDULE: Statement = {
  name: 'dag-schedule',
  text: `select ${COLUMNS} from (select * from dag where dag_id = $1 and current_version_id is not null for no key update) d`,
};

/** last-scheduled-run: the newest run the schedule made. $1 dag id. Index: dag_run_recent. */
const LAST_SCHEDULED_RUN: Statement = {
  name: 'last-scheduled-run',
  text: `
select extract(epoch from coalesce(logical_date, run_after))::float8 * 1000 as "logicalDateMs",
  extract(epoch from coalesce(data_interval_start, logical_date, run_after))::float8 * 1000 as "intervalStartMs",
  extract(epoch from coalesce(data_interval_end, logical_date, run_after))::float8 * 1000 as "intervalEndMs", extract(epoch from run_after)::float8 * 1000 as "runAfterMs"
from dag_run where dag_id = $1 and run_type = 'scheduled' and (logical_date is not null or partition_key is not null) order by run_after desc, id desc limit 1`,
};

/** next-due: milliseconds until the next schedule is due that is not due already; null: none. Index: dag_due. */
const NEXT_DUE: Statement = {
  name: 'next-due',
  text: `
select extract(epoch from min(next_run_after) - clock_timestamp())::float8 * 1000 as "inMs"
from dag where next_run_after > clock_timestamp() and not is_paused and not is_stale`,
};

/** set-next-runs: what schedules ask for next; times null: nothing. $1 json array. */
const SET_NEXT_RUNS: Statement = {
  name: 'set-next-runs',
  text: `
update dag d set next_logical_date = to_timestamp(n."logicalDateMs" / 1000), next_interval_start = to_timestamp(n."intervalStartMs" / 1000),
  next_interval_end = to_timestamp(n."intervalEndMs" / 1000), next_run_after = to_timestamp(n."runAfterMs" / 1000)
from jsonb_to_recordset($1::jsonb) as n("dagId" text, "logicalDateMs" float8, "intervalStartMs" float8, "intervalEndMs" float8, "runAfterMs" float8)
where d.dag_id = n."dagId"`,
};

/** insert-scheduled-runs: leaves out those whose logical date or run id exists. $1 json array. */
const INSERT_SCHEDULED_RUNS: Statement = {
  name: 'insert-scheduled-runs',
  text: `
insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, logical_date, data_interval_start, data_interval_end, run_after, params,
  partition_key, partition_date)
select n."id", n."dagId", n."runId", n."versionId", 'queued', 'scheduled', 'timetable', to_timestamp(n."logicalDateMs" / 1000), to_timestamp(n."intervalStartMs" / 1000),
  to_timestamp(n."intervalEndMs" / 1000), to_timestamp(n."runAfterMs" / 1000), n."paramsJson"::jsonb, n."partitionKey", to_timestamp(n."partitionDateMs" / 1000)
from jsonb_to_recordset($1::jsonb) as n("id" uuid, "dagId" text, "runId" text, "versionId" uuid, "logicalDateMs" float8, "intervalStartMs" float8, "intervalEndMs" float8,
  "runAfterMs" float8, "paramsJson" text, "partitionKey" text, "partitionDateMs" float8)
on conflict do nothing returning dag_id as "dagId"`,
};

export interface ScheduledRunWrite {
  /** null, and no interval: the run of a partition. */
  readonly logicalDateMs: number | null;
  readonly intervalStartMs: number | null;
  readonly intervalEndMs: number | null;
  readonly runAfterMs: number;
  readonly partitionKey: string | null;
  readonly partitionDateMs: number | null;
  readonly id: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly versionId: DagVersionId;
  readonly paramsJson: string;
}

type Row = Omit<ScheduledDag, 'pending'> & { readonly [K in keyof NextRunWrite]: number | null };

/** Schedules and what they ask for next. Reads lock: use inside a transaction. */
export class DagSchedules {
  constructor(private readonly on: Queryable) {}

  async due(limit: number, without: readonly string[]): Promise<ScheduledDag[]> {
    return (await this.on.query<Row & Record<string, unknown>>(DUE_DAGS, [limit, without])).map(scheduledDag);
  }

  async activeRuns(dagIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.on.query<{ dagId: string; count: number }>(ACTIVE_RUNS, [dagIds]);
    return new Map(rows.map((row) => [row.dagId, row.count]));
  }

  async ofDag(dagId: string): Promise<ScheduledDag | undefined> {
    const rows = await this.on.query<Row & Record<string, unknown>>(DAG_SCHEDULE, [dagId]);
    return rows.map(scheduledDag)[0];
  }

  async lastScheduledRun(dagId: string): Promise<NextRunWrite | null> {
    return (await this.on.query<NextRunWrite & Record<string, unknown>>(LAST_SCHEDULED_RUN, [dagId]))[0] ?? null;
  }

  async msUntilNext(): Promise<number | null> {
    return (await this.on.query<{ inMs: number | null }>(NEXT_DUE))[0]?.inMs ?? null;
  }

  async setNext(next: ReadonlyMap<string, NextRunWrite | null>): Promise<void> {
    const rows = [...next].map(([dagId, run]) => ({ dagId, logicalDateMs: run?.logicalDateMs, intervalStartMs: run?.intervalStartMs, intervalEndMs: run?.intervalEndMs, runAfterMs: run?.runAfterMs }));
    await this.on.query(SET_NEXT_RUNS, [JSON.stringify(rows)]);
  }

  /** Dags of the runs that were made, one entry a run; the others' dates have a run already. */
  async insertRuns(runs: readonly ScheduledRunWrite[]): Promise<string[]> {
    return (await this.on.query<{ dagId: string }>(INSERT_SCHEDULED_RUNS, [JSON.stringify(runs)])).map((row) => row.dagId);
  }
}

function scheduledDag({ logicalDateMs, intervalStartMs, intervalEndMs, runAfterMs, ...dag }: Row): ScheduledDag {
  const pending = logicalDateMs === null || runAfterMs === null ? null : { logicalDateMs, intervalStartMs: intervalStartMs ?? logicalDateMs, intervalEndMs: intervalEndMs ?? logicalDateMs, runAfterMs };
  return { ...dag, pending };
}
