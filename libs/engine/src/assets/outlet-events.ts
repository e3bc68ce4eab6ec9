import type { Outlets } from '../graph/plan.js';

/** What a try told of the assets it wrote. Plain data: part of its `finished` event. */
export interface OutletEvent {
  readonly name: string;
  readonly uri: string;
  /** Of an asset that comes into being through an alias. */
  readonly group: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
  /** Through which alias outlet; null: an asset outlet. */
  readonly alias: string | null;
  /** Empty: the run's own partition, or none. */
  readonly partitionKeys: readonly string[];
}

/** What is recorded when an instance with outlets has succeeded: one event for each asset (and partition key). */
export interface AssetUpdate {
  readonly name: string;
  readonly uri: string;
  readonly group: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly aliases: readonly string[];
  /** null: the run's own partition, or none. */
  readonly partitionKey: string | null;
}

/**
 * Each declared asset is updated once, with what the task said of it; then what it named through its aliases: the same asset with the same
 * extra through several aliases is one event. What it said of assets and aliases that are not its outlets is left out.
 */
export function assetUpdates(outlets: Outlets, told: readonly OutletEvent[]): readonly AssetUpdate[] {
  const updates: AssetUpdate[] = [];
  for (const { name, uri } of outlets.assets) {
    const own = told.find((event) => event.alias === null && event.name === name && (event.uri === uri || event.uri === ''));
    for (const partitionKey of keysOf(own)) updates.push({ name, uri, group: null, extra: own?.extra ?? {}, aliases: [], partitionKey });
  }
  const byContent = new Map<string, { event: OutletEvent; aliases: string[] }>();
  for (const event of told) {
    if (event.alias === null || !outlets.aliases.includes(event.alias)) continue;
    const content = JSON.stringify([event.name, event.uri, event.extra, event.partitionKeys]);
    const same = byContent.get(content);
    if (same === undefined) byContent.set(content, { event, aliases: [event.alias] });
    else if (!same.aliases.includes(event.alias)) same.aliases.push(event.alias);
  }
  for (const { event, aliases } of byContent.values()) {
    for (const partitionKey of keysOf(event)) updates.push({ name: event.name, uri: event.uri, group: event.group, extra: event.extra, aliases, partitionKey });
  }
  return updates;
}

function keysOf(event: OutletEvent | undefined): readonly (string | null)[] {
  return event === undefined || event.partitionKeys.length === 0 ? [null] : [...new Set(event.partitionKeys)];
}
