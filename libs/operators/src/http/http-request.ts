import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Connection, TaskContext } from '@millrace/sdk';
import { absoluteUrl, authorizationOf, headersOf } from './http-connection.js';
import { HttpError } from './http-error.js';

/** What a server answered, as checks and filters see it. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body; empty when it went to a file. */
  readonly text: string;
  /** The body read as JSON. @throws Error naming the address when it is none */
  json(): unknown;
}

export interface HttpRequest {
  /** Absolute, or a path on the connection's host. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** A text is sent as it is, everything else as JSON. */
  readonly body: unknown;
  readonly connection: Connection | undefined;
  readonly timeoutSeconds: number;
  readonly maxBodyBytes: number;
  /** Absolute path: the body goes there, not into memory. */
  readonly saveTo?: string | undefined;
}

const ERROR_CHARS = 500;

/** Sends one request. A status that is no success is an answer like any other here. @throws HttpError for a body above the limit */
export async function sendHttp(request: HttpRequest, context: Pick<TaskContext, 'signal' | 'log'>): Promise<HttpResponse> {
  const { method, connection, body } = request;
  const url = new URL(absoluteUrl(request.url, connection));
  for (const [name, value] of Object.entries(request.query)) url.searchParams.set(name, value);
  const isText = typeof body === 'string';
  const sent = body === undefined ? undefined : isText ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers: { ...(sent === undefined || isText ? {} : { 'content-type': 'application/json' }), ...headersOf(connection), ...authorizationOf(connection), ...request.headers },
    ...(sent === undefined ? {} : { body: sent }),
    signal: AbortSignal.any([context.signal, AbortSignal.timeout(request.timeoutSeconds * 1_000)]),
  }).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreachable(method, url, request.timeoutSeconds, error);
  });
  const toFile = request.saveTo !== undefined && response.ok;
  // An error page is wanted for its first words only.
  const limit = response.ok ? request.maxBodyBytes : Math.min(request.maxBodyBytes, 64_000);
  const bytes = limited(response, limit, `${method} ${shownUrl(url)}`);
  let text = '';
  if (toFile) await save(bytes, request.saveTo as string);
  else text = await textOf(bytes, response.ok);
  context.log.info(`${method} ${shownUrl(url)} answered ${response.status}`);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    json: () => {
      try {
        return text === '' ? null : (JSON.parse(text) as unknown);
      } catch (error) {
        throw new Error(`${method} ${shownUrl(url)} did not answer JSON: ${text.slice(0, ERROR_CHARS)}`, { cause: error });
      }
    },
  };
}

export function isSuccess(response: HttpResponse): boolean {
  return response.status >= 200 && response.status < 300;
}

export function statusError(request: Pick<HttpRequest, 'method' | 'url'>, response: HttpResponse): HttpError {
  return new HttpError(response.status, `${request.method} ${request.url.split('?')[0]} answered ${response.status}: ${response.text.slice(0, ERROR_CHARS)}`);
}

/** An address for the log: what stands behind `?` or before `@` may be a secret. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function unreachable(method: string, url: URL, seconds: number, error: unknown): Error {
  if ((error as Error).name === 'TimeoutError') return new Error(`${method} ${shownUrl(url)} did not answer within ${seconds} s`, { cause: error });
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return Object.assign(new Error(`${method} ${shownUrl(url)} could not be sent: ${cause?.message ?? cause?.code ?? String(error)}`, { cause: error }), cause?.code === undefined ? {} : { code: cause.code });
}

async function* limited(response: Response, maxBytes: number, what: string): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) {
      if (!response.ok) return; // The rest of an error page.
      throw new HttpError(response.status, `${what} answered with more than ${maxBytes} bytes; raise maxBodyBytes, or let saveTo name a file`);
    }
    yield chunk;
  }
}

async function save(bytes: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  try {
    await pipeline(Readable.from(bytes), createWriteStream(file));
  } catch (error) {
    await rm(file, { force: true }); // Half a file looks like a whole one.
    throw error;
  }
}

async function textOf(bytes: AsyncIterable<Uint8Array>, throws: boolean): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of bytes) chunks.push(chunk);
  } catch (error) {
    if (throws) throw error;
  }
  return Buffer.concat(chunks).toString('utf8');
}
