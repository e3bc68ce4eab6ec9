import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { lookup as resolve } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import type { TlsFiles } from '@millrace/lifecycle';
import { logUrlPath } from './log-path.js';
import { signLogRead } from './log-read-token.js';

export interface FetchLogOptions {
  readonly internalToken: string;
  /** Default: the beginning. */
  readonly offset?: number;
  readonly limit?: number;
  /** Instead of both: so many bytes before the end. */
  readonly last?: number;
  readonly follow: boolean;
  readonly signal?: AbortSignal;
  /** Until the answer's headers, connecting included. */
  readonly headersTimeoutMs: number;
  /** Without follow: between two chunks. */
  readonly idleTimeoutMs: number;
  /** Cloud metadata services live at link-local addresses; a worker never does, unless somebody says so. */
  readonly allowLinkLocal?: boolean;
  /** What is shown to an https server, and whom it must be signed by. Default: nothing, and the authorities of Node.js. */
  readonly tls?: TlsFiles | null;
}

export interface FetchedLog {
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly url: string;
  /** The byte it begins at. */
  readonly offset: number;
  /** Bytes of the whole log; null when the server did not say. */
  readonly size: number | null;
}

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
// Amazon's metadata address for IPv6 is unique-local, not link-local.
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');

/** The URL a log is read at on a server. */
export function logUrl(server: string, logPath: string): string {
  return new URL(logUrlPath(logPath), server).href;
}

/**
 * Asks a log port for a log. Redirects are not followed; a status other than 200 is an error with the server's own words.
 * @param server `http://host:port` or `https://…`, from the database or the configuration, never from a caller.
 */
export async function fetchLog(server: string, logPath: string, options: FetchLogOptions): Promise<FetchedLog> {
  const url = new URL(logUrl(server, logPath));
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`not an http address: ${server}`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (options.allowLinkLocal !== true && isIP(host) !== 0 && isLinkLocal(host)) throw new Error(`${host} is a link-local address; logs are not read from there`);
  const { offset = 0, last } = options;
  if (last === undefined) url.searchParams.set('offset', String(offset));
  if (options.limit !== undefined) url.searchParams.set('limit', String(options.limit));
  if (options.follow) url.searchParams.set('follow', '1');
  const token = await signLogRead(options.internalToken, { logPath, audience: url.host });
  const response = await open(url, token, options);
  if (response.statusCode === 200) {
    const size = Number(response.headers['x-millrace-log-size'] ?? Number.NaN);
    if (last === undefined) return { bytes: response, url: url.href, offset, size: Number.isSafeInteger(size) ? size : null };
    response.destroy();
    throw new Error('it answers with the whole log where its end was asked for');
  }
  if (last !== undefined && (response.statusCode === 206 || response.statusCode === 416)) {
    // An empty log has no last byte: 416, and that is no failure.
    const [, from, size] = /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(\d{1,15})$/.exec(response.headers['content-range'] ?? '') ?? [];
    if (size !== undefined && (response.statusCode === 206 ? from !== undefined : size === '0')) {
      if (response.statusCode === 416) response.resume();
      return { bytes: response.statusCode === 416 ? [] : response, url: url.href, offset: Number(from ?? 0), size: Number(size) };
    }
  }
  const detail = await beginningOf(response);
  throw new Error(`${response.statusCode} ${response.statusMessage ?? ''}${detail === '' ? '' : `: ${detail}`}`);
}

function open(url: URL, token: string, options: FetchLogOptions): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((done, fail) => {
    const request = send(url, {
      headers: { authorization: `Bearer ${token}`, ...(options.last === undefined ? {} : { range: `bytes=-${options.last}` }) }, agent: false, lookup: options.allowLinkLocal === true ? undefined : guardedLookup,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.tls ? { cert: options.tls.cert, key: options.tls.key, ...(options.tls.ca === null ? {} : { ca: options.tls.ca }) } : {}),
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${options.headersTimeoutMs} ms`)), options.headersTimeoutMs);
    request.once('error', (error) => {
      clearTimeout(timer);
      fail(explained(error, url.protocol));
    });
    request.once('response', (response) => {
      clearTimeout(timer);
      if (!options.follow) response.setTimeout(options.idleTimeoutMs, () => response.destroy(new Error(`nothing came for ${options.idleTimeoutMs} ms`)));
      done(response);
    });
    request.end();
  });
}

/** What a failed handshake means for whoever has to mend it. */
function explained(error: NodeJS.ErrnoException, protocol: string): Error {
  const said = (hint: string): Error => new Error(`${error.message}; ${hint}`, { cause: error });
  if (protocol === 'http:') return error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_CONSTANT' ? said('if it answers over TLS, the api needs security.tls_cert_file and https:// in log_server.urls') : error;
  if (STRANGERS.has(error.code ?? '')) return said('its certificate is none of the authority of security.tls_ca_file');
  if (/wrong version number|packet length too long/i.test(error.message)) return new Error('it answers in the clear; it needs security.tls_cert_file like the api', { cause: error });
  return error;
}

const STRANGERS: ReadonlySet<string> = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE']);

async function beginningOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > 2_000) break;
  }
  try {
    return String((JSON.parse(text) as { detail?: unknown }).detail ?? '').slice(0, 500);
  } catch {
    return '';
  }
}

function isLinkLocal(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  return LINK_LOCAL.check(mapped, isIP(mapped) === 4 ? 'ipv4' : 'ipv6');
}

const guardedLookup: LookupFunction = (hostname, lookupOptions, callback) => {
  resolve(hostname, { ...lookupOptions, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    const allowed = addresses.filter(({ address }) => !isLinkLocal(address));
    const first = allowed[0];
    if (first === undefined) return callback(new Error(`${hostname} has only link-local addresses; logs are not read from there`), '', 0);
    if (lookupOptions.all === true) return callback(null, allowed);
    return callback(null, first.address, first.family);
  });
};
