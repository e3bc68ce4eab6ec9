import type { DagVersionId, RunId, RunType, TriggeredBy } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export interface NewRun {
  readonly id: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly versionId: DagVersionId;
  readonly runType: RunType;
  readonly triggeredBy: TriggeredBy;
  readonly userName: string | null;
  readonly logicalDate: Date | null;
  readonly intervalStart: Date | null;
  readonly intervalEnd: Date | null;
  readonly runAfter: Date;
  readonly confJson: string;
  readonly paramsJson: string;
  readonly note: string | null;
  readonly partitionKey: string | null;
  readonly partitionDate?: Date | null;
  readonly taskSelection: readonly string[] | null;
  readonly backfillId: number | null;
  readonly backfillOrder: number | null;
  /** W3C trace context of whoever asked for the run. */
  readonly traceparent?: string | null;
}

/**
 * insert-runs: new runs with a line each in the audit log, in one statement. A run whose id or logical date exists is left out.
 * One JSON document carries the rows: they hold free texts, and this is not on the path between two tasks. $1 json array, $2 audit event or null.
 */
const INSERT_RUNS: Statement = {
  name: 'insert-runs',
  text: `
with made as (
  insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, triggering_user_name, logical_date, data_interval_start,
    data_interval_end, run_after, conf, params, note, partition_key, partition_date, task_selection, backfill_id, backfill_order, traceparent)
  select n."id", n."dagId", n."runId", n."versionId", 'queued', n."runType", n."triggeredBy", n."userName", n."logicalDate", n."intervalStart", n."intervalEnd",
    n."runAfter", n."confJson"::jsonb, n."paramsJson"::jsonb, n."note", n."partitionKey", n."partitionDate",
    case when n."taskSelection" is not null then array(select jsonb_array_elements_text(n."taskSelection")) end, n."backfillId", n."backfillOrder", n."traceparent"
  from jsonb_to_recordset($1::jsonb) as n("id" uuid, "dagId" text, "runId" text, "versionId" uuid, "runType" text, "triggeredBy" text, "userName" text,
    "logicalDate" timestamptz, "intervalStart" timestamptz, "intervalEnd" timestamptz, "runAfter" timestamptz, "confJson" text, "paramsJson" text, "note" text,
    "partitionKey" text, "partitionDate" timestamptz, "taskSelection" jsonb, "backfillId" bigint, "backfillOrder" int, "traceparent" text)
  on conflict do nothing
  returning id, dag_id, run_id, run_type, logical_date, triggering_user_name
), told as (
  insert into audit_log (event, dag_id, run_id, actor, extra)
  select $2, dag_id, run_id, triggering_user_name, jsonb_build_object('run_type', run_type, 'logical_date', logical_date)::text from made where $2::text is not null
)
select id from made`,
};

/** The ids of those that were made; the others conflict with runs that exist (see {@link conflictsOf}). */
export async function insertRuns(on: Queryable, runs: readonly NewRun[], auditEvent: string | null): Promise<Set<RunId>> {
  const rows = await on.query<{ id: RunId }>(INSERT_RUNS, [JSON.stringify(runs), auditEvent]);
  return new Set(rows.map((row) => row.id));
}

/** which-exists: of a run that could not be made, whether its run id is taken; otherwise its logical date is. $1 dag id, $2 run id. */
const RUN_ID_TAKEN: Statement = { name: 'run-id-taken', text: `select 1 from dag_run where dag_id = $1 and run_id = $2` };

export async function isRunIdTaken(on: Queryable, dagId: string, runId: string): Promise<boolean> {
  return (await on.query(RUN_ID_TAKEN, [dagId, runId])).length > 0;
}

/** current-versions: what a run of these dags would be pinned to now. $1 text[] dag ids. Dags whose file is gone are missing. */
const CURRENT_VERSIONS: Statement = {
  name: 'current-versions',
  text: `
select d.dag_id as "dagId", d.current_version_id as "versionId", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
from dag d where d.dag_id = any($1::text[]) and not d.is_stale and d.current_version_id is not null`,
};

export interface CurrentVersion {
  readonly dagId: string;
  readonly versionId: DagVersionId;
  readonly nowMs: number;
}

export async function currentVersions(on: Queryable, dagIds: readonly string[]): Promise<Map<string, CurrentVersion>> {
  const rows = await on.query<CurrentVersion & Record<string, unknown>>(CURRENT_VERSIONS, [dagIds]);
  return new Map(rows.map((row) => [row.dagId, row]));
}

