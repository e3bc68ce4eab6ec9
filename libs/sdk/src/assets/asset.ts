import type { AssetConditionDocument, AssetDocument } from '@millrace/contracts';
import type { Watcher } from './watchers.js';

/** Something a dag can wait for: an asset, an alias, or a combination of them. */
export abstract class AssetExpression {
  /** @internal Airflow's asset expression. */
  abstract toCondition(): AssetConditionDocument;

  /** Both. @example schedule: orders.and(customers) */
  and(...others: readonly AssetExpression[]): AssetExpression {
    return allOf(this, ...others);
  }

  /** Either. @example schedule: orders.or(customers) */
  or(...others: readonly AssetExpression[]): AssetExpression {
    return anyOf(this, ...others);
  }
}

export interface AssetOptions {
  /** Where the data is, e.g. `s3://bucket/flights`; no password in it. @default the name */
  readonly uri?: string;
  /** Shown together in the UI. @default 'asset' */
  readonly group?: string;
  /** Shown with the asset. JSON values. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** What is listened to outside: each thing that happens there is an event of the asset. */
  readonly watchers?: readonly Watcher[];
}

/** A piece of data that tasks write and read. */
export class Asset extends AssetExpression {
  readonly name: string;
  readonly uri: string;
  readonly group: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly watchers: readonly Watcher[];

  /** @throws RangeError for an unusable name or URI */
  constructor(name: string, options: AssetOptions = {}) {
    super();
    this.name = usableName(name, 'an asset');
    this.uri = usableUri(options.uri ?? name, name);
    this.group = options.group ?? 'asset';
    this.extra = options.extra ?? {};
    this.watchers = options.watchers ?? [];
    const twice = this.watchers.find((watcher, index) => this.watchers.findIndex((other) => other.name === watcher.name) !== index);
    if (twice !== undefined) throw new RangeError(`asset "${name}" has two watchers named "${twice.name}"`);
  }

  /** @internal */
  toDocument(): AssetDocument {
    return { name: this.name, uri: this.uri, group: this.group, extra: { ...this.extra }, watchers: [...this.watchers] };
  }

  override toCondition(): AssetConditionDocument {
    return { asset: this.toDocument() };
  }

  override toString(): string {
    return this.name;
  }
}

/** A name that stands for assets which a task knows only when it runs. */
export class AssetAlias extends AssetExpression {
  readonly name: string;
  readonly group: string;

  constructor(name: string, options: { readonly group?: string } = {}) {
    super();
    this.name = usableName(name, 'an asset alias');
    this.group = options.group ?? 'asset';
  }

  override toCondition(): AssetConditionDocument {
    return { alias: { name: this.name, group: this.group } };
  }

  override toString(): string {
    return this.name;
  }
}

class Combined extends AssetExpression {
  constructor(
    private readonly how: 'all' | 'any',
    private readonly parts: readonly AssetExpression[],
  ) {
    super();
    if (parts.length === 0) throw new RangeError(`${how}Of() needs at least one asset`);
    for (const part of parts) if (!isAssetExpression(part)) throw new RangeError(`${how}Of() takes assets, aliases and combinations of them, got ${JSON.stringify(part)}`);
  }

  override toCondition(): AssetConditionDocument {
    const parts = this.parts.flatMap((part) => (part instanceof Combined && part.how === this.how ? part.parts : [part])).map((part) => part.toCondition());
    return this.how === 'all' ? { all: parts } : { any: parts };
  }
}

/**
 * An asset, by name.
 * @example const flights = asset('flights', { uri: 'postgres://warehouse/public/flights', group: 'travel' });
 */
export function asset(name: string, options: AssetOptions | string = {}): Asset {
  return new Asset(name, typeof options === 'string' ? { uri: options } : options);
}

/** A name for assets a task chooses when it runs: `outlets: [assetAlias('daily')]`. */
export function assetAlias(name: string, options: { readonly group?: string } = {}): AssetAlias {
  return new AssetAlias(name, options);
}

/** All of them have been updated since the dag's last run. */
export function allOf(...parts: readonly AssetExpression[]): AssetExpression {
  return new Combined('all', parts);
}

/** One of them has been updated. */
export function anyOf(...parts: readonly AssetExpression[]): AssetExpression {
  return new Combined('any', parts);
}

/** By shape: a dag file may get its assets from a package with a copy of the SDK of its own. */
export function isAssetExpression(value: unknown): value is AssetExpression {
  return typeof value === 'object' && value !== null && typeof (value as { toCondition?: unknown }).toCondition === 'function';
}

/** Of an expression, or of a list, which means all. @throws RangeError for an empty list and for what is no asset */
export function conditionOf(assets: AssetExpression | readonly AssetExpression[]): AssetConditionDocument {
  if (isAssetExpression(assets)) return assets.toCondition();
  return allOf(...assets).toCondition();
}

function usableName(name: string, what: string): string {
  if (typeof name !== 'string' || name.trim() === '' || name.length > 1_500) throw new RangeError(`${what} needs a name of 1 to 1500 characters, got ${JSON.stringify(name)}`);
  return name;
}

function usableUri(uri: string, name: string): string {
  if (typeof uri !== 'string' || uri.trim() === '' || uri.length > 1_500) throw new RangeError(`asset "${name}" needs a URI of 1 to 1500 characters, got ${JSON.stringify(uri)}`);
  if (/^airflow:\/\//i.test(uri)) throw new RangeError(`asset "${name}": the scheme airflow:// is reserved`);
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#@]*@/i.test(uri)) throw new RangeError(`asset "${name}": its URI holds a password; URIs are shown to everybody, name a connection in the task instead`);
  return uri;
}
