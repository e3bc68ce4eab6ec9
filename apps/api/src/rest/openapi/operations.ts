import { z } from 'zod';
import type { Action, ResourceKind } from '@millrace/access';
import { asset, assetAlias, assetAliasCollection, assetCollection, assetEvent, assetEventCollection, queuedEvent, queuedEventCollection } from '../assets/asset-schemas.js';
import { backfill, backfillCollection, dryRunBackfillCollection } from '../backfills/backfill-schemas.js';
import { bulk } from '../bulk/bulk-schemas.js';
import { config } from '../config/config-schemas.js';
import { connection, connectionCollection, connectionTest } from '../connections/connection-schemas.js';
import { dagRun, dagRunCollection } from '../dag-runs/run-schemas.js';
import { dagSource, dagVersion, dagVersionCollection } from '../dag-versions/version-schemas.js';
import { dagWarningCollection } from '../dag-warnings/warning-schemas.js';
import { dag, dagCollection, dagDetails, dagStatsCollection, dagTagCollection } from '../dags/dag-schemas.js';
import { eventLog, eventLogCollection } from '../event-logs/event-log-schemas.js';
import { importError, importErrorCollection } from '../import-errors/import-error-schemas.js';
import { jobCollection } from '../jobs/job-schemas.js';
import { externalLogUrl, taskInstancesLog } from '../logs/log-schemas.js';
import { healthInfo, versionInfo } from '../monitor/monitor-schemas.js';
import { pluginCollection, pluginImportErrorCollection, providerCollection } from '../plugins/plugin-schemas.js';
import { pool, poolCollection } from '../pools/pool-schemas.js';
import { hitlDetail, hitlDetailCollection, hitlDetailHistory, hitlResponse } from '../questions/question-schemas.js';
import { extraLinkCollection, taskDependencyCollection, taskInstance, taskInstanceCollection, taskInstanceHistory, taskInstanceHistoryCollection } from '../task-instances/instance-schemas.js';
import { task, taskCollection } from '../tasks/task-schemas.js';
import { variable, variableCollection } from '../variables/variable-schemas.js';
import { xcomCollection, xcomResponseNative, xcomResponseString } from '../xcoms/xcom-schemas.js';
import type { Answer } from './answer-schemas.js';
import { loginHint } from '../auth/auth-schemas.js';

export interface OperationFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for path parameters. */
  readonly path: string;
  /** Of a success. */
  readonly status: number;
  /** Of a success, as JSON; null: there is no body, or never a JSON one. */
  readonly answer: z.ZodType | null;
  /** What else than JSON a caller may accept. */
  readonly alsoAs?: readonly string[];
  /** Besides 401, 403 and 422. */
  readonly refuses: readonly number[];
  /** What the caller must be allowed. */
  readonly action: Action;
  readonly resource: ResourceKind;
}

/**
 * Every operation of Airflow's REST API v2 (OpenAPI document of 3.2.1), by its operationId: where it answers and what it needs.
 * Controllers name the operation only; that each has exactly one handler is checked at start.
 */
