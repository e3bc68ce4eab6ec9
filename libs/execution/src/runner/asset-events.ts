import type { ToldOutletEvent } from '@millrace/contracts';
import { PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import type { Ask } from './supervisor-questions.js';
import { toXComJson } from './xcom-json.js';

/** An asset or alias, as a dag file has it. By shape: every bundle carries its own copy of the SDK. */
export interface NamedAsset {
  readonly name: string;
  /** Absent: an alias. */
  readonly uri?: string;
  readonly group?: string;
}

/** An event of an asset, as a task reads it. */
export interface AssetEvent {
  readonly assetName: string;
  readonly assetUri: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly timestamp: Date;
  /** null: it was reported from outside. */
  readonly sourceDagId: string | null;
  readonly sourceRunId: string | null;
  readonly sourceTaskId: string | null;
  readonly sourceMapIndex: number | null;
  readonly partitionKey: string | null;
  readonly aliases: readonly string[];
}

export interface InletEventsOptions {
  /** @default 100, the newest */
  readonly limit?: number;
  readonly after?: Date | string;
  readonly before?: Date | string;
  /** Oldest first. @default true */
  readonly ascending?: boolean;
}

const LIMIT_MAX = 10_000;

/** What one try tells of one of its outlets. */
export class OutletEventHandle {
  /** Kept with the event. JSON values. */
  extra: Record<string, unknown> = {};
  readonly partitionKeys = new Set<string>();
  readonly added: { readonly asset: NamedAsset; readonly extra: Record<string, unknown> }[] = [];

  constructor(private readonly outlet: NamedAsset) {}

  /** Updates an asset through this alias. One that is not known comes into being. */
  add(asset: NamedAsset | string, extra: Record<string, unknown> = {}): void {
    if (this.outlet.uri !== undefined) throw new TypeError(`"${this.outlet.name}" is an asset; only an alias can add assets`);
    const named = typeof asset === 'string' ? { name: asset, uri: asset } : asset;
    if (typeof named?.name !== 'string' || named.name.trim() === '' || typeof named.uri !== 'string' || named.uri.trim() === '') throw new TypeError(`alias "${this.outlet.name}" can add an asset with name and uri, got ${JSON.stringify(asset)}`);
    this.added.push({ asset: named, extra });
  }

  /** One event for each of these keys, instead of one for the run's partition. */
  addPartitions(...keys: readonly (string | readonly string[])[]): void {
    if (this.outlet.uri === undefined) throw new TypeError(`"${this.outlet.name}" is an alias; partitions can only be told of an asset`);
    for (const key of keys.flat()) {
      if (typeof key !== 'string' || key.trim() === '' || key.length > PARTITION_KEY_MAX_LENGTH) throw new TypeError(`a partition key is a text of 1 to ${PARTITION_KEY_MAX_LENGTH} characters, got ${JSON.stringify(key)}`);
      this.partitionKeys.add(key);
    }
  }
}

/** What a try tells of its outlets, until its result is sent. */
export class OutletEvents {
  #declared: readonly NamedAsset[] = [];
  readonly #handles = new Map<string, { readonly outlet: NamedAsset; readonly handle: OutletEventHandle }>();

  declare(outlets: unknown): void {
    if (Array.isArray(outlets)) this.#declared = outlets as NamedAsset[];
  }

  /** @throws TypeError naming the outlets when it is none of them */
  of(target: NamedAsset | string): OutletEventHandle {
    const name = typeof target === 'string' ? target : target?.name;
    const outlet = this.#declared.find((each) => each.name === name && (typeof target === 'string' || each.uri === target.uri));
    if (outlet === undefined) throw new TypeError(`"${name}" is no outlet of this task; its outlets are ${this.#declared.map((each) => `"${each.name}"`).join(', ') || 'none'}`);
    const key = `${outlet.name}\n${outlet.uri ?? ''}`;
    const known = this.#handles.get(key);
    if (known !== undefined) return known.handle;
    const handle = new OutletEventHandle(outlet);
    this.#handles.set(key, { outlet, handle });
    return handle;
  }

  /** Empty: nothing was told. @throws TypeError for what JSON cannot hold, RangeError above the limit */
  toJson(maxBytes: number): string {
    if (this.#handles.size === 0) return '';
    const told: ToldOutletEvent[] = [];
    for (const { outlet, handle } of this.#handles.values()) {
      if (outlet.uri === undefined) {
        for (const { asset, extra } of handle.added) told.push({ name: asset.name, uri: asset.uri ?? '', group: asset.group ?? null, extra: { ...handle.extra, ...extra }, alias: outlet.name, partitionKeys: [] });
      } else told.push({ name: outlet.name, uri: outlet.uri, group: null, extra: handle.extra, alias: null, partitionKeys: [...handle.partitionKeys] });
    }
    for (const event of told) {
      if (typeof event.extra !== 'object' || event.extra === null || Array.isArray(event.extra)) throw new TypeError(`the extra of outlet "${event.name}" must be an object`);
    }
    const json = toXComJson(told, 'outletEvents');
    if (Buffer.byteLength(json) > maxBytes) throw new RangeError(`what this try tells of its outlets has ${Buffer.byteLength(json)} bytes as JSON; the limit is ${maxBytes} (core.xcom_max_bytes)`);
    return json;
  }
}

/** Events of an asset or alias, oldest first unless asked otherwise. */
export async function inletEvents(ask: Ask, target: NamedAsset | string, options: InletEventsOptions): Promise<AssetEvent[]> {
  const named = typeof target === 'string' ? { name: target, uri: '' } : target;
  const limit = options.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) throw new RangeError(`inletEvents() reads 1 to ${LIMIT_MAX} events, got ${limit}`);
  const isAlias = named.uri === undefined;
  const answer = await ask({
    ask: 'assetEvents', triggering: false, name: isAlias ? '' : named.name, uri: named.uri ?? '', alias: isAlias ? named.name : '',
    after: instantOf(options.after, 'after'), before: instantOf(options.before, 'before'), limit, ascending: options.ascending ?? true,
  });
  return eventsOf('json' in answer ? answer.json : null);
}

/** The events that asked for this run, by the name of their asset. */
export async function triggeringAssetEvents(ask: Ask): Promise<Record<string, AssetEvent[]>> {
  const answer = await ask({ ask: 'assetEvents', triggering: true, name: '', uri: '', alias: '', after: '', before: '', limit: LIMIT_MAX, ascending: true });
  const byName: Record<string, AssetEvent[]> = Object.create(null) as Record<string, AssetEvent[]>;
  for (const event of eventsOf('json' in answer ? answer.json : null)) (byName[event.assetName] ??= []).push(event);
  return byName;
}

export function eventsOf(json: string | null): AssetEvent[] {
  if (json === null || json === '') return [];
  return (JSON.parse(json) as (Omit<AssetEvent, 'timestamp'> & { timestamp: string })[]).map((event) => ({ ...event, timestamp: new Date(event.timestamp) }));
}

function instantOf(value: Date | string | undefined, what: string): string {
  if (value === undefined) return '';
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw new RangeError(`inletEvents(): ${what} is no time: ${JSON.stringify(value)}`);
  return date.toISOString();
}
