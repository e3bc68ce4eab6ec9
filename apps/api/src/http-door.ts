import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsFiles } from '@millrace/lifecycle';
import { MillraceError } from '@millrace/vocabulary';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Clients and probes may ask again after so long. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The api's port. Open from the start: while the database is away it answers `/livez` with 200, so that nobody restarts what a restart
 * would not mend, and all else with 503 and why.
 */
export class HttpDoor {
  #server: Server | null = null;
  #handler: Handler | null = null;

  /** @param reason why nothing can be answered yet, a sentence. */
  constructor(private readonly reason: () => string) {}

  /** The port listened on; 0 while closed. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  async open(host: string, port: number, tls: TlsFiles | null): Promise<void> {
    const listener: Handler = (request, response) => (this.#handler ?? this.#waiting)(request, response);
    const server = tls === null ? createServer(listener) : createTlsServer({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' }, listener);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.#server = null;
        if (error.code === 'EADDRINUSE') reject(new MillraceError('conflict', `port ${port} on ${host} is in use; choose another api.port, or 0 for a free one`));
        else reject(new MillraceError('unavailable', `can't listen on ${host}:${port}: ${error.message}`));
      });
      server.listen(port, host, resolve);
    });
  }

  /** From now on requests are answered by this. */
  handOver(handler: Handler): void {
    this.#handler = handler;
  }

  /** Ends every connection, also those of followed logs. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#handler = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  readonly #waiting: Handler = (request, response) => {
    request.resume();
    const path = (request.url ?? '/').split('?')[0];
    const alive = path === '/livez';
    const body = alive ? { status: 'alive' } : path === '/health' || path === '/readyz'
      ? { status: 'unhealthy', ok: false, checks: { database: { ok: false, detail: this.reason() } } }
      : { detail: `the api waits for its database: ${this.reason()}` };
    response.writeHead(alive ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...(alive ? {} : { 'retry-after': String(RETRY_AFTER_SECONDS) }) });
    response.end(`${JSON.stringify(body)}\n`);
  };
}
