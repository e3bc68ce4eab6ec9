import { z } from 'zod';
import { anyJson, anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const assetAlias = named('AssetAliasResponse', z.object({ group: z.string(), id: z.int(), name: z.string() }));
export const assetAliasCollection = page('AssetAliasCollectionResponse', 'asset_aliases', assetAlias);
export const assetWatcher = named('AssetWatcherResponse', z.object({ created_date: time, name: z.string(), trigger_id: z.int() }));
export const dagScheduleAssetReference = named('DagScheduleAssetReference', z.object({ created_at: time, dag_id: z.string(), updated_at: time }));
export const taskInletAssetReference = named('TaskInletAssetReference', z.object({ created_at: time, dag_id: z.string(), task_id: z.string(), updated_at: time }));
export const taskOutletAssetReference = named('TaskOutletAssetReference', z.object({ created_at: time, dag_id: z.string(), task_id: z.string(), updated_at: time }));
export const lastAssetEvent = named('LastAssetEventResponse', z.object({ id: z.int().nullable(), timestamp: time.nullable() }));
export const asset = named('AssetResponse', z.object({
  aliases: z.array(assetAlias), consuming_tasks: z.array(taskInletAssetReference), created_at: time,
  extra: anyObject.nullable(), group: z.string(), id: z.int(), last_asset_event: lastAssetEvent.nullable(), name: z.string(),
  producing_tasks: z.array(taskOutletAssetReference), scheduled_dags: z.array(dagScheduleAssetReference), updated_at: time, uri: z.string(),
  watchers: z.array(assetWatcher),
}));
export const assetCollection = page('AssetCollectionResponse', 'assets', asset);
export const dagRunAssetReference = named('DagRunAssetReference', z.object({
  dag_id: z.string(), data_interval_end: time.nullable(), data_interval_start: time.nullable(), end_date: time.nullable(),
  logical_date: time.nullable(), partition_key: z.string().nullable(), run_id: z.string(), start_date: time, state: z.string(),
}));
export const assetEvent = named('AssetEventResponse', z.object({
  asset_id: z.int(), created_dagruns: z.array(dagRunAssetReference), extra: anyObject.nullable(),
  group: z.string().nullable(), id: z.int(), name: z.string().nullable(), partition_key: z.string().nullable(), source_dag_id: z.string().nullable(),
  source_map_index: z.int(), source_run_id: z.string().nullable(), source_task_id: z.string().nullable(), timestamp: time, uri: z.string().nullable(),
}));
export const assetEventCollection = page('AssetEventCollectionResponse', 'asset_events', assetEvent);
export const queuedEvent = named('QueuedEventResponse', z.object({ asset_id: z.int(), created_at: time, dag_display_name: z.string(), dag_id: z.string() }));
export const queuedEventCollection = page('QueuedEventCollectionResponse', 'queued_events', queuedEvent);
export type AssetAnswer = Answer<typeof asset>;
export type AssetEventAnswer = Answer<typeof assetEvent>;
export type QueuedEventAnswer = Answer<typeof queuedEvent>;

/** What the next run of a dag waits for. */
export const nextRunAssets = named('NextRunAssets', z.object({
  dag_id: z.string(), asset_expression: anyObject.nullable(), events: z.array(z.object({ id: z.int(), name: z.string(), uri: z.string(), last_update: time.nullable(), queued_events: z.int() })),
  aliases: z.array(z.string()), missing: z.array(z.object({ name: z.string(), uri: z.string() })),
}));
export const partition = named('Partition', z.object({
  id: z.int(), partition_key: z.string(), created_at: time, state: z.string().nullable(), dag_run_id: z.string().nullable(), events: z.int(),
  assets: z.array(z.object({ name: z.string(), uri: z.string(), is_complete: z.boolean(), arrived: z.int(), expected: z.int().nullable(), missing: z.array(z.string()), missing_count: z.int() })),
}));
export const partitionCollection = page('PartitionCollection', 'partitions', partition);
export type PartitionAnswer = Answer<typeof partition>;

export const watcher = named('Watcher', z.object({
  id: z.int(), name: z.string(), kind: z.string(), config: anyJson, asset_id: z.int(), asset_name: z.string(), is_active: z.boolean(), state: z.enum(['inactive', 'trouble', 'watching', 'starting']),
  scheduler_id: z.string().nullable(), connected_at: time.nullable(), last_event_at: time.nullable(), last_error: z.string().nullable(), last_error_at: time.nullable(), cursor: z.string().nullable(), parked: z.int(),
}));
export const watcherCollection = page('WatcherCollection', 'watchers', watcher);
export type WatcherAnswer = Answer<typeof watcher>;
export const parkedCollection = page('ParkedCollection', 'parked', z.object({ id: z.int(), item: z.string().nullable(), content: z.string().nullable(), error: z.string(), parked_at: time }));