export const OPERATIONS = {
  get_assets: { method: 'GET', path: '/api/v2/assets', status: 200, answer: assetCollection, refuses: [404], action: 'read', resource: 'asset' },
  get_asset_aliases: { method: 'GET', path: '/api/v2/assets/aliases', status: 200, answer: assetAliasCollection, refuses: [404], action: 'read', resource: 'asset' },
  get_asset_alias: { method: 'GET', path: '/api/v2/assets/aliases/:asset_alias_id', status: 200, answer: assetAlias, refuses: [404], action: 'read', resource: 'asset' },
  get_asset_events: { method: 'GET', path: '/api/v2/assets/events', status: 200, answer: assetEventCollection, refuses: [404], action: 'read', resource: 'asset' },
  create_asset_event: { method: 'POST', path: '/api/v2/assets/events', status: 200, answer: assetEvent, refuses: [404], action: 'create', resource: 'asset' },
  get_asset: { method: 'GET', path: '/api/v2/assets/:asset_id', status: 200, answer: asset, refuses: [404], action: 'read', resource: 'asset' },
  materialize_asset: { method: 'POST', path: '/api/v2/assets/:asset_id/materialize', status: 200, answer: dagRun, refuses: [400, 404, 409], action: 'create', resource: 'dag_run' },
  delete_asset_queued_events: { method: 'DELETE', path: '/api/v2/assets/:asset_id/queuedEvents', status: 204, answer: null, refuses: [404], action: 'delete', resource: 'asset' },
  get_asset_queued_events: { method: 'GET', path: '/api/v2/assets/:asset_id/queuedEvents', status: 200, answer: queuedEventCollection, refuses: [], action: 'read', resource: 'asset' },
  login: { method: 'GET', path: '/api/v2/auth/login', status: 200, answer: loginHint, refuses: [], action: 'read', resource: 'health' },
  logout: { method: 'GET', path: '/api/v2/auth/logout', status: 200, answer: loginHint, refuses: [], action: 'read', resource: 'health' },
  list_backfills: { method: 'GET', path: '/api/v2/backfills', status: 200, answer: backfillCollection, refuses: [], action: 'read', resource: 'backfill' },
  create_backfill: { method: 'POST', path: '/api/v2/backfills', status: 200, answer: backfill, refuses: [400, 404, 409], action: 'create', resource: 'backfill' },
  create_backfill_dry_run: { method: 'POST', path: '/api/v2/backfills/dry_run', status: 200, answer: dryRunBackfillCollection, refuses: [404, 409], action: 'create', resource: 'backfill' },
  get_backfill: { method: 'GET', path: '/api/v2/backfills/:backfill_id', status: 200, answer: backfill, refuses: [404], action: 'read', resource: 'backfill' },
  cancel_backfill: { method: 'PUT', path: '/api/v2/backfills/:backfill_id/cancel', status: 200, answer: backfill, refuses: [404, 409], action: 'edit', resource: 'backfill' },
  pause_backfill: { method: 'PUT', path: '/api/v2/backfills/:backfill_id/pause', status: 200, answer: backfill, refuses: [404, 409], action: 'edit', resource: 'backfill' },
  unpause_backfill: { method: 'PUT', path: '/api/v2/backfills/:backfill_id/unpause', status: 200, answer: backfill, refuses: [404, 409], action: 'edit', resource: 'backfill' },
  get_config: { method: 'GET', path: '/api/v2/config', status: 200, answer: config, alsoAs: ['text/plain'], refuses: [404, 406], action: 'read', resource: 'config' },
  get_config_value: { method: 'GET', path: '/api/v2/config/section/:section/option/:option', status: 200, answer: config, alsoAs: ['text/plain'], refuses: [404, 406], action: 'read', resource: 'config' },
  get_connections: { method: 'GET', path: '/api/v2/connections', status: 200, answer: connectionCollection, refuses: [404], action: 'read', resource: 'connection' },
  bulk_connections: { method: 'PATCH', path: '/api/v2/connections', status: 200, answer: bulk, refuses: [], action: 'edit', resource: 'connection' },
  post_connection: { method: 'POST', path: '/api/v2/connections', status: 201, answer: connection, refuses: [409], action: 'create', resource: 'connection' },
  create_default_connections: { method: 'POST', path: '/api/v2/connections/defaults', status: 204, answer: null, refuses: [], action: 'create', resource: 'connection' },
  test_connection: { method: 'POST', path: '/api/v2/connections/test', status: 200, answer: connectionTest, refuses: [], action: 'create', resource: 'connection' },
  delete_connection: { method: 'DELETE', path: '/api/v2/connections/:connection_id', status: 204, answer: null, refuses: [404], action: 'delete', resource: 'connection' },
  get_connection: { method: 'GET', path: '/api/v2/connections/:connection_id', status: 200, answer: connection, refuses: [404], action: 'read', resource: 'connection' },
  patch_connection: { method: 'PATCH', path: '/api/v2/connections/:connection_id', status: 200, answer: connection, refuses: [400, 404], action: 'edit', resource: 'connection' },
  get_dag_source: { method: 'GET', path: '/api/v2/dagSources/:dag_id', status: 200, answer: dagSource, alsoAs: ['text/plain'], refuses: [400, 404, 406], action: 'read', resource: 'dag_source' },
  get_dag_stats: { method: 'GET', path: '/api/v2/dagStats', status: 200, answer: dagStatsCollection, refuses: [400, 404], action: 'read', resource: 'dag_run' },
  get_dag_tags: { method: 'GET', path: '/api/v2/dagTags', status: 200, answer: dagTagCollection, refuses: [], action: 'read', resource: 'dag' },
  list_dag_warnings: { method: 'GET', path: '/api/v2/dagWarnings', status: 200, answer: dagWarningCollection, refuses: [], action: 'read', resource: 'dag' },
  get_dags: { method: 'GET', path: '/api/v2/dags', status: 200, answer: dagCollection, refuses: [], action: 'read', resource: 'dag' },
  patch_dags: { method: 'PATCH', path: '/api/v2/dags', status: 200, answer: dagCollection, refuses: [400, 404], action: 'edit', resource: 'dag' },
  delete_dag: { method: 'DELETE', path: '/api/v2/dags/:dag_id', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'dag' },
  get_dag: { method: 'GET', path: '/api/v2/dags/:dag_id', status: 200, answer: dag, refuses: [400, 404], action: 'read', resource: 'dag' },
  patch_dag: { method: 'PATCH', path: '/api/v2/dags/:dag_id', status: 200, answer: dag, refuses: [400, 404], action: 'edit', resource: 'dag' },
  delete_dag_asset_queued_events: { method: 'DELETE', path: '/api/v2/dags/:dag_id/assets/queuedEvents', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'asset' },
  get_dag_asset_queued_events: { method: 'GET', path: '/api/v2/dags/:dag_id/assets/queuedEvents', status: 200, answer: queuedEventCollection, refuses: [], action: 'read', resource: 'asset' },
  delete_dag_asset_queued_event: { method: 'DELETE', path: '/api/v2/dags/:dag_id/assets/:asset_id/queuedEvents', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'asset' },
  get_dag_asset_queued_event: { method: 'GET', path: '/api/v2/dags/:dag_id/assets/:asset_id/queuedEvents', status: 200, answer: queuedEvent, refuses: [404], action: 'read', resource: 'asset' },
  post_clear_task_instances: { method: 'POST', path: '/api/v2/dags/:dag_id/clearTaskInstances', status: 200, answer: taskInstanceCollection, refuses: [404, 409], action: 'edit', resource: 'task_instance' },
  get_dag_runs: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns', status: 200, answer: dagRunCollection, refuses: [404], action: 'read', resource: 'dag_run' },
  trigger_dag_run: { method: 'POST', path: '/api/v2/dags/:dag_id/dagRuns', status: 200, answer: dagRun, refuses: [400, 404, 409], action: 'create', resource: 'dag_run' },
  get_list_dag_runs_batch: { method: 'POST', path: '/api/v2/dags/:dag_id/dagRuns/list', status: 200, answer: dagRunCollection, refuses: [404], action: 'read', resource: 'dag_run' },
  delete_dag_run: { method: 'DELETE', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'dag_run' },
  get_dag_run: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id', status: 200, answer: dagRun, refuses: [404], action: 'read', resource: 'dag_run' },
  patch_dag_run: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id', status: 200, answer: dagRun, refuses: [400, 404], action: 'edit', resource: 'dag_run' },
  clear_dag_run: { method: 'POST', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/clear', status: 200, answer: z.union([taskInstanceCollection, dagRun]), refuses: [404], action: 'edit', resource: 'dag_run' },
  get_hitl_details: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/hitlDetails', status: 200, answer: hitlDetailCollection, refuses: [], action: 'read', resource: 'task_instance' },
  get_task_instances: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances', status: 200, answer: taskInstanceCollection, refuses: [400, 404], action: 'read', resource: 'task_instance' },
  bulk_task_instances: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances', status: 200, answer: bulk, refuses: [], action: 'edit', resource: 'task_instance' },
  get_task_instances_batch: { method: 'POST', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/list', status: 200, answer: taskInstanceCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  delete_task_instance: { method: 'DELETE', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id', status: 200, answer: z.null(), refuses: [404], action: 'delete', resource: 'task_instance' },
  get_task_instance: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id', status: 200, answer: taskInstance, refuses: [404], action: 'read', resource: 'task_instance' },
  patch_task_instance: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id', status: 200, answer: taskInstanceCollection, refuses: [400, 404, 409], action: 'edit', resource: 'task_instance' },
  get_task_instance_dependencies: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/dependencies', status: 200, answer: taskDependencyCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  patch_task_instance_dry_run: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/dry_run', status: 200, answer: taskInstanceCollection, refuses: [400, 404], action: 'edit', resource: 'task_instance' },
  get_external_log_url: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/externalLogUrl/:try_number', status: 200, answer: externalLogUrl, refuses: [400, 404], action: 'read', resource: 'task_instance' },
  get_extra_links: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/links', status: 200, answer: extraLinkCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  get_mapped_task_instances: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/listMapped', status: 200, answer: taskInstanceCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  get_log: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number', status: 200, answer: taskInstancesLog, alsoAs: ['application/x-ndjson', 'text/plain'], refuses: [404], action: 'read', resource: 'task_log' },
  get_task_instance_tries: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/tries', status: 200, answer: taskInstanceHistoryCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  get_task_instance_try_details: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/tries/:task_try_number', status: 200, answer: taskInstanceHistory, refuses: [404], action: 'read', resource: 'task_instance' },
  get_xcom_entries: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries', status: 200, answer: xcomCollection, refuses: [400, 404], action: 'read', resource: 'xcom' },
  create_xcom_entry: { method: 'POST', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries', status: 201, answer: xcomResponseNative, refuses: [400, 404], action: 'create', resource: 'xcom' },
  delete_xcom_entry: { method: 'DELETE', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries/:xcom_key', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'xcom' },
  get_xcom_entry: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries/:xcom_key', status: 200, answer: z.union([xcomResponseNative, xcomResponseString]), refuses: [400, 404], action: 'read', resource: 'xcom' },
  update_xcom_entry: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries/:xcom_key', status: 200, answer: xcomResponseNative, refuses: [400, 404], action: 'edit', resource: 'xcom' },
  get_mapped_task_instance: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index', status: 200, answer: taskInstance, refuses: [404], action: 'read', resource: 'task_instance' },
  patch_task_instance_by_map_index: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index', status: 200, answer: taskInstanceCollection, refuses: [400, 404, 409], action: 'edit', resource: 'task_instance' },
  get_task_instance_dependencies_by_map_index: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/dependencies', status: 200, answer: taskDependencyCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  patch_task_instance_dry_run_by_map_index: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/dry_run', status: 200, answer: taskInstanceCollection, refuses: [400, 404], action: 'edit', resource: 'task_instance' },
  get_hitl_detail: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/hitlDetails', status: 200, answer: hitlDetail, refuses: [404], action: 'read', resource: 'task_instance' },
  update_hitl_detail: { method: 'PATCH', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/hitlDetails', status: 200, answer: hitlResponse, refuses: [404, 409], action: 'edit', resource: 'task_instance' },
  get_hitl_detail_try_detail: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/hitlDetails/tries/:try_number', status: 200, answer: hitlDetailHistory, refuses: [404], action: 'read', resource: 'task_instance' },
  get_mapped_task_instance_tries: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/tries', status: 200, answer: taskInstanceHistoryCollection, refuses: [404], action: 'read', resource: 'task_instance' },
  get_mapped_task_instance_try_details: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index/tries/:task_try_number', status: 200, answer: taskInstanceHistory, refuses: [404], action: 'read', resource: 'task_instance' },
  get_upstream_asset_events: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/upstreamAssetEvents', status: 200, answer: assetEventCollection, refuses: [404], action: 'read', resource: 'dag_run' },
  wait_dag_run_until_finished: { method: 'GET', path: '/api/v2/dags/:dag_id/dagRuns/:dag_run_id/wait', status: 200, answer: null, alsoAs: ['application/x-ndjson'], refuses: [404], action: 'read', resource: 'dag_run' },
  get_dag_versions: { method: 'GET', path: '/api/v2/dags/:dag_id/dagVersions', status: 200, answer: dagVersionCollection, refuses: [404], action: 'read', resource: 'dag' },
  get_dag_version: { method: 'GET', path: '/api/v2/dags/:dag_id/dagVersions/:version_number', status: 200, answer: dagVersion, refuses: [404], action: 'read', resource: 'dag' },
  get_dag_details: { method: 'GET', path: '/api/v2/dags/:dag_id/details', status: 200, answer: dagDetails, refuses: [400, 404], action: 'read', resource: 'dag' },
  favorite_dag: { method: 'POST', path: '/api/v2/dags/:dag_id/favorite', status: 204, answer: null, refuses: [404], action: 'read', resource: 'dag' },
  get_tasks: { method: 'GET', path: '/api/v2/dags/:dag_id/tasks', status: 200, answer: taskCollection, refuses: [400, 404], action: 'read', resource: 'dag' },
  get_task: { method: 'GET', path: '/api/v2/dags/:dag_id/tasks/:task_id', status: 200, answer: task, refuses: [400, 404], action: 'read', resource: 'dag' },
  unfavorite_dag: { method: 'POST', path: '/api/v2/dags/:dag_id/unfavorite', status: 204, answer: null, refuses: [404, 409], action: 'read', resource: 'dag' },
  get_event_logs: { method: 'GET', path: '/api/v2/eventLogs', status: 200, answer: eventLogCollection, refuses: [], action: 'read', resource: 'audit_log' },
  get_event_log: { method: 'GET', path: '/api/v2/eventLogs/:event_log_id', status: 200, answer: eventLog, refuses: [404], action: 'read', resource: 'audit_log' },
  get_import_errors: { method: 'GET', path: '/api/v2/importErrors', status: 200, answer: importErrorCollection, refuses: [], action: 'read', resource: 'import_error' },
  get_import_error: { method: 'GET', path: '/api/v2/importErrors/:import_error_id', status: 200, answer: importError, refuses: [404], action: 'read', resource: 'import_error' },
  get_jobs: { method: 'GET', path: '/api/v2/jobs', status: 200, answer: jobCollection, refuses: [400], action: 'read', resource: 'job' },
  get_health: { method: 'GET', path: '/api/v2/monitor/health', status: 200, answer: healthInfo, refuses: [], action: 'read', resource: 'health' },
  reparse_dag_file: { method: 'PUT', path: '/api/v2/parseDagFile/:file_token', status: 201, answer: z.null(), refuses: [404], action: 'edit', resource: 'dag' },
  get_plugins: { method: 'GET', path: '/api/v2/plugins', status: 200, answer: pluginCollection, refuses: [], action: 'read', resource: 'plugin' },
  import_errors: { method: 'GET', path: '/api/v2/plugins/importErrors', status: 200, answer: pluginImportErrorCollection, refuses: [], action: 'read', resource: 'plugin' },
  get_pools: { method: 'GET', path: '/api/v2/pools', status: 200, answer: poolCollection, refuses: [404], action: 'read', resource: 'pool' },
  bulk_pools: { method: 'PATCH', path: '/api/v2/pools', status: 200, answer: bulk, refuses: [], action: 'edit', resource: 'pool' },
  post_pool: { method: 'POST', path: '/api/v2/pools', status: 201, answer: pool, refuses: [409], action: 'create', resource: 'pool' },
  delete_pool: { method: 'DELETE', path: '/api/v2/pools/:pool_name', status: 204, answer: null, refuses: [400, 404], action: 'delete', resource: 'pool' },
  get_pool: { method: 'GET', path: '/api/v2/pools/:pool_name', status: 200, answer: pool, refuses: [404], action: 'read', resource: 'pool' },
  patch_pool: { method: 'PATCH', path: '/api/v2/pools/:pool_name', status: 200, answer: pool, refuses: [400, 404], action: 'edit', resource: 'pool' },
  get_providers: { method: 'GET', path: '/api/v2/providers', status: 200, answer: providerCollection, refuses: [], action: 'read', resource: 'provider' },
  get_variables: { method: 'GET', path: '/api/v2/variables', status: 200, answer: variableCollection, refuses: [], action: 'read', resource: 'variable' },
  bulk_variables: { method: 'PATCH', path: '/api/v2/variables', status: 200, answer: bulk, refuses: [], action: 'edit', resource: 'variable' },
  post_variable: { method: 'POST', path: '/api/v2/variables', status: 201, answer: variable, refuses: [409], action: 'create', resource: 'variable' },
  delete_variable: { method: 'DELETE', path: '/api/v2/variables/:variable_key', status: 204, answer: null, refuses: [404], action: 'delete', resource: 'variable' },
  get_variable: { method: 'GET', path: '/api/v2/variables/:variable_key', status: 200, answer: variable, refuses: [404], action: 'read', resource: 'variable' },
  patch_variable: { method: 'PATCH', path: '/api/v2/variables/:variable_key', status: 200, answer: variable, refuses: [400, 404], action: 'edit', resource: 'variable' },
  get_version: { method: 'GET', path: '/api/v2/version', status: 200, answer: versionInfo, refuses: [], action: 'read', resource: 'health' },
} as const satisfies Record<string, OperationFacts>;

export type OperationId = keyof typeof OPERATIONS;

/** What the handler of an operation returns. */
export type AnswerTo<Id extends OperationId> = (typeof OPERATIONS)[Id]['answer'] extends z.ZodType ? Answer<(typeof OPERATIONS)[Id]['answer']> : void;
