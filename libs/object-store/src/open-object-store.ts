import { fileURLToPath } from 'node:url';
import { MillraceError } from '@millrace/vocabulary';
import type { ObjectStore } from './object-store.js';
import { FolderStore } from './folder/folder-store.js';

/**
 * Opens the store a URL names: `file:///var/logs`, `s3://bucket/prefix`, `gs://bucket/prefix`. Options of S3: `?region=&endpoint=&path_style=true`; of
 * Google Cloud Storage: `?endpoint=`. Credentials come from where the platforms' own tools take them (environment, files, instance), never from the URL.
 * The client libraries are loaded when they are needed: they are large.
 * @throws MillraceError for a URL that cannot be
 */
export async function openObjectStore(text: string): Promise<ObjectStore> {
  if (!URL.canParse(text)) throw bad(text, 'it is no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw bad(`${url.protocol}//…`, 'credentials do not belong into it; set them in the environment as the platform’s own tools take them');
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  switch (url.protocol) {
    case 'file:':
      if (url.host !== '') throw bad(text, 'a folder is written file:///path');
      return new FolderStore(fileURLToPath(url));
    case 's3:': {
      const { S3Store } = await import('./s3/s3-store.js');
      return new S3Store(bucketOf(url, text), prefix, {
        region: url.searchParams.get('region') ?? undefined,
        endpoint: url.searchParams.get('endpoint') ?? undefined,
        pathStyle: url.searchParams.get('path_style') === 'true',
      });
    }
    case 'gs:': {
      const { GcsStore } = await import('./gcs/gcs-store.js');
      return new GcsStore(bucketOf(url, text), prefix, { endpoint: url.searchParams.get('endpoint') ?? undefined });
    }
    default:
      throw bad(text, 'it must begin with file://, s3:// or gs://');
  }
}

function bucketOf(url: URL, text: string): string {
  if (url.host === '') throw bad(text, 'the bucket is missing: s3://bucket/prefix');
  return url.host;
}

function bad(text: string, why: string): MillraceError {
  return new MillraceError('invalid', `the object store ${JSON.stringify(text)} cannot be used: ${why}`);
}
