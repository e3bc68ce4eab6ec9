import { rm, stat } from 'node:fs/promises';
import type { Storage } from '@google-cloud/storage';
import type { Connection } from '@millrace/sdk';
import { loadLibrary } from '../libraries/load-library.js';
import type { BucketObject, ObjectStorage, Platform, UploadContent } from './object-storage.js';

type GcsLibrary = typeof import('@google-cloud/storage');

/**
 * Google Cloud Storage. The connection (type google_cloud_platform): `extra.keyfile_dict` (a service account's key, object or JSON text) or
 * `extra.key_path` (its file); without them the platform's own credentials count. `extra.project`; `extra.endpoint_url` of a stand-in, spoken to without credentials.
 */
export const GCS: Platform = {
  scheme: 'gs',
  defaultConnection: 'google_cloud_default',
  async open({ extra, connectionId }: Connection): Promise<ObjectStorage> {
    const { Storage } = await loadLibrary<GcsLibrary>('@google-cloud/storage', 'Google Cloud Storage');
    const { project, key_path: keyFilename, endpoint_url: endpoint } = extra;
    const credentials = credentialsOf(extra['keyfile_dict'], connectionId);
    return new GcsStorage(new Storage({
      ...(typeof project === 'string' ? { projectId: project } : {}),
      ...(typeof keyFilename === 'string' ? { keyFilename } : {}),
      ...(credentials === undefined ? {} : { credentials }),
      ...(typeof endpoint === 'string' ? { apiEndpoint: endpoint, projectId: typeof project === 'string' ? project : 'stand-in', useAuthWithCustomEndpoint: false } : {}),
      retryOptions: { maxRetries: 3 },
    }));
  },
};

class GcsStorage implements ObjectStorage {
  constructor(private readonly storage: Storage) {}

  async *list(bucket: string, prefix: string): AsyncGenerator<BucketObject> {
    for await (const file of this.storage.bucket(bucket).getFilesStream({ prefix }) as AsyncIterable<{ name: string; metadata: Metadata }>) yield objectOf(file.name, file.metadata);
  }

  async head(bucket: string, key: string): Promise<BucketObject | null> {
    try {
      const [found] = await this.storage.bucket(bucket).file(key).getMetadata();
      return objectOf(key, found);
    } catch (error) {
      if ((error as { code?: unknown }).code === 404) return null;
      throw described(error, bucket, key);
    }
  }

  async download(bucket: string, key: string, file: string): Promise<void> {
    try {
      await this.storage.bucket(bucket).file(key).download({ destination: file });
    } catch (error) {
      await rm(file, { force: true }); // Half a file looks like a whole one.
      throw described(error, bucket, key);
    }
  }

  async read(bucket: string, key: string, maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.storage.bucket(bucket).file(key).createReadStream() as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes; let file name where it goes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw described(error, bucket, key);
    }
    return Buffer.concat(chunks);
  }

  async upload(bucket: string, key: string, content: UploadContent, contentType: string | undefined): Promise<void> {
    const metadata = contentType === undefined ? {} : { contentType };
    try {
      if ('text' in content) return await this.storage.bucket(bucket).file(key).save(content.text, { resumable: false, metadata });
      await stat(content.file); // Says ENOENT before anything is begun.
      // Resumable: large files in constant memory, and the object appears whole.
      await this.storage.bucket(bucket).upload(content.file, { destination: key, resumable: true, validation: 'crc32c', metadata });
    } catch (error) {
      throw described(error, bucket, key);
    }
  }

  async copy(from: { bucket: string; key: string }, target: { bucket: string; key: string }): Promise<void> {
    await this.storage.bucket(from.bucket).file(from.key).copy(this.storage.bucket(target.bucket).file(target.key)).catch((error: unknown) => Promise.reject(described(error, from.bucket, from.key)));
  }

  async delete(bucket: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.storage.bucket(bucket).file(key).delete({ ignoreNotFound: true });
  }

  async buckets(): Promise<readonly string[]> {
    const [buckets] = await this.storage.getBuckets({ maxResults: 100 });
    return buckets.map((bucket) => bucket.name);
  }

  close(): void {
    // The library keeps no connection of its own.
  }
}

interface Metadata {
  readonly size?: string | number | undefined;
  readonly updated?: string | undefined;
}

function objectOf(key: string, { size, updated }: Metadata): BucketObject {
  return { key, size: Number(size ?? 0), modifiedAt: new Date(Date.parse(updated ?? '') || 0).toISOString() };
}

function described(error: unknown, bucket: string, key: string): Error {
  const { code, message } = error as Error & { code?: unknown };
  return Object.assign(new Error(`gs://${bucket}/${key}: ${code === 404 ? 'there is no such object' : message}`, { cause: error }), { code: typeof code === 'number' ? `HTTP_${code}` : code });
}

function credentialsOf(given: unknown, connectionId: string): { client_email?: string; private_key?: string } | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  if (typeof given === 'object') return given;
  try {
    return JSON.parse(String(given)) as object;
  } catch {
    throw new TypeError(`extra.keyfile_dict of connection "${connectionId}" is not JSON`);
  }
}
