import type { AssetEventRow, AssetRow } from '@millrace/persistence';
import { mapIndexOf } from '@millrace/vocabulary';
import { instantText } from '../answers.js';

export function toAssetResponse(row: AssetRow): Record<string, unknown> {
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

export function toAssetEventResponse(row: AssetEventRow): Record<string, unknown> {
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
    created_dagruns: row.created_dagruns.map((run) => Object.fromEntries(Object.entries(run).map(([name, value]) => [name, TIMES.has(name) ? jsonInstant(value) : value]))),
    timestamp: instantText(row.created_at),
    partition_key: row.partition_key,
  };
}

const TIMES = new Set(['logical_date', 'start_date', 'end_date', 'data_interval_start', 'data_interval_end']);

/** As PostgreSQL writes a time in JSON. */
function jsonInstant(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : instantText(new Date(text));
}
