import type { DagVersionId, ReprocessBehavior, RunId, RunState } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement, Transaction } from '../database/database.js';

export interface NewBackfill {
  readonly dagId: string;
  readonly fromDate: Date;
  readonly toDate: Date;
  readonly confJson: string;
  readonly reprocessBehavior: ReprocessBehavior;
  readonly runBackwards: boolean;
  readonly maxActiveRuns: number;
  readonly runOnLatestVersion: boolean;
  readonly userName: string;
}

/** Why a date of a backfill has no run, in Airflow's words. */
export type BackfillException = 'in flight' | 'already exists' | 'unknown';

export interface BackfillDateWrite {
  /** From 1, in the order the runs start. */
  readonly ordinal: number;
  readonly logicalDate: Date;
  readonly runId: RunId | null;
  readonly exceptionReason: BackfillException | null;
}

/** A finished run a backfill takes over, and what is asked of it. */
export interface AdoptedRun {
  readonly id: RunId;
  readonly ordinal: number;
}

const LOCK_DAG: Statement = { name: 'lock-dag', text: `select 1 from dag where dag_id = $1 for no key update` };

const INSERT_BACKFILL: Statement = {
  name: 'insert-backfill',
  text: `
insert into backfill (dag_id, from_date, to_date, dag_run_conf, reprocess_behavior, run_backwards, max_active_runs, run_on_latest_version, triggering_user_name)
values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9) returning id`,
};

const INSERT_DATES: Statement = {
  name: 'insert-backfill-dates',
  text: `
insert into backfill_date (backfill_id, ordinal, logical_date, dag_run_id, exception_reason)
select $1, n."ordinal", n."logicalDate", n."runId", n."exceptionReason"
from jsonb_to_recordset($2::jsonb) as n("ordinal" int, "logicalDate" timestamptz, "runId" uuid, "exceptionReason" text)`,
};

/** open-backfill: one that is not over; a dag has at most one. Index: backfill_open. */
const OPEN_BACKFILL: Statement = { name: 'open-backfill', text: `select id from backfill where dag_id = $1 and completed_at is null` };

/** runs-in-range: what is there already. $1 dag id, $2, $3 logical dates. Index: dag_run_logical_date. */
const RUNS_IN_RANGE: Statement = {
  name: 'runs-in-range',
  text: `select id, logical_date as "logicalDate", null as "partitionKey", state from dag_run where dag_id = $1 and logical_date between $2 and $3`,
};

/** runs-of-partitions: the newest of each. $1 dag id, $2 text[] partition keys. Index: dag_run_recent. */
const RUNS_OF_PARTITIONS: Statement = {
  name: 'runs-of-partitions',
  text: `
select distinct on (partition_key) id, logical_date as "logicalDate", partition_key as "partitionKey", state from dag_run
where dag_id = $1 and partition_key = any($2::text[]) order by partition_key, start_date desc nulls last, id desc`,
};

/**
 * adopt-runs: finished runs become the backfill's; one that somebody put back meanwhile is left out. The version goes up, so that whoever decides on
 * the run now reads it again. $1 backfill id, $2 uuid[] ids, $3 int[] ordinals, $4 dag version to run on, or null for their own.
 */
const ADOPT_RUNS: Statement = {
  name: 'adopt-runs',
  text: `
update dag_run r set backfill_id = $1, backfill_order = n.ordinal, run_type = 'backfill', triggered_by = 'backfill', dag_version_id = coalesce($4::uuid, r.dag_version_id), version = r.version + 1
from unnest($2::uuid[], $3::int[]) as n (id, ordinal)
where r.id = n.id and r.state in ('success', 'failed') returning r.id`,
};

/** ask-to-run-again: what a sweeper or this process applies to adopted runs: back in line, all instances cleared. $1 uuid[] run ids, $2 by whom. */
const ASK_TO_RUN_AGAIN: Statement = {
  name: 'ask-to-run-again',
  text: `
with again as (
  select r.id, coalesce((select jsonb_agg(t.id) from task_instance t where t.dag_run_id = r.id), '[]'::jsonb) as instances
  from dag_run r where r.id = any($1::uuid[])
)
insert into run_event (id, dag_run_id, kind, payload)
select n.ids[a.place], a.id, 'run_marked', jsonb_build_object('type', 'run_marked', 'state', 'queued', 'by', $2::text)
from (select *, row_number() over (order by id) as place from again) a, (select $3::uuid[] as ids) n
union all
select n.ids[a.place], a.id, 'cleared', jsonb_build_object('type', 'cleared', 'instanceIds', a.instances, 'by', $2::text)
from (select *, row_number() over (order by id) as place from again) a, (select $4::uuid[] as ids) n
returning id, dag_run_id as "runId", payload`,
};

/** set-backfill-paused: null when there is none, or it is over. */
const SET_BACKFILL_PAUSED: Statement = {
  name: 'set-backfill-paused',
  text: `update backfill set is_paused = $2, updated_at = now() where id = $1 and completed_at is null and cancelled_at is null returning dag_id as "dagId"`,
};

/** cancel-backfill: nothing of it starts any more; it is over when what has not begun has been failed (see complete-backfills). */
const CANCEL_BACKFILL: Statement = {
  name: 'cancel-backfill',
  text: `update backfill set cancelled_at = now(), is_paused = true, updated_at = now() where id = $1 and completed_at is null and cancelled_at is null returning dag_id as "dagId"`,
};

