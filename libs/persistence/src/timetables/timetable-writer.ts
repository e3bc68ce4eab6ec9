import type { DagVersionId } from '@millrace/vocabulary';
import type { NextRunWrite } from '../dags/due-dags.js';
import type { Queryable, Statement } from '../database/database.js';

/** Handed out again when nobody answered for so long; after an error only every so often. */
const ANSWER_WITHIN = `interval '30 seconds'`;
const AFTER_ERROR = `interval '5 minutes'`;
/** Made runs are kept so long, for backfills. */
const KEPT = `interval '400 days'`;

/** A timetable that must be gone on with, and the code that can. */
export interface TimetableToExtend {
  readonly dagId: string;
  readonly versionId: DagVersionId;
  readonly bundle: Buffer;
  readonly after: NextRunWrite | null;
  readonly nowMs: number;
}

const RUN = (alias: string): string => `jsonb_build_object('logicalDateMs', extract(epoch from ${alias}.logical_date) * 1000, 'intervalStartMs', extract(epoch from ${alias}.interval_start) * 1000,
    'intervalEndMs', extract(epoch from ${alias}.interval_end) * 1000, 'runAfterMs', extract(epoch from ${alias}.run_after) * 1000)`;

/** The newest run a version's timetable goes on after: published by it, or, when another version published, made by the schedule. */
const AFTER = `
case when t.version_id = d.current_version_id
  then (select ${RUN('p')} from timetable_run p where p.dag_id = d.dag_id order by p.logical_date desc limit 1)
  else (select ${RUN('r')} from (
    select logical_date, coalesce(data_interval_start, logical_date) as interval_start, coalesce(data_interval_end, logical_date) as interval_end, run_after
    from dag_run x where x.dag_id = d.dag_id and x.run_type = 'scheduled' and x.logical_date is not null order by x.run_after desc, x.id desc limit 1) r)
end`;

/**
 * take-timetables: those of another version than the current one, and those about to run out: fewer than 5 runs to come, or fewer than 100 and none
 * beyond 200 days. One that catches up is told in pieces. Of paused dags none: they are asked about when they are unpaused.
 * $1 how many. Index: timetable_pkey, timetable_run_pkey.
 */
const TAKE_TIMETABLES: Statement = {
  name: 'take-timetables',
  text: `
with needy as (
  select t.dag_id from timetable t join dag d on d.dag_id = t.dag_id
  cross join lateral (select count(*) as ahead, max(p.run_after) as newest from timetable_run p where p.dag_id = t.dag_id and p.run_after > clock_timestamp()) a
  where not d.is_stale and not d.is_paused and d.current_version_id is not null
    and (t.asked_at is null or t.asked_at < clock_timestamp() - case when t.error is null then ${ANSWER_WITHIN} else ${AFTER_ERROR} end)
    and (t.version_id <> d.current_version_id or (not t.is_complete and (a.ahead < 5 or (a.ahead < 100 and a.newest < clock_timestamp() + interval '200 days'))
      and (select count(*) from timetable_run p where p.dag_id = t.dag_id and p.logical_date >= d.next_logical_date) < 1000))
  order by t.asked_at nulls first, t.dag_id limit $1 for update of t skip locked
), taken as (
  update timetable t set asked_at = clock_timestamp() from needy n where t.dag_id = n.dag_id returning t.dag_id, t.version_id
)
select d.dag_id as "dagId", d.current_version_id as "versionId", b.content as bundle, ${AFTER} as after, extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
from taken t join dag d on d.dag_id = t.dag_id join dag_version v on v.id = d.current_version_id join bundle_blob b on b.hash = v.bundle_hash`,
};

/** timetable-state: what an extension must fit to; locks the dag. $1 dag id. */
const TIMETABLE_STATE: Statement = {
  name: 'timetable-state',
  text: `
select d.current_version_id as "currentVersionId", t.version_id as "versionId", ${AFTER} as after
from (select * from dag where dag_id = $1 for no key update) d join timetable t on t.dag_id = d.dag_id`,
};

/** register-timetable: $1 dag id, $2 the version that is to tell its runs, $3 whether these are all. */
const REGISTER: Statement = {
  name: 'register-timetable',
  text: `
insert into timetable (dag_id, version_id, is_complete, extended_at) values ($1, $2, $3, now())
on conflict (dag_id) do update set version_id = excluded.version_id, is_complete = excluded.is_complete, extended_at = now(), asked_at = null, error = null`,
};

/** A version that is to tell its runs after those that were made: whatever is registered stays, and differs from it. */
const REGISTER_OLDER: Statement = {
  name: 'register-timetable-older',
  text: `insert into timetable (dag_id, version_id) values ($1, $2) on conflict (dag_id) do update set asked_at = null, error = null`,
};

const FORGET_RUNS_AFTER: Statement = { name: 'forget-published-runs', text: `delete from timetable_run where dag_id = $1 and ($2::float8 is null or logical_date > to_timestamp($2::float8 / 1000))` };

