import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Operator, Sensor, sensed } from '@millrace/sdk';
import type { OperatorOptions, PokeAnswer, SensorOptions, TaskContext } from '@millrace/sdk';
import { needText, optionalText, wholeNumber } from '../options/check-options.js';
import { objectsAt, withStorage } from './object-storage.js';
import type { BucketObject, Platform } from './object-storage.js';

/** What all operators of a platform's buckets take. */
export interface StorageOptions extends OperatorOptions {
  /** Template. */
  readonly bucket: string;
  /** @default 'aws_default' for S3, 'google_cloud_default' for Google Cloud Storage */
  readonly connectionId?: string;
}

/** Operators of buckets, made for each platform from the same code. */
export abstract class StorageOperator<Result> extends Operator<Result> {
  static override readonly uiColor: string = '#d3eaf2';
  protected abstract readonly platform: Platform;
  readonly bucket: string;
  readonly connectionId: string | undefined;

  constructor(id: string, options: StorageOptions) {
    super(id, options);
    this.bucket = needText(this.taskId, 'bucket', options?.bucket);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
  }

  protected get connection(): string {
    return this.connectionId ?? this.platform.defaultConnection;
  }
}

export interface ListObjectsOptions extends StorageOptions {
  /** What keys begin with. Template. @default '' */
  readonly prefix?: string;
  /** More fail the try: they would not fit into an XCom. @default 10,000 */
  readonly maxKeys?: number;
}

export abstract class ListObjects extends StorageOperator<readonly string[]> {
  override readonly templateFields: readonly string[] = ['bucket', 'prefix'];
  readonly prefix: string;
  readonly maxKeys: number;

  constructor(id: string, options: ListObjectsOptions) {
    super(id, options);
    this.prefix = options.prefix ?? '';
    this.maxKeys = wholeNumber(this.taskId, 'maxKeys', options.maxKeys, 10_000);
  }

  override execute(context: TaskContext): Promise<readonly string[]> {
    return withStorage(this.platform, this.connection, context, async (storage) => {
      const keys: string[] = [];
      for await (const { key } of storage.list(this.bucket, this.prefix)) {
        if (keys.length >= this.maxKeys) throw new Error(`there are more than ${this.maxKeys} objects below ${this.platform.scheme}://${this.bucket}/${this.prefix}; give a longer prefix, or raise maxKeys`);
        keys.push(key);
      }
      context.log.info(`${keys.length} objects below ${this.platform.scheme}://${this.bucket}/${this.prefix}`);
      return keys;
    });
  }
}

export interface GetObjectOptions extends StorageOptions {
  /** Template. */
  readonly key: string;
  /** Absolute path it is written to; the task then returns `{ file, bytes }`. Template. @default it is read as text, and returned */
  readonly file?: string;
  /** More to return as text fail the try. @default 1,000,000 */
  readonly maxBytes?: number;
}

export abstract class GetObject extends StorageOperator<string | { readonly file: string; readonly bytes: number }> {
  override readonly templateFields: readonly string[] = ['bucket', 'key', 'file'];
  readonly key: string;
  readonly file: string | undefined;
  readonly maxBytes: number;

  constructor(id: string, options: GetObjectOptions) {
    super(id, options);
    this.key = needText(this.taskId, 'key', options.key);
    this.file = optionalText(this.taskId, 'file', options.file);
    this.maxBytes = wholeNumber(this.taskId, 'maxBytes', options.maxBytes, 1_000_000);
  }

  override execute(context: TaskContext): Promise<string | { readonly file: string; readonly bytes: number }> {
    const { bucket, key, file } = this;
    if (file !== undefined && !isAbsolute(file)) throw new Error(`file must be an absolute path, got ${JSON.stringify(file)}`);
    return withStorage(this.platform, this.connection, context, async (storage) => {
      if (file === undefined) return Buffer.from(await storage.read(bucket, key, this.maxBytes)).toString('utf8');
      await storage.download(bucket, key, file);
      return { file, bytes: (await stat(file)).size };
    });
  }
}

export interface PutObjectOptions extends StorageOptions {
  /** Template. */
  readonly key: string;
  /** Absolute path of what is stored. Template. This or `content`. */
  readonly file?: string;
  /** What is stored: a text, or anything else as JSON. Template. */
  readonly content?: unknown;
  /** e.g. `text/csv`. @default the platform's own guess */
  readonly contentType?: string;
  /** False: an object that is there fails the try. @default true: it is replaced */
  readonly replace?: boolean;
}

export abstract class PutObject extends StorageOperator<string> {
  override readonly templateFields: readonly string[] = ['bucket', 'key', 'file', 'content'];
  readonly key: string;
  readonly file: string | undefined;
  readonly content: unknown;
  readonly contentType: string | undefined;
  readonly replace: boolean;

  constructor(id: string, options: PutObjectOptions) {
    super(id, options);
    this.key = needText(this.taskId, 'key', options.key);
    this.file = optionalText(this.taskId, 'file', options.file);
    this.content = options.content;
    if ((this.file === undefined) === (this.content === undefined)) throw new TypeError(`task "${this.taskId}": give either file or content`);
    this.contentType = optionalText(this.taskId, 'contentType', options.contentType);
    this.replace = options.replace ?? true;
  }

