import type { AssetConditionDocument, DagDocument } from '@millrace/contracts';
import type { DagRow, VersionRow } from '@millrace/persistence';
import { durationText, instantText } from '../answers.js';
import { toVersionResponse } from '../dag-versions/to-version-response.js';
import type { DagAnswer, DagDetailsAnswer } from './dag-schemas.js';

/** Schedules that have no dates one could go back to. */
const WITHOUT_DATES: ReadonlySet<string | null> = new Set([null, 'once', 'continuous', 'assets', 'partitionedAssets']);

export function toDagResponse(dag: DagRow): DagAnswer {
  return {
    dag_id: dag.dag_id,
    dag_display_name: dag.dag_display_name,
    is_paused: dag.is_paused,
    is_stale: dag.is_stale,
    last_parsed_time: instantText(dag.last_parsed_time),
    last_parse_duration: dag.last_parse_duration,
    last_expired: null,
    bundle_name: dag.bundle_name,
    bundle_version: null,
    relative_fileloc: dag.relative_fileloc,
    fileloc: dag.fileloc,
    description: dag.description,
    timetable_summary: dag.timetable_summary,
    timetable_description: dag.timetable_description,
    timetable_partitioned: dag.schedule_kind === 'cronPartition' || dag.schedule_kind === 'partitionedAssets',
    timetable_periodic: !WITHOUT_DATES.has(dag.dated_by),
    is_backfillable: !WITHOUT_DATES.has(dag.dated_by),
    tags: dag.tags.map((name) => ({ name, dag_id: dag.dag_id, dag_display_name: dag.dag_display_name })),
    max_active_tasks: dag.max_active_tasks,
    max_active_runs: dag.max_active_runs,
    max_consecutive_failed_dag_runs: dag.max_consecutive_failed_runs,
    has_task_concurrency_limits: dag.has_task_concurrency_limits,
    has_import_errors: dag.has_import_errors,
    next_dagrun_logical_date: instantText(dag.next_logical_date),
    next_dagrun_data_interval_start: instantText(dag.next_interval_start),
    next_dagrun_data_interval_end: instantText(dag.next_interval_end),
    next_dagrun_run_after: instantText(dag.next_run_after),
    allowed_run_types: null,
    owners: dag.owners,
    file_token: Buffer.from(JSON.stringify({ bundle_name: dag.bundle_name, relative_fileloc: dag.relative_fileloc })).toString('base64url'),
  };
}

export interface DagDetails {
  readonly document: DagDocument;
  readonly version: VersionRow | null;
  readonly activeRuns: number;
  readonly isFavorite: boolean;
}

export function toDagDetailsResponse(dag: DagRow, details: DagDetails): DagDetailsAnswer {
  const { document } = details;
  return {
    ...toDagResponse(dag),
    catchup: document.catchup,
    dag_run_timeout: durationText(document.dagrunTimeoutSeconds),
    asset_expression: assetExpressionOf(document),
    doc_md: document.docMd,
    start_date: document.startDate === null ? null : instantText(new Date(document.startDate)),
    end_date: document.endDate === null ? null : instantText(new Date(document.endDate)),
    is_paused_upon_creation: document.isPausedUponCreation,
    params: toParamsResponse(document, null),
    render_template_as_native_obj: document.renderTemplateAsNativeObj,
    template_search_path: null,
    timezone: document.timezone,
    last_parsed: instantText(dag.last_parsed_time),
    default_args: document.defaultArgs,
    owner_links: document.ownerLinks,
    is_favorite: details.isFavorite,
    active_runs_count: details.activeRuns,
    concurrency: dag.max_active_tasks,
    latest_dag_version: details.version === null ? null : toVersionResponse(details.version),
  };
}

/** A dag's params with their schemas, as its author ordered them; `source` says where a task got them from. */
export function toParamsResponse(document: DagDocument, source: 'dag' | null): Record<string, unknown> {
  const place = new Map(document.paramOrder?.map((name, index) => [name, index]));
  const last = place.size;
  return Object.fromEntries(
    Object.entries(document.params).toSorted(([a], [b]) => (place.get(a) ?? last) - (place.get(b) ?? last)).map(([name, param]) => [name, { value: param.value ?? null, schema: param.schema, description: param.description, source }]),
  );
}

/** What the dag waits for, as Airflow shows it: of each asset its name, URI and group. */
function assetExpressionOf(document: DagDocument): Record<string, unknown> | null {
  const { schedule } = document;
  return schedule?.kind === 'assets' || schedule?.kind === 'assetsOrTime' || schedule?.kind === 'partitionedAssets' ? shownCondition(schedule.condition) : null;
}

function shownCondition(condition: AssetConditionDocument): Record<string, unknown> {
  if ('asset' in condition) return { asset: { uri: condition.asset.uri, name: condition.asset.name, group: condition.asset.group } };
  if ('alias' in condition) return { alias: { name: condition.alias.name, group: condition.alias.group } };
  return 'all' in condition ? { all: condition.all.map(shownCondition) } : { any: condition.any.map(shownCondition) };
}