const FORGET_OLD_RUNS: Statement = {
  name: 'forget-old-published-runs',
  text: `delete from timetable_run p using dag d where p.dag_id = $1 and d.dag_id = $1 and p.run_after < now() - ${KEPT} and p.logical_date < d.next_logical_date
    and p.logical_date < (select max(q.logical_date) from timetable_run q where q.dag_id = $1)`,
};

const INSERT_RUNS: Statement = {
  name: 'insert-published-runs',
  text: `
insert into timetable_run (dag_id, logical_date, interval_start, interval_end, run_after)
select $1, to_timestamp(n."logicalDateMs" / 1000), to_timestamp(n."intervalStartMs" / 1000), to_timestamp(n."intervalEndMs" / 1000), to_timestamp(n."runAfterMs" / 1000)
from jsonb_to_recordset($2::jsonb) as n("logicalDateMs" float8, "intervalStartMs" float8, "intervalEndMs" float8, "runAfterMs" float8)
on conflict do nothing`,
};

/** fail-timetable: shown with the dag's schedule and as its file's import error, unless the file has one. $1 dag id, $2 why. */
const FAIL: Statement = {
  name: 'fail-timetable',
  text: `
with failed as (update timetable set error = $2, asked_at = clock_timestamp() where dag_id = $1 returning dag_id),
  told as (
    insert into import_error (bundle_name, relative_fileloc, fileloc, stack_trace)
    select d.bundle_name, d.relative_fileloc, d.fileloc, format('timetable of dag "%s": %s', d.dag_id, $2::text) from dag d join failed f on f.dag_id = d.dag_id
    on conflict do nothing
  )
update dag d set has_import_errors = true from failed f where f.dag_id = d.dag_id`,
};

/** mend-timetable: the error that was told of it goes. $1 dag id. */
const MEND: Statement = {
  name: 'mend-timetable',
  text: `
with gone as (
  delete from import_error e using dag d where d.dag_id = $1 and e.bundle_name = d.bundle_name and e.relative_fileloc = d.relative_fileloc
    and starts_with(e.stack_trace, format('timetable of dag "%s":', d.dag_id)) returning e.bundle_name, e.relative_fileloc
)
update dag d set has_import_errors = false from gone g where d.bundle_name = g.bundle_name and d.relative_fileloc = g.relative_fileloc`,
};

/** $1 dag id. */
const IS_COMPLETE: Statement = { name: 'is-timetable-complete', text: `select is_complete as "isComplete" from timetable where dag_id = $1` };

const FORGET: Statement = { name: 'forget-timetable', text: `with gone as (delete from timetable where dag_id = $1) delete from timetable_run where dag_id = $1` };

export interface TimetableState {
  readonly currentVersionId: DagVersionId | null;
  /** Of what is published. */
  readonly versionId: DagVersionId;
  readonly after: NextRunWrite | null;
}

/** Runs of timetables written in dag code. Writes belong in a transaction that locked the dag. */
export class TimetableWriter {
  constructor(private readonly on: Queryable) {}

  take(most: number): Promise<TimetableToExtend[]> {
    return this.on.query<TimetableToExtend & Record<string, unknown>>(TAKE_TIMETABLES, [most]);
  }

  async state(dagId: string): Promise<TimetableState | null> {
    return (await this.on.query<TimetableState & Record<string, unknown>>(TIMETABLE_STATE, [dagId]))[0] ?? null;
  }

  /** These are the runs after `after`, told by this version; what was published after it goes. */
  async publish(dagId: string, versionId: string, after: NextRunWrite | null, runs: readonly NextRunWrite[], isComplete: boolean): Promise<void> {
    await this.on.query(FORGET_RUNS_AFTER, [dagId, after?.logicalDateMs ?? null]);
    await this.on.query(INSERT_RUNS, [dagId, JSON.stringify(runs)]);
    await this.on.query(FORGET_OLD_RUNS, [dagId]);
    await this.on.query(REGISTER, [dagId, versionId, isComplete]);
    await this.on.query(MEND, [dagId]);
  }

  /** The dag's current version is to tell its runs; until it has, what is published stays. @param olderVersionId any but the current one */
  async await(dagId: string, olderVersionId: string): Promise<void> {
    await this.on.query(REGISTER_OLDER, [dagId, olderVersionId]);
  }

  /** Whether there are no runs after those published. */
  async isComplete(dagId: string): Promise<boolean> {
    return (await this.on.query<{ isComplete: boolean }>(IS_COMPLETE, [dagId]))[0]?.isComplete ?? false;
  }

  async fail(dagId: string, error: string): Promise<void> {
    await this.on.query(FAIL, [dagId, error]);
  }

  /** The dag has another kind of schedule now. */
  async forget(dagId: string): Promise<void> {
    await this.on.query(FORGET, [dagId]);
  }
}