  /** Returns the object's address. */
  override execute(context: TaskContext): Promise<string> {
    const { bucket, key, file, content } = this;
    const address = `${this.platform.scheme}://${bucket}/${key}`;
    if (file !== undefined && !isAbsolute(file)) throw new Error(`file must be an absolute path, got ${JSON.stringify(file)}`);
    return withStorage(this.platform, this.connection, context, async (storage) => {
      if (!this.replace && (await storage.head(bucket, key)) !== null) throw new Error(`${address} is there already (replace: false)`);
      await storage.upload(bucket, key, file === undefined ? { text: typeof content === 'string' ? content : JSON.stringify(content) } : { file }, this.contentType);
      context.log.info(`${address} stored`);
      return address;
    });
  }
}

export interface CopyObjectOptions extends StorageOptions {
  /** Template. */
  readonly key: string;
  /** Template. */
  readonly destinationKey: string;
  /** Template. @default the same bucket */
  readonly destinationBucket?: string;
}

export abstract class CopyObject extends StorageOperator<string> {
  override readonly templateFields: readonly string[] = ['bucket', 'key', 'destinationBucket', 'destinationKey'];
  readonly key: string;
  readonly destinationBucket: string;
  readonly destinationKey: string;

  constructor(id: string, options: CopyObjectOptions) {
    super(id, options);
    this.key = needText(this.taskId, 'key', options.key);
    this.destinationKey = needText(this.taskId, 'destinationKey', options.destinationKey);
    this.destinationBucket = optionalText(this.taskId, 'destinationBucket', options.destinationBucket) ?? this.bucket;
  }

  /** Returns the copy's address. */
  override execute(context: TaskContext): Promise<string> {
    return withStorage(this.platform, this.connection, context, async (storage) => {
      await storage.copy({ bucket: this.bucket, key: this.key }, { bucket: this.destinationBucket, key: this.destinationKey });
      return `${this.platform.scheme}://${this.destinationBucket}/${this.destinationKey}`;
    });
  }
}

export interface DeleteObjectsOptions extends StorageOptions {
  /** Keys, or all below a prefix: this or `prefix`. Template. */
  readonly keys?: readonly string[];
  /** Template. */
  readonly prefix?: string;
}

export abstract class DeleteObjects extends StorageOperator<number> {
  override readonly templateFields: readonly string[] = ['bucket', 'keys', 'prefix'];
  readonly keys: readonly string[] | undefined;
  readonly prefix: string | undefined;

  constructor(id: string, options: DeleteObjectsOptions) {
    super(id, options);
    this.keys = options.keys;
    // An empty prefix would be the whole bucket.
    this.prefix = optionalText(this.taskId, 'prefix', options.prefix);
    if ((this.keys === undefined) === (this.prefix === undefined)) throw new TypeError(`task "${this.taskId}": give either keys or prefix`);
    if (this.keys !== undefined && !Array.isArray(this.keys)) throw new TypeError(`task "${this.taskId}": keys must be a list`);
  }

  /** Returns how many were asked to go. */
  override execute(context: TaskContext): Promise<number> {
    if (this.prefix?.trim() === '') throw new Error('prefix is empty after it was rendered: that would be the whole bucket');
    return withStorage(this.platform, this.connection, context, async (storage) => {
      const keys = [...(this.keys ?? [])];
      if (this.prefix !== undefined) for await (const { key } of storage.list(this.bucket, this.prefix)) keys.push(key);
      await storage.delete(this.bucket, keys);
      context.log.info(`${keys.length} objects deleted from ${this.platform.scheme}://${this.bucket}`);
      return keys.length;
    });
  }
}

export interface ObjectSensorOptions extends SensorOptions {
  /** Template. */
  readonly bucket: string;
  /** A key, or a pattern with `*` and `?`, which go over `/`. Template. */
  readonly key: string;
  /** Objects there must be. @default 1 */
  readonly minObjects?: number;
  /** @default 'aws_default' for S3, 'google_cloud_default' for Google Cloud Storage */
  readonly connectionId?: string;
}

export abstract class ObjectSensor extends Sensor<readonly BucketObject[]> {
  override readonly templateFields: readonly string[] = ['bucket', 'key'];
  protected abstract readonly platform: Platform;
  readonly bucket: string;
  readonly key: string;
  readonly minObjects: number;
  readonly connectionId: string | undefined;

  constructor(id: string, options: ObjectSensorOptions) {
    super(id, options);
    this.bucket = needText(this.taskId, 'bucket', options?.bucket);
    this.key = needText(this.taskId, 'key', options.key);
    this.minObjects = wholeNumber(this.taskId, 'minObjects', options.minObjects, 1);
    this.connectionId = optionalText(this.taskId, 'connectionId', options.connectionId);
  }

  override poke(context: TaskContext): Promise<PokeAnswer<readonly BucketObject[]>> {
    return withStorage(this.platform, this.connectionId ?? this.platform.defaultConnection, context, async (storage) => {
      const found: BucketObject[] = [];
      for await (const one of objectsAt(storage, this.bucket, this.key)) {
        found.push(one);
        if (found.length >= FOUND_MAX) break;
      }
      context.log.info(`${this.platform.scheme}://${this.bucket}/${this.key}: ${found.length} objects`);
      return sensed(found, found.length >= this.minObjects);
    });
  }
}

/** Handed on as XCom. */
const FOUND_MAX = 1_000;
