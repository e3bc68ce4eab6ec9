import type { SqlRunner } from '../api-reads/sql-runner.js';

/** What a dag's row says after its file was published. Times are the database's. */
export interface DagPublication {
  readonly dagId: string;
  readonly bundleName: string;
  readonly relativeFileloc: string;
  readonly fileloc: string;
  readonly team: string | null;
  readonly displayName: string | null;
  readonly description: string | null;
  readonly owners: readonly string[];
  readonly tags: readonly string[];
  readonly timetableSummary: string | null;
  readonly timetableDescription: string;
  /** Only for a dag that is new; an existing one keeps its own. */
  readonly pausedAtCreation: boolean;
  readonly parseSeconds: number;
  readonly maxActiveRuns: number;
  readonly maxActiveTasks: number;
  readonly maxConsecutiveFailedRuns: number;
  readonly hasDeadlines: boolean;
}

export interface StoredDag {
  readonly dag_id: string;
  readonly bundle_name: string;
  readonly relative_fileloc: string;
  readonly is_stale: boolean;
  readonly current_version_id: string | null;
  readonly has_import_errors: boolean;
  /** Of the current version. */
  readonly content_hash: string | null;
  /** Schedule part of the current version's document; null: none yet. */
  readonly schedule_part: unknown;
}

export interface NextRunColumns {
  readonly logicalDate: Date | null;
  readonly intervalStart: Date | null;
  readonly intervalEnd: Date | null;
  readonly runAfter: Date | null;
}

export interface StoredAutomatedRun {
  readonly logical_date: Date;
  readonly data_interval_start: Date;
  readonly data_interval_end: Date;
  readonly run_after: Date;
}

/** Statements of publishing dag files. Every method belongs in one transaction that began with `lock`. */
export class PublicationWriter {
  constructor(private readonly db: SqlRunner) {}

  /** One publication at a time, until commit: two files that claim one dag id must see each other. Returns the database's clock. */
  async lock(): Promise<Date> {
    // A big file holds the lock for longer than a connection usually waits for one.
    await this.db.query(`set local lock_timeout = '20s'`);
    await this.db.query(LOCK);
    const { rows } = await this.db.query<{ now: Date }>(`select now() as now`);
    return rows[0]!.now;
  }

  /** @param version which state of its source the bundle is in; null: nothing is known */
  async touchBundle(name: string, version: string | null = null): Promise<void> {
    await this.db.query(TOUCH_BUNDLE, [name, version]);
  }

  async storeBlob(hash: string, content: Uint8Array): Promise<void> {
    await this.db.query(STORE_BLOB, [hash, Buffer.from(content)]);
  }

  async dagsOf(dagIds: readonly string[]): Promise<readonly StoredDag[]> {
    return (await this.db.query<StoredDag>(DAGS_OF, [dagIds])).rows;
  }

  async missingTeams(names: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.db.query<{ name: string }>(MISSING_TEAMS, [names]);
    return rows.map((row) => row.name);
  }

  /** The team a dag of this file will be of, as the trigger on dag decides it. */
  async ownerOf(bundleName: string, relativeFileloc: string, named: string | null): Promise<string | null> {
    const { rows } = await this.db.query<{ team: string | null }>(OWNER_OF, [bundleName, relativeFileloc, named]);
    return rows[0]!.team;
  }

  async upsertDag(dag: DagPublication): Promise<void> {
    await this.db.query(UPSERT_DAG, [
      dag.dagId, dag.bundleName, dag.relativeFileloc, dag.fileloc, dag.team, dag.displayName, dag.description, dag.owners, dag.tags,
      dag.timetableSummary, dag.timetableDescription, dag.pausedAtCreation, dag.parseSeconds, dag.maxActiveRuns, dag.maxActiveTasks,
      dag.maxConsecutiveFailedRuns,
    ]);
    await this.db.query(SET_HAS_DEADLINES, [dag.dagId, dag.hasDeadlines]);
  }

