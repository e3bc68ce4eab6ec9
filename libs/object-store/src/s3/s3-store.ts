import { createReadStream } from 'node:fs';
import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Readable } from 'node:stream';
import { checkKey } from '../object-store.js';
import type { ByteRange, ObjectStore, StoredObject } from '../object-store.js';

export interface S3Options {
  readonly region?: string | undefined;
  /** For what speaks like S3. */
  readonly endpoint?: string | undefined;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly pathStyle?: boolean | undefined;
}

const PART_BYTES = 8 * 1_048_576;
const DELETE_MAX = 1_000;

/** Amazon S3, and servers that speak like it. Credentials by the SDK's own chain. */
export class S3Store implements ObjectStore {
  readonly url: string;
  readonly #client: S3Client;

  constructor(
    private readonly bucket: string,
    private readonly prefix: string,
    options: S3Options,
  ) {
    this.url = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#client = new S3Client({
      ...(options.region === undefined ? {} : { region: options.region }),
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      forcePathStyle: options.pathStyle ?? false,
      maxAttempts: 4,
    });
  }

  async putFile(key: string, path: string): Promise<void> {
    const upload = new Upload({ client: this.#client, params: { Bucket: this.bucket, Key: this.#key(key), Body: createReadStream(path) }, partSize: PART_BYTES, queueSize: 2 });
    await upload.done();
  }

  async head(key: string): Promise<StoredObject | null> {
    try {
      const found = await this.#client.send(new HeadObjectCommand({ Bucket: this.bucket, Key: this.#key(key) }));
      return { key, size: found.ContentLength ?? 0, modifiedAtMs: found.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async get(key: string, { offset, limit }: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    if (limit === 0) return (await this.head(key)) === null ? null : nothing();
    const Range = offset === 0 && limit === undefined ? undefined : `bytes=${offset}-${limit === undefined ? '' : offset + limit - 1}`;
    try {
      const found = await this.#client.send(new GetObjectCommand({ Bucket: this.bucket, Key: this.#key(key), ...(Range === undefined ? {} : { Range }) }), signal === undefined ? {} : { abortSignal: signal });
      return found.Body as Readable;
    } catch (error) {
      if (isMissing(error)) return null;
      if (statusOf(error) === 416) return nothing();
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const below = this.prefix === '' ? '' : `${this.prefix}/`;
    for await (const page of paginateListObjectsV2({ client: this.#client }, { Bucket: this.bucket, Prefix: `${below}${prefix}` })) {
      for (const found of page.Contents ?? []) yield { key: (found.Key ?? '').slice(below.length), size: found.Size ?? 0, modifiedAtMs: found.LastModified?.getTime() ?? 0 };
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETE_MAX) {
      const Objects = keys.slice(at, at + DELETE_MAX).map((key) => ({ Key: this.#key(key) }));
      const { Errors } = await this.#client.send(new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects, Quiet: true } }));
      const first = Errors?.[0];
      if (first !== undefined) throw new Error(`${Errors?.length ?? 0} objects could not be deleted, first ${first.Key ?? ''}: ${first.Message ?? first.Code ?? ''}`);
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #key(key: string): string {
    return `${this.prefix === '' ? '' : `${this.prefix}/`}${checkKey(key)}`;
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

/** A missing object; a missing bucket is an error like any other. */
function isMissing(error: unknown): boolean {
  const { name } = error as { name?: string };
  return name === 'NoSuchKey' || name === 'NotFound';
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
