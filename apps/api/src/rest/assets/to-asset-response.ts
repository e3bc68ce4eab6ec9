import type { AssetEventRow, AssetRow } from '@millrace/persistence';
import { mapIndexOf } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { AssetAnswer, AssetEventAnswer } from './asset-schemas.js';

export function toAssetResponse(row: AssetRow): AssetAnswer {
  const use = ({ dag_id, task_id, created_at, updated_at }: AssetRow['producing_tasks'][number]) => ({ dag_id, task_id, created_at: jsonInstant(created_at), updated_at: jsonInstant(updated_at) });
  return {
    id: row.id,
    name: row.name,
    uri: row.uri,
    group: row.asset_group,
    extra: row.extra,
    created_at: instantText(row.created_at),
    updated_at: instantText(row.updated_at),
    scheduled_dags: row.scheduled_dags.map((each) => {
      const { dag_id, created_at, updated_at } = use(each);
      return { dag_id, created_at, updated_at };
    }),
    producing_tasks: row.producing_tasks.map(use),
    consuming_tasks: row.consuming_tasks.map(use),
    aliases: row.aliases,
    watchers: row.watchers.map((watcher) => ({ ...watcher, created_date: jsonInstant(watcher.created_date) })),
    last_asset_event: { id: row.last_event_id, timestamp: instantText(row.last_event_at) },
  };
}

export function toAssetEventResponse(row: AssetEventRow): AssetEventAnswer {
  return {
    id: row.id,
    asset_id: row.asset_id,
    uri: row.uri,
    name: row.name,
    group: row.asset_group,
    extra: row.extra,
    source_task_id: row.source_task_id,
    source_dag_id: row.source_dag_id,
    source_run_id: row.source_run_id,
    source_map_index: row.source_index_path === null ? -1 : mapIndexOf(row.source_index_path),
    created_dagruns: row.created_dagruns.map((run) => ({
      run_id: run.run_id,
      dag_id: run.dag_id,
      logical_date: jsonInstant(run.logical_date),
      // Airflow's clients refuse a null here: of a run that has not started, since when it waits. Its state says so.
      start_date: jsonInstant(run.start_date ?? run.queued_at ?? run.run_after),
      end_date: jsonInstant(run.end_date),
      state: run.state,
      data_interval_start: jsonInstant(run.data_interval_start),
      data_interval_end: jsonInstant(run.data_interval_end),
      partition_key: run.partition_key,
    })),
    timestamp: instantText(row.created_at),
    partition_key: row.partition_key,
  };
}

/** As PostgreSQL writes a time in JSON. */
function jsonInstant(text: string): string;
function jsonInstant(text: string | null): string | null;
function jsonInstant(text: string | null): string | null {
  return text === null ? null : instantText(new Date(text));
}
