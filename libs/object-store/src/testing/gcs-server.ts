import { createServer } from 'node:http';
import { CRC32C } from '@google-cloud/storage';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GcsServer extends AsyncDisposable {
  readonly url: string;
}

interface Blob {
  readonly bytes: Buffer;
  readonly updated: string;
}

/** The part of Google's JSON API the store uses: resumable upload, metadata, ranges, lists in pages of two, deletion. For specs. */
export async function gcsServer(bucket: string): Promise<GcsServer> {
  const blobs = new Map<string, Blob>();
  const server = createServer((request, response) => void answer(request, response).catch((error: unknown) => json(response, 500, { error: { message: String(error) } })));
  const metadata = (name: string, blob: Blob): object => ({ kind: 'storage#object', name, bucket, size: String(blob.bytes.length), updated: blob.updated, crc32c: crc32cOf(blob.bytes), generation: '1' });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://gcs');
    const body = await bodyOf(request);
    if (url.pathname === `/upload/storage/v1/b/${bucket}/o`) {
      response.setHeader('location', `${base()}/session?name=${encodeURIComponent(url.searchParams.get('name') ?? '')}`);
      return json(response, 200, {});
    }
    if (url.pathname === '/session') {
      const name = url.searchParams.get('name') ?? '';
      blobs.set(name, { bytes: body, updated: new Date().toISOString() });
      return json(response, 200, metadata(name, blobs.get(name) as Blob));
    }
    if (url.pathname === `/storage/v1/b/${bucket}/o`) {
      const names = [...blobs.keys()].filter((name) => name.startsWith(url.searchParams.get('prefix') ?? '')).sort();
      const from = Number(url.searchParams.get('pageToken') ?? 0);
      const page = names.slice(from, from + 2);
      return json(response, 200, { items: page.map((name) => metadata(name, blobs.get(name) as Blob)), ...(from + 2 < names.length ? { nextPageToken: String(from + 2) } : {}) });
    }
    const name = decodeURIComponent(new RegExp(`^/storage/v1/b/${bucket}/o/(.*)$`).exec(url.pathname)?.[1] ?? '');
    const blob = blobs.get(name);
    if (blob === undefined) return json(response, 404, { error: { code: 404, message: `No such object: ${bucket}/${name}` } });
    if (request.method === 'DELETE') {
      blobs.delete(name);
      response.statusCode = 204;
      return void response.end();
    }
    if (url.searchParams.get('alt') !== 'media') return json(response, 200, metadata(name, blob));
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = range?.[2] ? Number(range[2]) + 1 : blob.bytes.length;
    response.statusCode = range === null ? 200 : 206;
    response.end(blob.bytes.subarray(start, end));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `gs://${bucket}/some/where?endpoint=${encodeURIComponent(base())}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function crc32cOf(bytes: Buffer): string {
  const sum = new CRC32C();
  sum.update(bytes);
  return sum.toString();
}

function json(response: ServerResponse, status: number, value: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
