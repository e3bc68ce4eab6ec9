/** What the api answers, as far as the UI reads it. Times are RFC 3339 text. */

export interface Session {
  readonly user: { readonly name: string; readonly role: string } | null;
  readonly may: Partial<Record<Action, readonly string[]>>;
  readonly version: string;
  /** A login elsewhere; null: none. */
  readonly sso: { readonly label: string; readonly url: string } | null;
  readonly renew_after_seconds: number;
}
export type Action = 'read' | 'create' | 'edit' | 'delete';

export interface RecentRun {
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly start_date: string | null;
  readonly end_date: string | null;
}

export interface DagOverview {
  readonly dag_id: string;
  readonly display_name: string;
  readonly description: string | null;
  readonly owners: readonly string[];
  readonly tags: readonly string[];
  readonly schedule: string | null;
  readonly schedule_description: string | null;
  readonly is_paused: boolean;
  readonly has_import_errors: boolean;
  readonly has_params: boolean;
  readonly is_favorite: boolean;
  readonly next_run_after: string | null;
  readonly next_logical_date: string | null;
  readonly tasks: number;
  readonly queued: number;
  readonly running: number;
  readonly recent: readonly RecentRun[];
}
export interface Facet {
  readonly name: string;
  readonly dags: number;
}
export interface Facets {
  readonly tags: readonly Facet[];
  readonly owners: readonly Facet[];
  readonly total: number;
  readonly paused: number;
  readonly failed: number;
  readonly running: number;
}

export interface Param {
  readonly value: unknown;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly description: string | null;
}
export interface DagDetails {
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly description: string | null;
  readonly is_paused: boolean;
  readonly is_stale: boolean;
  readonly is_favorite: boolean;
  readonly has_import_errors: boolean;
  readonly tags: readonly { readonly name: string }[];
  readonly owners: readonly string[];
  readonly owner_links: Readonly<Record<string, string>>;
  readonly timetable_summary: string | null;
  readonly timetable_description: string | null;
  readonly timetable_partitioned?: boolean;
  readonly asset_expression?: unknown;
  readonly timezone: string;
  readonly next_dagrun_run_after: string | null;
  readonly next_dagrun_logical_date: string | null;
  readonly next_dagrun_data_interval_start: string | null;
  readonly next_dagrun_data_interval_end: string | null;
  readonly max_active_runs: number;
  readonly max_active_tasks: number;
  readonly max_consecutive_failed_dag_runs: number;
  readonly catchup: boolean;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly dag_run_timeout: string | null;
  readonly doc_md: string | null;
  readonly params: Readonly<Record<string, Param>>;
  readonly relative_fileloc: string;
  readonly fileloc: string;
  readonly bundle_name: string;
  readonly last_parsed_time: string | null;
  readonly active_runs_count: number;
  readonly latest_dag_version: { readonly version_number: number; readonly created_at: string } | null;
  readonly default_args: Readonly<Record<string, unknown>>;
}

export interface TaskShape {
  readonly id: string;
  readonly label: string;
  readonly operator: string;
  readonly upstream: readonly string[];
  readonly group: string | null;
  readonly rule: string;
  readonly mapped: boolean;
  readonly setup: boolean;
  readonly teardown: boolean;
  readonly sensor: boolean;
  readonly queue: string;
  readonly pool: string;
  readonly retries: number;
  readonly doc: string | null;
  readonly defined_at: string | null;
  readonly inlets: readonly string[];
  readonly outlets: readonly string[];
}
export interface GroupShape {
  readonly id: string;
  readonly label: string;
  readonly parent: string | null;
  readonly tooltip: string;
  readonly mapped: boolean;
}
export interface Structure {
  readonly tasks: readonly TaskShape[];
  readonly groups: readonly GroupShape[];
  readonly edge_labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly schedule: unknown;
}

