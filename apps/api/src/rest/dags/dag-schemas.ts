import { z } from 'zod';
import { dagRunState, dagRunType } from '../dag-runs/run-schemas.js';
import { dagVersion } from '../dag-versions/version-schemas.js';
import { anyObject, duration, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const dagTag = named('DagTagResponse', z.object({ dag_display_name: z.string(), dag_id: z.string(), name: z.string() }));
export const dag = named('DAGResponse', z.object({
  allowed_run_types: z.array(dagRunType).nullable(), bundle_name: z.string().nullable(), bundle_version: z.string().nullable(),
  dag_display_name: z.string(), dag_id: z.string(), description: z.string().nullable(), file_token: z.string(), fileloc: z.string(),
  has_import_errors: z.boolean(), has_task_concurrency_limits: z.boolean(), is_paused: z.boolean(), is_stale: z.boolean(),
  last_expired: time.nullable(), last_parse_duration: z.number().nullable(), last_parsed_time: time.nullable(), max_active_runs: z.int().nullable(),
  max_active_tasks: z.int(), max_consecutive_failed_dag_runs: z.int(), next_dagrun_data_interval_end: time.nullable(),
  next_dagrun_data_interval_start: time.nullable(), next_dagrun_logical_date: time.nullable(), next_dagrun_run_after: time.nullable(),
  owners: z.array(z.string()), relative_fileloc: z.string().nullable(), tags: z.array(dagTag), timetable_description: z.string().nullable(),
  timetable_partitioned: z.boolean(), timetable_summary: z.string().nullable(),
  // Of Airflow's API after 3.2; its airflowctl asks for both.
  timetable_periodic: z.boolean(), is_backfillable: z.boolean(),
}));
export const dagCollection = page('DAGCollectionResponse', 'dags', dag);
export const dagDetails = named('DAGDetailsResponse', dag.extend({
  active_runs_count: z.int(), asset_expression: anyObject.nullable(), catchup: z.boolean(), concurrency: z.int(),
  dag_run_timeout: duration.nullable(), default_args: anyObject.nullable(), doc_md: z.string().nullable(),
  end_date: time.nullable(), is_favorite: z.boolean(), is_paused_upon_creation: z.boolean().nullable(), last_parsed: time.nullable(),
  latest_dag_version: dagVersion.nullable(), owner_links: z.record(z.string(), z.string()).nullable(),
  params: anyObject.nullable(), render_template_as_native_obj: z.boolean(), start_date: time.nullable(),
  template_search_path: z.array(z.string()).nullable(), timezone: z.string().nullable(),
}));
export const dagTagCollection = page('DAGTagCollectionResponse', 'tags', z.string());
export const dagStatsState = named('DagStatsStateResponse', z.object({ count: z.int(), state: dagRunState }));
export const dagStats = named('DagStatsResponse', z.object({ dag_display_name: z.string(), dag_id: z.string(), stats: z.array(dagStatsState) }));
export const dagStatsCollection = page('DagStatsCollectionResponse', 'dags', dagStats);
export type DagAnswer = Answer<typeof dag>;
export type DagDetailsAnswer = Answer<typeof dagDetails>;

/** When a dag runs next, and on what. */
export const dagSchedule = named('DagSchedule', z.object({
  dag_id: z.string(), timetable_summary: z.string().nullable(), timetable_description: z.string().nullable(), timezone: z.string(), is_paused: z.boolean(), warnings: z.array(z.string()),
  published_until: time.nullable(), next_runs: z.array(z.object({ logical_date: time, data_interval_start: time, data_interval_end: time, run_after: time })),
}));

/** Which dags begin with, or wait for, what others do. */
export const dagDependencies = named('DagDependencies', z.object({
  dag_dependencies: z.array(z.object({ kind: z.enum(['asset', 'trigger', 'sensor']), source: z.string(), target: z.string(), via: z.string() })), total_entries: z.int(),
}));