/** runs-of-cancelled-backfills: what has not begun and never will. $1 backfill id, or null for all. Index: backfill_open, dag_run_backfill. */
const RUNS_OF_CANCELLED_BACKFILLS: Statement = {
  name: 'runs-of-cancelled-backfills',
  text: `
select r.id from backfill b join dag_run r on r.backfill_id = b.id
where b.completed_at is null and b.cancelled_at is not null and ($1::bigint is null or b.id = $1)
  and (r.state = 'queued' or exists (select from run_event e where e.dag_run_id = r.id))`,
};

/**
 * complete-backfills: those whose runs have all ended, and cancelled ones of which nothing waits any more; what runs of those may end.
 * A run that is still to be put back in line looks ended, and is not. $1 id, or null for all. Index: backfill_open, dag_run_backfill.
 */
const COMPLETE_BACKFILLS: Statement = {
  name: 'complete-backfills',
  text: `
update backfill b set completed_at = now(), updated_at = now()
where b.completed_at is null and ($1::bigint is null or b.id = $1)
  and not exists (select 1 from dag_run r where r.backfill_id = b.id and (r.state = 'queued' or (r.state = 'running' and b.cancelled_at is null)))
  and not exists (select 1 from dag_run r join run_event e on e.dag_run_id = r.id where r.backfill_id = b.id)
returning b.id`,
};

export interface RunInRange {
  readonly id: RunId;
  /** null: a run of a partition. */
  readonly logicalDate: Date | null;
  readonly partitionKey: string | null;
  readonly state: RunState;
}

/** A run event that was stored and can be applied at once. */
export interface AskedEvent {
  readonly id: string;
  readonly runId: RunId;
  readonly payload: unknown;
}

export class BackfillWriter {
  constructor(private readonly tx: Transaction) {}

  /** One at a time asks for a backfill of a dag, and no run of it starts meanwhile. */
  async lockDag(dagId: string): Promise<void> {
    await this.tx.query(LOCK_DAG, [dagId]);
  }

  async insert(backfill: NewBackfill): Promise<number> {
    const rows = await this.tx.query<{ id: number }>(INSERT_BACKFILL, [
      backfill.dagId, backfill.fromDate, backfill.toDate, backfill.confJson, backfill.reprocessBehavior, backfill.runBackwards, backfill.maxActiveRuns, backfill.runOnLatestVersion, backfill.userName,
    ]);
    return rows[0]!.id;
  }

  async insertDates(backfillId: number, dates: readonly BackfillDateWrite[]): Promise<void> {
    await this.tx.query(INSERT_DATES, [backfillId, JSON.stringify(dates)]);
  }

  async open(dagId: string): Promise<number | undefined> {
    return (await this.tx.query<{ id: number }>(OPEN_BACKFILL, [dagId]))[0]?.id;
  }

  /** Ids of those that could be had. */
  async adopt(backfillId: number, runs: readonly AdoptedRun[], versionId: DagVersionId | null): Promise<Set<RunId>> {
    const rows = await this.tx.query<{ id: RunId }>(ADOPT_RUNS, [backfillId, plainArray(runs.map((run) => run.id)), plainArray(runs.map((run) => run.ordinal)), versionId]);
    return new Set(rows.map((row) => row.id));
  }

  /** Stores what puts runs back in line and clears them, so that it happens whatever becomes of this process. @param ids two ascending uuids a run */
  async askToRunAgain(runs: readonly RunId[], by: string, ids: { readonly marked: readonly string[]; readonly cleared: readonly string[] }): Promise<AskedEvent[]> {
    const rows = await this.tx.query<AskedEvent & Record<string, unknown>>(ASK_TO_RUN_AGAIN, [plainArray(runs), by, plainArray(ids.marked), plainArray(ids.cleared)]);
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async setPaused(id: number, paused: boolean): Promise<string | undefined> {
    return (await this.tx.query<{ dagId: string }>(SET_BACKFILL_PAUSED, [id, paused]))[0]?.dagId;
  }

  async cancel(id: number): Promise<string | undefined> {
    return (await this.tx.query<{ dagId: string }>(CANCEL_BACKFILL, [id]))[0]?.dagId;
  }
}

export function runsInRange(on: Queryable, dagId: string, from: Date, to: Date): Promise<RunInRange[]> {
  return on.query<RunInRange & Record<string, unknown>>(RUNS_IN_RANGE, [dagId, from, to]);
}

/** The newest run of each partition that has one. */
export function runsOfPartitions(on: Queryable, dagId: string, keys: readonly string[]): Promise<RunInRange[]> {
  return on.query<RunInRange & Record<string, unknown>>(RUNS_OF_PARTITIONS, [dagId, keys]);
}

export async function completeBackfills(on: Queryable, id: number | null): Promise<number[]> {
  return (await on.query<{ id: number }>(COMPLETE_BACKFILLS, [id])).map((row) => row.id);
}

/** Queued runs that must end because their backfill was cancelled. */
export async function runsOfCancelledBackfills(on: Queryable, id: number | null): Promise<RunId[]> {
  return (await on.query<{ id: RunId }>(RUNS_OF_CANCELLED_BACKFILLS, [id])).map((row) => row.id);
}