export interface BoardRun {
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly logical_date: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly version: number;
  readonly note: string | null;
  readonly backfill_id: string | null;
  readonly cells: string;
  readonly mapped?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
export interface BoardPage {
  readonly tasks: readonly string[];
  readonly runs: readonly BoardRun[];
  readonly before: string | null;
}

export interface RunFacts {
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly logical_date: string | null;
  readonly data_interval_start: string | null;
  readonly data_interval_end: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly reason: string | null;
  readonly note: string | null;
  readonly conf: Readonly<Record<string, unknown>>;
  readonly version_number: number;
  readonly triggered_by: string;
  readonly triggering_user_name: string | null;
  readonly partition_key: string | null;
  readonly result: unknown;
}
export interface TaskSummary {
  readonly task_id: string;
  readonly instances: number;
  readonly states: Readonly<Record<string, number>>;
  readonly try_number: number;
  readonly scheduled_at: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
}
export interface RunTasks {
  readonly run: RunFacts;
  readonly tasks: readonly TaskSummary[];
}

export interface DagRun {
  readonly dag_run_id: string;
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly logical_date: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly duration: number | null;
  readonly triggering_user_name: string | null;
  readonly triggered_by: string;
  readonly conf: Readonly<Record<string, unknown>>;
  readonly note: string | null;
  readonly partition_key?: string | null;
  readonly dag_versions: readonly { readonly version_number: number }[];
}

export interface TaskInstance {
  readonly id: string;
  readonly task_id: string;
  readonly dag_id: string;
  readonly dag_run_id: string;
  readonly map_index: number;
  readonly state: string | null;
  readonly try_number: number;
  readonly max_tries: number;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly duration: number | null;
  readonly queued_when: string | null;
  readonly scheduled_when: string | null;
  readonly hostname: string;
  readonly pool: string;
  readonly pool_slots: number;
  readonly queue: string;
  readonly priority_weight: number;
  readonly operator: string;
  readonly note: string | null;
  readonly rendered_fields: Readonly<Record<string, unknown>>;
  readonly rendered_map_index: string | null;
  readonly task_display_name: string;
  readonly run_after: string;
  readonly logical_date: string | null;
}
export interface InstancePage {
  readonly instance: (TaskInstance & { readonly reason: string | null }) | null;
  readonly mapped: { readonly total: number; readonly states: Readonly<Record<string, number>> } | null;
  readonly tries: readonly TryFacts[];
  readonly task: {
    readonly label: string;
    readonly operator: string;
    readonly rule: string;
    readonly retries: number;
    readonly queue: string;
    readonly pool: string;
    readonly owner: string;
    readonly doc: string | null;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly group: string | null;
    readonly defined_at: string | null;
    readonly timeout_seconds: number | null;
    readonly retry_delay_seconds: number;
    readonly mapped: boolean;
  } | null;
  readonly upstream: readonly { readonly task_id: string; readonly state: string | null }[];
  readonly downstream: readonly { readonly task_id: string; readonly state: string | null }[];
}
export interface TryFacts {
  readonly try_number: number;
  readonly state: string | null;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly hostname: string | null;
  readonly pid: number | null;
  readonly queue: string;
  readonly reason: string | null;
}

export interface Backfill {
  readonly id: number;
  readonly dag_id: string;
  readonly display_name: string;
  readonly from_date: string;
  readonly to_date: string;
  readonly is_paused: boolean;
  readonly reprocess_behavior: string;
  readonly run_backwards: boolean;
  readonly max_active_runs: number;
  readonly triggering_user_name: string | null;
  readonly created_at: string;
  readonly completed_at: string | null;
  readonly cancelled_at: string | null;
  readonly runs: Readonly<Record<string, number>>;
}

export interface AttentionRun {
  readonly dag_id: string;
  readonly display_name: string;
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly reason: string | null;
  readonly failed_tasks: readonly string[];
}
export interface Home {
  readonly dags: { readonly total: number; readonly paused: number };
  readonly runs_by_hour: readonly { readonly hour: string; readonly state: string; readonly runs: number }[];
  readonly failed_runs: readonly AttentionRun[];
  readonly active_runs: readonly (AttentionRun & { readonly done: number; readonly tasks: number; readonly started: number })[];
  readonly late_dags: readonly { readonly dag_id: string; readonly display_name: string; readonly next_run_after: string }[];
  readonly waiting: readonly { readonly dag_id: string; readonly run_id: string; readonly task_id: string; readonly map_index: number; readonly state: string; readonly since: string; readonly queue: string; readonly pool: string; readonly reason: string | null }[];
  readonly import_errors: readonly { readonly id: number; readonly fileloc: string; readonly line: number | null; readonly message: string; readonly created_at: string }[];
  readonly instances: Readonly<Record<string, number>>;
  readonly services: readonly { readonly kind: string; readonly alive: boolean; readonly last_beat_at: string | null }[];
  readonly workers: { readonly count: number; readonly slots: number; readonly free_slots: number };
}
