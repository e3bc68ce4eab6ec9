import { compilePartitionedAssets } from '@millrace/engine';
import type { PartitionedAssets, PartitionedAssetsSource } from '@millrace/engine';
import { AssetEventsWriter } from '@millrace/persistence';
import type { NewAssetEvent, PartitionConsumer, RecordedAssetEvent, Transaction } from '@millrace/persistence';

export interface RecordedEvents {
  readonly events: readonly RecordedAssetEvent[];
  /** Dags whose condition may be met now: look at them after the commit. */
  readonly dagIds: readonly string[];
}

/** Records events of assets, and what waits for them, in the caller's transaction. Who looks at the dags afterwards is the caller's. */
export async function recordAssetEvents(tx: Transaction, events: readonly NewAssetEvent[]): Promise<RecordedEvents> {
  const writer = new AssetEventsWriter(tx);
  const recorded = await writer.record(events);
  const ids = recorded.map((event) => event.id);
  const dagIds = new Set(await writer.queue(ids));
  const consumers = await writer.partitionConsumers(ids);
  if (consumers.length > 0) for (const dagId of await openPartitions(writer, recorded, consumers)) dagIds.add(dagId);
  return { events: recorded, dagIds: [...dagIds].sort() };
}

/** Each event counts for the partitions its key is mapped to; what cannot be mapped is told in the audit log, as in Airflow. */
async function openPartitions(writer: AssetEventsWriter, recorded: readonly RecordedAssetEvent[], consumers: readonly PartitionConsumer[]): Promise<Set<string>> {
  const byId = new Map(recorded.map((event) => [event.id, event]));
  const compiled = new Map<string, PartitionedAssets | null>();
  const lines: { dagId: string; key: string; eventId: number; sourceKey: string }[] = [];
  for (const { eventId, dagId, partitionedAssets } of consumers) {
    const event = byId.get(eventId)!;
    const facts = { asset_name: event.name, asset_uri: event.uri, event_id: event.id };
    if (event.partitionKey === null) {
      await writer.tell('missing partition key', dagId, { ...facts, message: 'the dag waits for partitions, and the event has no partition key' });
      continue;
    }
    if (!compiled.has(dagId)) {
      const result = compilePartitionedAssets(partitionedAssets as PartitionedAssetsSource);
      compiled.set(dagId, result.ok ? result.partitioned : null);
    }
    const mapped = compiled.get(dagId)?.mapperOf(event.name, event.uri).map(event.partitionKey) ?? { ok: false as const, message: 'the dag has no usable mapper' };
    if (!mapped.ok) {
      await writer.tell('failed to map partition_key', dagId, { ...facts, partition_key: event.partitionKey, message: mapped.message });
      continue;
    }
    for (const key of mapped.keys) lines.push({ dagId, key, eventId, sourceKey: event.partitionKey });
  }
  await writer.openPartitions(lines);
  return new Set(lines.map((line) => line.dagId));
}
