import type { AssetCondition } from '../assets/condition.js';
import { isConditionMet, leavesOf } from '../assets/condition.js';
import type { CompiledMapper, PartitionMapper } from './compile-mapper.js';
import { compileMapper } from './compile-mapper.js';
import type { PartitionMapperSource } from './mapper-source.js';
import { isSatisfied } from './mapper-source.js';
import { PartitionKeyProblem } from './wall-time.js';

export interface PartitionedAssetsSource {
  readonly condition: AssetCondition;
  readonly mappers: readonly { readonly asset: { readonly name: string; readonly uri: string }; readonly mapper: PartitionMapperSource }[];
  readonly defaultMapper: PartitionMapperSource;
}

/** A dag's partitioned asset schedule, ready to be asked. */
export interface PartitionedAssets {
  readonly condition: AssetCondition;
  mapperOf(name: string, uri: string): PartitionMapper;
}

export type CompiledPartitionedAssets = { readonly ok: true; readonly partitioned: PartitionedAssets } | { readonly ok: false; readonly message: string };

export function compilePartitionedAssets(source: PartitionedAssetsSource): CompiledPartitionedAssets {
  const { assets, aliases } = leavesOf(source.condition);
  if (aliases.length > 0) return { ok: false, message: `alias "${aliases[0]?.name ?? ''}": aliases cannot be partitioned; name the assets` };
  const otherwise = compileMapper(source.defaultMapper);
  if (!otherwise.ok) return { ok: false, message: `the default mapper: ${otherwise.message}` };
  const byName = new Map<string, PartitionMapper>();
  for (const { asset, mapper } of source.mappers) {
    if (!assets.some((known) => known.name === asset.name && known.uri === asset.uri)) return { ok: false, message: `a mapper is given for asset "${asset.name}", for which the dag does not wait` };
    const compiled: CompiledMapper = compileMapper(mapper);
    if (!compiled.ok) return { ok: false, message: `the mapper of asset "${asset.name}": ${compiled.message}` };
    byName.set(asset.name, compiled.mapper);
  }
  return { ok: true, partitioned: { condition: source.condition, mapperOf: (name) => byName.get(name) ?? otherwise.mapper } };
}

/** An event that counts for a partition. */
export interface ArrivedKey {
  readonly name: string;
  readonly uri: string;
  readonly sourceKey: string;
}

export interface PartitionStatus {
  readonly isComplete: boolean;
  readonly assets: readonly AssetPartitionStatus[];
}

export interface AssetPartitionStatus {
  readonly name: string;
  readonly uri: string;
  readonly isComplete: boolean;
  /** Keys that count, each once. */
  readonly arrived: readonly string[];
  /** null: any one key is enough. */
  readonly expected: number | null;
  /** Of the expected keys; empty when any one is enough. */
  readonly missing: readonly string[];
}

/** Whether a partition of a dag may run, and what each asset still lacks. Pure in what has arrived: the order of events does not matter. */
export function partitionStatus(partitioned: PartitionedAssets, partitionKey: string, events: readonly ArrivedKey[]): PartitionStatus {
  const assets = leavesOf(partitioned.condition).assets.map(({ name, uri }) => assetStatus(partitioned.mapperOf(name, uri), name, uri, partitionKey, events));
  const met = new Map(assets.map((asset) => [`${asset.name}\n${asset.uri}`, asset.isComplete]));
  return { isComplete: isConditionMet(partitioned.condition, { asset: (name, uri) => met.get(`${name}\n${uri}`) === true, alias: () => false }), assets };
}

function assetStatus(mapper: PartitionMapper, name: string, uri: string, partitionKey: string, events: readonly ArrivedKey[]): AssetPartitionStatus {
  const keys = [...new Set(events.filter((event) => event.name === name && event.uri === uri).map((event) => event.sourceKey))].sort();
  const needs = mapper.needs(partitionKey);
  if (needs === null) return { name, uri, isComplete: keys.length > 0, arrived: keys, expected: null, missing: [] };
  const expected = new Set(needs.keys);
  const arrived = [...new Set(keys.flatMap((key) => canonicalOf(needs.canonical, key)))].filter((key) => expected.has(key)).sort();
  const here = new Set(arrived);
  return {
    name,
    uri,
    isComplete: arrived.length > 0 && isSatisfied(needs.wait, arrived.length, expected.size),
    arrived,
    expected: expected.size,
    missing: needs.keys.filter((key) => !here.has(key)),
  };
}

/** A key that was mapped by an earlier version of the dag may mean nothing to this one. */
function canonicalOf(canonical: (key: string) => string, key: string): readonly string[] {
  try {
    return [canonical(key)];
  } catch (error) {
    if (error instanceof PartitionKeyProblem) return [];
    throw error;
  }
}
