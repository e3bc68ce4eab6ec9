import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CRC32C } from '@google-cloud/storage';

interface Blob {
  readonly bytes: Buffer;
  readonly updated: string;
  readonly contentType: string;
}

export interface GcsServer extends AsyncDisposable {
  readonly url: string;
}

/** Google's JSON API for objects: multipart and resumable upload, metadata, media, lists in pages of two, rewrite in two steps, deletion. */
export async function gcsServer(buckets: readonly string[]): Promise<GcsServer> {
  const stored = new Map<string, Map<string, Blob>>(buckets.map((name) => [name, new Map()]));
  const sessions = new Map<string, { readonly bucket: string; readonly name: string; readonly contentType: string }>();
  const server = createServer((request, response) => void answer(request, response).catch((error: unknown) => send(response, 500, { error: { code: 500, message: String(error) } })));
  const missing = (response: ServerResponse, message: string): void => send(response, 404, { error: { code: 404, message } });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://gcs');
    const body = await bodyOf(request);
    const session = sessions.get(url.searchParams.get('session') ?? '');
    if (session !== undefined) return put(response, session.bucket, session.name, body, session.contentType);
    const upload = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname)?.[1];
    if (upload !== undefined) {
      if (!stored.has(upload)) return missing(response, 'The specified bucket does not exist.');
      if (url.searchParams.get('uploadType') === 'resumable') {
        const id = randomUUID();
        const metadata = body.length === 0 ? {} : (JSON.parse(body.toString()) as { contentType?: string });
        sessions.set(id, { bucket: upload, name: url.searchParams.get('name') ?? '', contentType: metadata.contentType ?? 'application/octet-stream' });
        response.setHeader('location', `${base()}/upload?session=${id}`);
        return send(response, 200, {});
      }
      const [metadata, content] = multipart(body, /boundary=("?)([^";]+)\1/.exec(request.headers['content-type'] ?? '')?.[2] ?? '');
      const fields = JSON.parse(metadata.toString()) as { name?: string; contentType?: string };
      return put(response, upload, fields.name ?? url.searchParams.get('name') ?? '', content, fields.contentType ?? 'application/octet-stream');
    }
    if (url.pathname === '/storage/v1/b') return send(response, 200, { items: [...stored.keys()].map((name) => ({ id: name, name })) });
    const [, bucket = '', rest = ''] = /^\/storage\/v1\/b\/([^/]+)\/o\/?(.*)$/.exec(url.pathname) ?? [];
    const blobs = stored.get(bucket);
    if (blobs === undefined) return missing(response, 'The specified bucket does not exist.');
    if (rest === '') {
      const names = [...blobs.keys()].filter((name) => name.startsWith(url.searchParams.get('prefix') ?? '')).sort();
      const from = Number(url.searchParams.get('pageToken') ?? 0);
      return send(response, 200, { items: names.slice(from, from + 2).map((name) => metadataOf(bucket, name, blobs.get(name) as Blob)), ...(from + 2 < names.length ? { nextPageToken: String(from + 2) } : {}) });
    }
    const rewrite = /^(.*)\/rewriteTo\/b\/([^/]+)\/o\/(.*)$/.exec(rest);
    const name = decodeURIComponent(rewrite?.[1] ?? rest);
    const blob = blobs.get(name);
    if (blob === undefined) return missing(response, `No such object: ${bucket}/${name}`);
    if (rewrite !== null) {
      // Large objects take several calls: the client must come back with the token.
      if (url.searchParams.get('rewriteToken') === null) return send(response, 200, { done: false, rewriteToken: 'again', totalBytesRewritten: '0', objectSize: String(blob.bytes.length) });
      const [target, targetName] = [rewrite[2] as string, decodeURIComponent(rewrite[3] as string)];
      stored.get(target)?.set(targetName, { ...blob, updated: new Date().toISOString() });
      return send(response, 200, { done: true, resource: metadataOf(target, targetName, blob) });
    }
    if (request.method === 'DELETE') {
      blobs.delete(name);
      return void response.writeHead(204).end();
    }
    if (url.searchParams.get('alt') !== 'media') return send(response, 200, metadataOf(bucket, name, blob));
    response.writeHead(200, { 'content-type': blob.contentType, 'x-goog-hash': `crc32c=${crc32c(blob.bytes)}` }).end(blob.bytes);
  }

  function put(response: ServerResponse, bucket: string, name: string, bytes: Buffer, contentType: string): void {
    const blob = { bytes, updated: new Date().toISOString(), contentType };
    stored.get(bucket)?.set(name, blob);
    send(response, 200, metadataOf(bucket, name, blob));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: base(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function metadataOf(bucket: string, name: string, blob: Blob): object {
  return { kind: 'storage#object', name, bucket, size: String(blob.bytes.length), updated: blob.updated, contentType: blob.contentType, crc32c: crc32c(blob.bytes), generation: '1' };
}

function crc32c(bytes: Buffer): string {
  const sum = new CRC32C();
  sum.update(bytes);
  return sum.toString();
}

/** RFC 2046: metadata and content. */
function multipart(body: Buffer, boundary: string): readonly [metadata: Buffer, content: Buffer] {
  const mark = Buffer.from(`--${boundary}`);
  const parts: Buffer[] = [];
  for (let at = body.indexOf(mark); at >= 0; ) {
    const next = body.indexOf(mark, at + mark.length);
    if (next < 0) break;
    const part = body.subarray(at + mark.length, next);
    const head = part.indexOf('\r\n\r\n');
    parts.push(part.subarray(head + 4, part.length - 2));
    at = next;
  }
  return [parts[0] ?? Buffer.alloc(0), parts[1] ?? Buffer.alloc(0)];
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
