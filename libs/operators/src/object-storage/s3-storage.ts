import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Connection } from '@millrace/sdk';
import { loadLibrary } from '../libraries/load-library.js';
import type { BucketObject, ObjectStorage, Platform, UploadContent } from './object-storage.js';

type S3Library = typeof import('@aws-sdk/client-s3');
type UploadLibrary = typeof import('@aws-sdk/lib-storage');

const PART_BYTES = 8 * 1_048_576;
const DELETE_MAX = 1_000;

/**
 * Amazon S3 and what speaks like it. The connection (type aws): login and password are access key and secret; without them the platform's own
 * credentials count. Its extra: `region_name`, `endpoint_url`, `aws_session_token`, `path_style` (true for most stand-ins of S3).
 */
export const S3: Platform = {
  scheme: 's3',
  defaultConnection: 'aws_default',
  async open(connection: Connection, signal: AbortSignal): Promise<ObjectStorage> {
    const library = await loadLibrary<S3Library>('@aws-sdk/client-s3', 'S3');
    const { extra, login, password } = connection;
    const text = (name: string): string | undefined => (typeof extra[name] === 'string' && extra[name] !== '' ? (extra[name] as string) : undefined);
    const endpoint = text('endpoint_url') ?? (connection.host === null || connection.host === '' ? undefined : `${/^https?:/.test(connection.host) ? '' : 'https://'}${connection.host}${connection.port === null ? '' : `:${connection.port}`}`);
    const token = text('aws_session_token');
    const client = new library.S3Client({
      region: text('region_name') ?? process.env['AWS_REGION'] ?? 'us-east-1',
      ...(endpoint === undefined ? {} : { endpoint }),
      forcePathStyle: extra['path_style'] === true || extra['path_style'] === 'true',
      ...(login === null || login === '' ? {} : { credentials: { accessKeyId: login, secretAccessKey: password ?? '', ...(token === undefined ? {} : { sessionToken: token }) } }),
      maxAttempts: 4,
    });
    return new S3Storage(library, client, signal);
  },
};

class S3Storage implements ObjectStorage {
  constructor(private readonly library: S3Library, private readonly client: S3Client, private readonly signal: AbortSignal) {}

  async *list(bucket: string, prefix: string): AsyncGenerator<BucketObject> {
    for await (const page of this.library.paginateListObjectsV2({ client: this.client }, { Bucket: bucket, Prefix: prefix })) {
      for (const one of page.Contents ?? []) yield { key: one.Key ?? '', size: one.Size ?? 0, modifiedAt: (one.LastModified ?? new Date(0)).toISOString() };
    }
  }

  async head(bucket: string, key: string): Promise<BucketObject | null> {
    try {
      const found = await this.client.send(new this.library.HeadObjectCommand({ Bucket: bucket, Key: key }), this.#options);
      return { key, size: found.ContentLength ?? 0, modifiedAt: (found.LastModified ?? new Date(0)).toISOString() };
    } catch (error) {
      if (['NotFound', 'NoSuchKey'].includes((error as Error).name)) return null;
      throw described(error, bucket, key);
    }
  }

  async download(bucket: string, key: string, file: string): Promise<void> {
    try {
      const found = await this.#get(bucket, key);
      await pipeline(found, createWriteStream(file), { signal: this.signal });
    } catch (error) {
      await rm(file, { force: true }); // Half a file looks like a whole one.
      throw described(error, bucket, key);
    }
  }

  async read(bucket: string, key: string, maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const found = await this.#get(bucket, key).catch((error: unknown) => Promise.reject(described(error, bucket, key)));
    for await (const chunk of found as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw new Error(`s3://${bucket}/${key} is larger than ${maxBytes} bytes; let file name where it goes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async upload(bucket: string, key: string, content: UploadContent, contentType: string | undefined): Promise<void> {
    const params = { Bucket: bucket, Key: key, ...(contentType === undefined ? {} : { ContentType: contentType }) };
    try {
      if ('text' in content) return void (await this.client.send(new this.library.PutObjectCommand({ ...params, Body: content.text }), this.#options));
      await stat(content.file); // Says ENOENT before anything is begun.
      const { Upload } = await loadLibrary<UploadLibrary>('@aws-sdk/lib-storage', 'S3');
      const upload = new Upload({ client: this.client, params: { ...params, Body: createReadStream(content.file) }, partSize: PART_BYTES, queueSize: 2 });
      this.signal.addEventListener('abort', () => void upload.abort(), { once: true });
      await upload.done();
    } catch (error) {
      throw described(error, bucket, key);
    }
  }

  async copy(from: { bucket: string; key: string }, target: { bucket: string; key: string }): Promise<void> {
    const CopySource = `${from.bucket}/${from.key.split('/').map(encodeURIComponent).join('/')}`;
    await this.client.send(new this.library.CopyObjectCommand({ Bucket: target.bucket, Key: target.key, CopySource }), this.#options).catch((error: unknown) => Promise.reject(described(error, from.bucket, from.key)));
  }

  async delete(bucket: string, keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETE_MAX) {
      const Objects = keys.slice(at, at + DELETE_MAX).map((Key) => ({ Key }));
      const { Errors } = await this.client.send(new this.library.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }), this.#options);
      const first = Errors?.[0];
      if (first !== undefined) throw new Error(`${Errors?.length ?? 0} objects could not be deleted, first s3://${bucket}/${first.Key ?? ''}: ${first.Message ?? first.Code ?? ''}`);
    }
  }

  async buckets(): Promise<readonly string[]> {
    const { Buckets } = await this.client.send(new this.library.ListBucketsCommand({}), this.#options);
    return (Buckets ?? []).map((bucket) => bucket.Name ?? '');
  }

  close(): void {
    this.client.destroy();
  }

  get #options(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: this.signal };
  }

  async #get(bucket: string, key: string): Promise<Readable> {
    return (await this.client.send(new this.library.GetObjectCommand({ Bucket: bucket, Key: key }), this.#options)).Body as Readable;
  }
}

/** What S3 says, with the object it is about: its own words often name neither. */
function described(error: unknown, bucket: string, key: string): Error {
  const { name, message } = error as Error;
  return Object.assign(new Error(`s3://${bucket}/${key}: ${name === 'NoSuchKey' || name === 'NotFound' ? 'there is no such object' : `${message}${message.includes(name) ? '' : ` (${name})`}`}`, { cause: error }), { code: name });
}
