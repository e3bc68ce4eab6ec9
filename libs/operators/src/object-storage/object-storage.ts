import type { Connection, TaskContext } from '@millrace/sdk';
import { fixedStart, hasWildcard, wildcardExpression } from '../patterns/wildcards.js';

/** One object of a bucket. */
export interface BucketObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly modifiedAt: string;
}

/** A platform's buckets, as the operators need them. */
export interface ObjectStorage {
  /** Objects whose keys begin with the prefix, in order of the key. */
  list(bucket: string, prefix: string): AsyncIterable<BucketObject>;
  head(bucket: string, key: string): Promise<BucketObject | null>;
  /** @throws when there is no such object */
  download(bucket: string, key: string, file: string): Promise<void>;
  read(bucket: string, key: string, maxBytes: number): Promise<Uint8Array>;
  /** Whole or not at all; what was there is replaced. */
  upload(bucket: string, key: string, content: UploadContent, contentType: string | undefined): Promise<void>;
  copy(from: { readonly bucket: string; readonly key: string }, target: { readonly bucket: string; readonly key: string }): Promise<void>;
  /** Of keys that are not there nothing is said. */
  delete(bucket: string, keys: readonly string[]): Promise<void>;
  /** Names of the buckets the credentials may see. */
  buckets(): Promise<readonly string[]>;
  close(): void;
}

export type UploadContent = { readonly file: string } | { readonly text: string };

/** How one platform is opened, and what its addresses and connections are called. */
export interface Platform {
  readonly scheme: string;
  readonly defaultConnection: string;
  open(connection: Connection, signal: AbortSignal): Promise<ObjectStorage>;
}

/** Opens the platform for one piece of work. */
export async function withStorage<T>(platform: Platform, connectionId: string, context: Pick<TaskContext, 'connections' | 'signal'>, work: (storage: ObjectStorage) => Promise<T>): Promise<T> {
  const storage = await platform.open(await context.connections.get(connectionId), context.signal);
  const stop = (): void => storage.close();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    context.signal.throwIfAborted();
    return await work(storage);
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', stop);
    storage.close();
  }
}

/** Objects of a key, or of a pattern (`*` and `?` go over `/`, as in Airflow). */
export async function* objectsAt(storage: ObjectStorage, bucket: string, pattern: string): AsyncGenerator<BucketObject> {
  if (!hasWildcard(pattern)) {
    const found = await storage.head(bucket, pattern);
    if (found !== null) yield found;
    return;
  }
  const expression = wildcardExpression(pattern, false);
  for await (const found of storage.list(bucket, fixedStart(pattern))) if (expression.test(found.key)) yield found;
}
