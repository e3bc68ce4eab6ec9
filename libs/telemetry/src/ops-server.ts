import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ManagedService } from '@millrace/lifecycle';
import type { HealthReport, TlsFiles } from '@millrace/lifecycle';
import { MillraceError } from '@millrace/vocabulary';
import type { Registry } from 'prom-client';
import { maskText } from './masking.js';

export interface OpsServerOptions {
  /** 0 takes a free one; see {@link OpsServer.port}. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Answers over TLS. With an authority callers are asked for a certificate and none is turned away for it: what needs one looks itself (`mount`), and who watches over services has none. Default: in the clear. */
  readonly tls?: TlsFiles | null;
  /** Asked at each request; must not throw for an expected trouble. */
  readonly health: () => HealthReport | Promise<HealthReport>;
  readonly registry: Registry;
  /** Asked first, for whole trees of paths such as `/log/…`; false when the request is none of its own. Checks methods itself. */
  readonly mount?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  /** More paths, e.g. `/session`; exact match, GET and HEAD only. */
  readonly extra?: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void | Promise<void>>>;
  /** `POST /drain`, for who presents the token as `Bearer`. Default: there is no such path. */
  readonly drain?: DrainAction;
}

export interface DrainAction {
  /** The services' shared one. */
  readonly token: string;
  /** Begins to end the service in good order, and does not wait for it; asked again while it drains it only tells. @returns what is told to the asker */
  readonly begin: () => Readonly<Record<string, unknown>>;
}

/** What operators and orchestrators ask a service: `/health`, `/livez`, `/readyz`, `/metrics`, and to drain. */
export class OpsServer extends ManagedService {
  readonly name = 'ops-server';
  private server: Server | null = null;

  constructor(private readonly options: OpsServerOptions) {
    super();
  }

  /** The port listened on; 0 while stopped. */
  get port(): number {
    return (this.server?.address() as AddressInfo | null)?.port ?? 0;
  }

  protected async open(): Promise<void> {
    const { port, host = '127.0.0.1', tls = null } = this.options;
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.answer(request, response);
    const asked = tls === null || tls.ca === null ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: false };
    const server = tls === null ? createServer(answer) : createTlsServer({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2', ...asked }, answer);
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') reject(new MillraceError('conflict', `port ${port} on ${host} is in use; choose another ops_port, or 0 for a free one`));
        else reject(new MillraceError('unavailable', `can't listen on ${host}:${port}: ${error.message}`));
      });
      server.listen(port, host, resolve);
    });
  }

  protected async close(): Promise<void> {
    const server = this.server;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    this.server = null;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.options.mount !== undefined && (await this.options.mount(request, response))) return;
      const path = (request.url ?? '/').split('?')[0] as string;
      if (path === '/drain' && this.options.drain !== undefined) return drain(this.options.drain, request, response);
      const handler = this.handlerOf(path);
      if (handler === undefined) return sendJson(response, 404, { detail: 'here are /health, /livez, /readyz and /metrics' });
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return sendJson(response, 405, { detail: 'only GET and HEAD' });
      }
      await handler(request, response);
    } catch (error) {
      const detail = maskText(error instanceof Error ? error.message : String(error));
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { detail });
    }
  }

  private handlerOf(path: string): ((request: IncomingMessage, response: ServerResponse) => void | Promise<void>) | undefined {
    switch (path) {
      case '/livez': // The event loop answers: nothing a restart would mend.
        return (_request, response) => sendJson(response, 200, { status: 'alive' });
      case '/health':
      case '/readyz':
        return async (_request, response) => {
          const report = await this.options.health();
          sendJson(response, report.ok ? 200 : 503, { status: report.ok ? 'healthy' : 'unhealthy', ...report });
        };
      case '/metrics':
        return async (_request, response) => {
          const body = await this.options.registry.metrics();
          response.writeHead(200, { 'content-type': this.options.registry.contentType, 'cache-control': 'no-store' }).end(body);
        };
      default:
        return this.options.extra !== undefined && Object.hasOwn(this.options.extra, path) ? this.options.extra[path] : undefined;
    }
  }
}

function drain({ token, begin }: DrainAction, request: IncomingMessage, response: ServerResponse): void {
  request.resume(); // A body says nothing here.
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST');
    return sendJson(response, 405, { detail: 'only POST' });
  }
  const presented = /^Bearer +(\S.*)$/i.exec((request.headers.authorization ?? '').trimEnd())?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (token === '' || !timingSafeEqual(digest(presented), digest(token))) {
    response.setHeader('www-authenticate', 'Bearer');
    return sendJson(response, 401, { detail: 'to drain this service, present security.internal_token as Authorization: Bearer …' });
  }
  sendJson(response, 202, { status: 'draining', ...begin() });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(body)}\n`);
}
