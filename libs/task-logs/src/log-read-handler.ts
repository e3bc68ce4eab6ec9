import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import type { Logger } from '@millrace/telemetry';
import { logPathFromUrl } from './log-path.js';
import { verifyLogRead } from './log-read-token.js';
import { openLogFile } from './open-log-file.js';
import { hasEnded, tailFile } from './tail-file.js';

export interface LogReadHandlerOptions {
  /** `logs.folder`. */
  readonly folder: string;
  readonly internalToken: string;
  /** The `host:port` names this server is dialled by; asked at each request because the port may be known only after listening. */
  readonly audiences: () => readonly string[];
  /** Only callers whose certificate the server's authority has signed. Default: a token is enough. */
  readonly needsCertificate?: boolean;
  readonly logger?: Logger;
  readonly pollMs?: number;
}

/** Answers true when the request was a log read (and has been answered), false when it is for somebody else. */
export type LogReadHandler = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

/**
 * `GET /log/<log path>[?offset=N][&limit=N][&follow=1]`, or with `Range: bytes=…`, for a bearer token that names this file and server.
 * Headers of the answer: `x-millrace-log-size`, and `x-millrace-log-ended: true` once the try's end line stands at the end.
 * A refusal tells nothing about the folder to a caller without a token: 401 comes before any look at the disk.
 */
export function createLogReadHandler(options: LogReadHandlerOptions): LogReadHandler {
  return async (request, response) => {
    const [rawPath = '', rawQuery = ''] = (request.url ?? '').split('?', 2);
    if (rawPath !== '/log' && !rawPath.startsWith('/log/')) return false;
    try {
      await answer(options, request, response, rawPath, new URLSearchParams(rawQuery));
    } catch (error) {
      options.logger?.error('a log could not be served', { error: (error as Error).message });
      if (response.headersSent) response.destroy();
      else refuse(response, 500, 'the log could not be read; the server’s own log says why');
    }
    return true;
  };
}

async function answer(options: LogReadHandlerOptions, request: IncomingMessage, response: ServerResponse, rawPath: string, query: URLSearchParams): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'only GET and HEAD');
  const stranger = options.needsCertificate === true ? strangerAt(request) : null;
  if (stranger !== null) {
    options.logger?.warn('a reader of logs was refused', { from: request.socket.remoteAddress, reason: stranger });
    return refuse(response, 403, stranger);
  }
  const logPath = logPathFromUrl(rawPath);
  if (logPath === null) return refuse(response, 400, 'the path must be /log/dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=N.log');
  const token = /^Bearer ([\w.-]+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || !(await verifyLogRead(options.internalToken, token, logPath, options.audiences()))) {
    return refuse(response, 401, 'a valid token for this log is needed');
  }
  const follow = query.get('follow') === '1' || query.get('follow') === 'true';
  const opened = await openLogFile(options.folder, logPath);
  if ('refused' in opened) {
    if (opened.refused !== 'no such file') options.logger?.warn('a log was refused', { path: logPath, reason: opened.refused });
    return refuse(response, opened.refused === 'no such file' ? 404 : 403, `${logPath}: ${opened.refused}`);
  }
  const window = windowOf(request.headers.range, query, opened.size);
  if ('problem' in window) {
    await opened.file.close();
    response.setHeader('content-range', `bytes */${opened.size}`);
    return refuse(response, window.status, window.problem);
  }
  response.statusCode = window.status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('x-millrace-log-size', String(opened.size));
  response.setHeader('x-millrace-log-ended', String(await hasEnded(opened.file, opened.size)));
  // What is appended while it is sent is not part of this answer, unless it follows.
  const length = Math.max(0, Math.min(window.limit, opened.size - window.offset));
  if (window.status === 206) response.setHeader('content-range', `bytes ${window.offset}-${window.offset + length - 1}/${opened.size}`);
  if (!follow) response.setHeader('content-length', String(length));
  if (request.method === 'HEAD') {
    await opened.file.close();
    response.end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.flushHeaders();
  const bytes = tailFile(opened.file, opened.path, {
    offset: window.offset, limit: follow ? window.limit : length, follow, signal: gone.signal,
    ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
  });
  await pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 2 }), response).catch((error: NodeJS.ErrnoException) => {
    if (!gone.signal.aborted && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

/** Why the caller's certificate is not enough; null: it is. */
function strangerAt({ socket }: IncomingMessage): string | null {
  if (socket instanceof TLSSocket && socket.authorized) return null;
  const shown = socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate()).length > 0;
  if (!shown) return 'logs are read here only with a certificate that the authority of security.tls_ca_file has signed; none was shown';
  return `the certificate shown is none of the authority of security.tls_ca_file (${String((socket as TLSSocket).authorizationError)})`;
}

type Window = { readonly status: 200 | 206; readonly offset: number; readonly limit: number } | { readonly status: 400 | 416; readonly problem: string };

function windowOf(range: string | undefined, query: URLSearchParams, size: number): Window {
  if (range !== undefined) {
    const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range);
    if (match === null || (match[1] === '' && match[2] === '')) return { status: 416, problem: 'only one range, bytes=from-to, from- or -last' };
    const from = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
    const to = match[1] === '' || match[2] === '' ? size - 1 : Number(match[2]);
    if (from >= size || to < from) return { status: 416, problem: `the log has ${size} bytes` };
    return { status: 206, offset: from, limit: to - from + 1 };
  }
  const offset = wholeNumber(query.get('offset'), 0);
  const limit = wholeNumber(query.get('limit'), Number.POSITIVE_INFINITY);
  if (offset === null || limit === null) return { status: 400, problem: 'offset and limit must be whole numbers of bytes, not negative' };
  return { status: 200, offset, limit };
}

function wholeNumber(text: string | null, otherwise: number): number | null {
  if (text === null || text === '') return otherwise;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ detail }));
}