  /** Stores the version unless the dag has one of the same content; makes it the current one. */
  async upsertVersion(version: {
    readonly id: string;
    readonly dagId: string;
    readonly contentHash: string;
    readonly bundleHash: string | null;
    readonly bundleName: string;
    readonly document: unknown;
    readonly source: string;
    readonly bundleVersion: string | null;
  }): Promise<{ readonly id: string; readonly versionNumber: number }> {
    const values = [version.id, version.dagId, version.contentHash, version.bundleHash, version.bundleName, JSON.stringify(version.document), version.source, version.bundleVersion];
    await this.db.query(INSERT_VERSION, values);
    const { rows } = await this.db.query<{ id: string; version_number: number }>(MAKE_CURRENT, [version.dagId, version.contentHash]);
    return { id: rows[0]!.id, versionNumber: rows[0]!.version_number };
  }

  async lastAutomatedRun(dagId: string): Promise<StoredAutomatedRun | null> {
    return (await this.db.query<StoredAutomatedRun>(LAST_AUTOMATED_RUN, [dagId])).rows[0] ?? null;
  }

  async setNextRun(dagId: string, next: NextRunColumns): Promise<void> {
    await this.db.query(SET_NEXT_RUN, [dagId, next.logicalDate, next.intervalStart, next.intervalEnd, next.runAfter]);
  }

  /** Dags this file had and has no more become stale. Returns their ids. */
  async retireMissing(bundleName: string, relativeFileloc: string, present: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.db.query<{ dag_id: string }>(RETIRE_MISSING, [bundleName, relativeFileloc, present]);
    return rows.map((row) => row.dag_id);
  }

  /** Dags of files the folder no longer has become stale, and those files' import errors go. Returns the dags' ids. */
  async retireFiles(bundleName: string, presentFiles: readonly string[]): Promise<readonly string[]> {
    await this.db.query(FORGET_GONE_FILES, [bundleName, presentFiles]);
    const { rows } = await this.db.query<{ dag_id: string }>(RETIRE_FILES, [bundleName, presentFiles]);
    return rows.map((row) => row.dag_id);
  }

  /** Dags of the bundle that are not among these become stale, and import errors of its files go. Returns the dags' ids. */
  async retireOthers(bundleName: string, present: readonly string[]): Promise<readonly string[]> {
    await this.db.query(`delete from import_error where bundle_name = $1`, [bundleName]);
    const { rows } = await this.db.query<{ dag_id: string }>(`update dag set is_stale = true where bundle_name = $1 and not is_stale and dag_id <> all ($2::text[]) returning dag_id`, [bundleName, present]);
    return rows.map((row) => row.dag_id);
  }

  async recordImportError(error: {
    readonly bundleName: string;
    readonly relativeFileloc: string;
    readonly fileloc: string;
    readonly stackTrace: string;
    readonly line: number | null;
  }): Promise<void> {
    await this.db.query(RECORD_IMPORT_ERROR, [error.bundleName, error.relativeFileloc, error.fileloc, error.stackTrace, error.line]);
    await this.db.query(FLAG_FILE, [error.bundleName, error.relativeFileloc, true]);
  }

  async clearImportError(bundleName: string, relativeFileloc: string): Promise<void> {
    await this.db.query(`delete from import_error where bundle_name = $1 and relative_fileloc = $2`, [bundleName, relativeFileloc]);
    await this.db.query(FLAG_FILE, [bundleName, relativeFileloc, false]);
  }
}

const LOCK = `select pg_advisory_xact_lock(hashtext('millrace.publication'))`;

const TOUCH_BUNDLE = `
insert into dag_bundle (name, last_refreshed, version) values ($1, now(), $2)
on conflict (name) do update set last_refreshed = excluded.last_refreshed, version = coalesce(excluded.version, dag_bundle.version)`;

const STORE_BLOB = `insert into bundle_blob (hash, content) values ($1, $2) on conflict (hash) do nothing`;

const DAGS_OF = `
select d.dag_id, d.bundle_name, d.relative_fileloc, d.is_stale, d.current_version_id, d.has_import_errors, v.content_hash,
       case when v.id is null then null else jsonb_build_object(
         'schedule', v.document->'schedule', 'timezone', coalesce(v.document->'timezone', '"UTC"'), 'startDate', v.document->'startDate',
         'endDate', v.document->'endDate', 'catchup', coalesce(v.document->'catchup', 'false')) end as schedule_part
from dag d left join dag_version v on v.id = d.current_version_id
where d.dag_id = any($1::text[])`;

