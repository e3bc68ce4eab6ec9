import type { ReprocessBehavior, RunId, RunState } from '@millrace/vocabulary';
import type { Queryable, Statement, Transaction } from '../database/database.js';

export interface NewBackfill {
  readonly dagId: string;
  readonly fromDate: Date;
  readonly toDate: Date;
  readonly confJson: string;
  readonly reprocessBehavior: ReprocessBehavior;
  readonly runBackwards: boolean;
  readonly maxActiveRuns: number;
  readonly userName: string;
  readonly isPaused: boolean;
}

const INSERT_BACKFILL: Statement = {
  name: 'insert-backfill',
  text: `
insert into backfill (dag_id, from_date, to_date, dag_run_conf, reprocess_behavior, run_backwards, max_active_runs, triggering_user_name, is_paused)
values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9) returning id`,
};

/** open-backfill: one that is neither completed nor cancelled; a dag has at most one. */
const OPEN_BACKFILL: Statement = { name: 'open-backfill', text: `select id from backfill where dag_id = $1 and completed_at is null` };

/** runs-in-range: what is there already. $1 dag id, $2, $3 logical dates. Index: dag_run_logical_date. */
const RUNS_IN_RANGE: Statement = {
  name: 'runs-in-range',
  text: `select id, logical_date as "logicalDate", state from dag_run where dag_id = $1 and logical_date between $2 and $3`,
};

const ADOPT_RUN: Statement = { name: 'adopt-run', text: `update dag_run set backfill_id = $2, backfill_order = $3 where id = $1` };

/** set-backfill-paused: null when there is none, or it is over. */
const SET_BACKFILL_PAUSED: Statement = {
  name: 'set-backfill-paused',
  text: `update backfill set is_paused = $2, updated_at = now() where id = $1 and completed_at is null returning dag_id as "dagId"`,
};

const CANCEL_BACKFILL: Statement = {
  name: 'cancel-backfill',
  text: `update backfill set cancelled_at = now(), completed_at = now(), is_paused = true, updated_at = now() where id = $1 and completed_at is null returning dag_id as "dagId"`,
};

/** runs-of-cancelled-backfills: what has not begun and never will. $1 backfill id, or null for all. Index: dag_run_active. */
const RUNS_OF_CANCELLED_BACKFILLS: Statement = {
  name: 'runs-of-cancelled-backfills',
  text: `
select r.id from dag_run r join backfill b on b.id = r.backfill_id
where r.state = 'queued' and b.cancelled_at is not null and ($1::bigint is null or b.id = $1)`,
};

/** complete-backfills: those whose runs have all ended; a paused one is not over. $1 id, or null for all. */
const COMPLETE_BACKFILLS: Statement = {
  name: 'complete-backfills',
  text: `
update backfill b set completed_at = now(), updated_at = now()
where b.completed_at is null and not b.is_paused and ($1::bigint is null or b.id = $1)
  and not exists (select 1 from dag_run r where r.backfill_id = b.id and r.state in ('queued', 'running'))
returning b.id`,
};

export interface RunInRange {
  readonly id: RunId;
  readonly logicalDate: Date;
  readonly state: RunState;
}

export class BackfillWriter {
  constructor(private readonly tx: Transaction) {}

  async insert(backfill: NewBackfill): Promise<number> {
    const rows = await this.tx.query<{ id: number }>(INSERT_BACKFILL, [
      backfill.dagId, backfill.fromDate, backfill.toDate, backfill.confJson, backfill.reprocessBehavior, backfill.runBackwards, backfill.maxActiveRuns, backfill.userName, backfill.isPaused,
    ]);
    return rows[0]!.id;
  }

  async open(dagId: string): Promise<number | undefined> {
    return (await this.tx.query<{ id: number }>(OPEN_BACKFILL, [dagId]))[0]?.id;
  }

  async adopt(run: RunId, backfillId: number, order: number): Promise<void> {
    await this.tx.query(ADOPT_RUN, [run, backfillId, order]);
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

export async function completeBackfills(on: Queryable, id: number | null): Promise<number[]> {
  return (await on.query<{ id: number }>(COMPLETE_BACKFILLS, [id])).map((row) => row.id);
}

/** Queued runs that must end because their backfill was cancelled. */
export async function runsOfCancelledBackfills(on: Queryable, id: number | null): Promise<RunId[]> {
  return (await on.query<{ id: RunId }>(RUNS_OF_CANCELLED_BACKFILLS, [id])).map((row) => row.id);
}
