import { Storage } from '@google-cloud/storage';
import type { Bucket } from '@google-cloud/storage';
import { checkKey } from '../object-store.js';
import type { ByteRange, ObjectStore, StoredObject } from '../object-store.js';

/** Google Cloud Storage. Credentials by Google's own chain (GOOGLE_APPLICATION_CREDENTIALS, workload identity). */
export class GcsStore implements ObjectStore {
  readonly url: string;
  readonly #bucket: Bucket;

  constructor(
    bucket: string,
    private readonly prefix: string,
    /** `endpoint`: of a stand-in, which is spoken to without credentials. */
    options: { readonly endpoint?: string | undefined },
  ) {
    this.url = `gs://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    const storage = options.endpoint === undefined ? new Storage() : new Storage({ apiEndpoint: options.endpoint, projectId: 'stand-in', useAuthWithCustomEndpoint: false });
    this.#bucket = storage.bucket(bucket);
  }

  async putFile(key: string, path: string): Promise<void> {
    // Resumable: large files in constant memory, and the object appears whole.
    await this.#bucket.upload(path, { destination: this.#key(key), resumable: true, validation: 'crc32c' });
  }

  async head(key: string): Promise<StoredObject | null> {
    try {
      const [found] = await this.#bucket.file(this.#key(key)).getMetadata();
      return { key, size: Number(found.size ?? 0), modifiedAtMs: Date.parse(found.updated ?? '') || 0 };
    } catch (error) {
      if (codeOf(error) === 404) return null;
      throw error;
    }
  }

  async get(key: string, { offset, limit }: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    const found = await this.head(key);
    if (found === null) return null;
    if (limit === 0 || offset >= found.size) return nothing();
    const stream = this.#bucket.file(this.#key(key)).createReadStream({ start: offset, ...(limit === undefined ? {} : { end: Math.min(found.size, offset + limit) - 1 }), validation: false });
    signal?.addEventListener('abort', () => stream.destroy(), { once: true });
    return stream;
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const below = this.prefix === '' ? '' : `${this.prefix}/`;
    for await (const file of this.#bucket.getFilesStream({ prefix: `${below}${prefix}` }) as AsyncIterable<{ name: string; metadata: { size?: string | number; updated?: string } }>) {
      yield { key: file.name.slice(below.length), size: Number(file.metadata.size ?? 0), modifiedAtMs: Date.parse(file.metadata.updated ?? '') || 0 };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#bucket.file(this.#key(key)).delete({ ignoreNotFound: true });
  }

  async close(): Promise<void> {}

  #key(key: string): string {
    return `${this.prefix === '' ? '' : `${this.prefix}/`}${checkKey(key)}`;
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