const OWNER_OF = `select coalesce(team_of_file($1, $2), (select t.name from team t where t.name = $3 and t.sources = '{}')) as team`;

const MISSING_TEAMS = `
select wanted.name from unnest($1::text[]) as wanted (name) where not exists (select from team t where t.name = wanted.name)`;

/** Deadlines are looked for in dags that have some: $1 dag id, $2 boolean. */
const SET_HAS_DEADLINES = `update dag set has_deadlines = $2 where dag_id = $1 and has_deadlines is distinct from $2`;

const UPSERT_DAG = `
insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, team, display_name, description, owners, tags, timetable_summary,
                 timetable_description, is_paused, last_parse_duration, max_active_runs, max_active_tasks, max_consecutive_failed_runs,
                 last_parsed_time)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, now())
on conflict (dag_id) do update set
  bundle_name = excluded.bundle_name, relative_fileloc = excluded.relative_fileloc, fileloc = excluded.fileloc, team = excluded.team,
  display_name = excluded.display_name, description = excluded.description, owners = excluded.owners, tags = excluded.tags,
  timetable_summary = excluded.timetable_summary, timetable_description = excluded.timetable_description,
  last_parse_duration = excluded.last_parse_duration, max_active_runs = excluded.max_active_runs,
  max_active_tasks = excluded.max_active_tasks, max_consecutive_failed_runs = excluded.max_consecutive_failed_runs,
  last_parsed_time = excluded.last_parsed_time, is_stale = false`;

const INSERT_VERSION = `
insert into dag_version (id, dag_id, version_number, content_hash, bundle_hash, bundle_name, document, source, bundle_version)
select $1, $2, coalesce(max(v.version_number), 0) + 1, $3, $4, $5, $6, $7, $8 from dag_version v where v.dag_id = $2
on conflict (dag_id, content_hash) do nothing`;

const MAKE_CURRENT = `
with wanted as (select id, version_number, coalesce((document ->> 'holdAfterFailure')::boolean, false) as holds from dag_version where dag_id = $1 and content_hash = $2),
     made_current as (update dag set current_version_id = wanted.id, hold_after_failure = wanted.holds from wanted where dag.dag_id = $1)
select id, version_number from wanted`;

const LAST_AUTOMATED_RUN = `
select coalesce(logical_date, run_after) as logical_date, coalesce(data_interval_start, run_after) as data_interval_start,
  coalesce(data_interval_end, run_after) as data_interval_end, run_after
from dag_run
where dag_id = $1 and run_type = 'scheduled' and (logical_date is not null or partition_key is not null)
order by coalesce(logical_date, run_after) desc limit 1`;

const SET_NEXT_RUN = `
update dag set next_logical_date = $2, next_interval_start = $3, next_interval_end = $4, next_run_after = $5 where dag_id = $1`;

const RETIRE_MISSING = `
update dag set is_stale = true
where bundle_name = $1 and relative_fileloc = $2 and not is_stale and dag_id <> all ($3::text[]) returning dag_id`;

const RETIRE_FILES = `
update dag set is_stale = true
where bundle_name = $1 and not is_stale and relative_fileloc <> all ($2::text[]) returning dag_id`;

const FORGET_GONE_FILES = `delete from import_error where bundle_name = $1 and relative_fileloc <> all ($2::text[])`;

const RECORD_IMPORT_ERROR = `
insert into import_error (bundle_name, relative_fileloc, fileloc, stack_trace, line) values ($1, $2, $3, $4, $5)
on conflict (bundle_name, relative_fileloc) do update set
  fileloc = excluded.fileloc, stack_trace = excluded.stack_trace, line = excluded.line, created_at = now()`;

const FLAG_FILE = `
update dag set has_import_errors = $3 where bundle_name = $1 and relative_fileloc = $2 and has_import_errors <> $3`;
