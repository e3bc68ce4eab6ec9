/** One object as a listing tells it. */
export interface StoredObject {
  /** Below the store's prefix, with `/` between its parts. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly modifiedAtMs: number;
}

export interface ByteRange {
  readonly offset: number;
  /** Bytes; to the end when left out. */
  readonly limit?: number;
}

/**
 * Where bytes stay when the machine that made them is gone: S3 and what speaks like it, Google Cloud Storage, or a folder.
 * Methods reject with what the platform said; "it is not there" is a value.
 */
export interface ObjectStore {
  /** Told to people: `s3://bucket/prefix`, never a credential. */
  readonly url: string;
  /** Stores a file under the key, whole or not at all; what was there is replaced. Constant memory. */
  putFile(key: string, path: string): Promise<void>;
  head(key: string): Promise<StoredObject | null>;
  /** null: there is no such object. An empty range gives nothing. */
  get(key: string, range: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
  /** Keys that begin with the prefix, in order of the key. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Of keys that are not there nothing is said. */
  delete(keys: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const KEY_MAX_BYTES = 1_024;

/** @throws RangeError for a key that cannot be one, or could leave the store's prefix */
export function checkKey(key: string): string {
  const parts = key.split('/');
  const isBad = key === '' || Buffer.byteLength(key) > KEY_MAX_BYTES || key.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..');
  if (isBad) throw new RangeError(`not the key of an object: ${JSON.stringify(key.slice(0, 200))}`);
  return key;
}
