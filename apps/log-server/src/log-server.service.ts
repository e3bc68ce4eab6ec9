import { access, constants, mkdir } from 'node:fs/promises';
import type { Configuration } from '@millrace/configuration';
import { ManagedService, readTlsFiles } from '@millrace/lifecycle';
import type { HealthReport, Service } from '@millrace/lifecycle';
import { openObjectStore } from '@millrace/object-store';
import type { ObjectStore } from '@millrace/object-store';
import { createLogReadHandler } from '@millrace/task-logs';
import { OpsServer, createLogger, createMetrics } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { LogRetention } from './retention/log-retention.js';
import { LogShipper } from './shipping/log-shipper.js';

const RETENTION_EVERY_MS = 15 * 60_000;

export interface LogServerOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
}

/**
 * Serves the logs of one folder when the worker that wrote them is gone or busy; puts ended ones into the store; removes what is old
 * enough. Knows no database, no broker.
 */
export class LogServer extends ManagedService {
  readonly name = 'log-server';
  private readonly folder: string;

  constructor(
    private readonly server: OpsServer,
    private readonly chores: readonly Service[],
    private readonly store: ObjectStore | null,
    private readonly config: Configuration,
    private readonly logger: Logger,
  ) {
    super();
    this.folder = config['logs.folder'];
  }

  /** The port of logs, health and metrics; 0 while stopped. */
  get port(): number {
    return this.server.port;
  }

  protected async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o750 }).catch((error: Error) => {
      throw new MillraceError('unavailable', `the log folder ${this.folder} can't be made: ${error.message}. Set logs.folder (MILLRACE__LOGS__FOLDER) to a folder this user may write to`);
    });
    await this.server.start();
    for (const chore of this.chores) await chore.start();
    this.logger.info('ready', { http_port: this.port, host: this.config['log_server.host'], folder: this.folder, store: this.store?.url ?? '' });
  }

  protected async close(): Promise<void> {
    for (const chore of this.chores) await chore.stop();
    await this.server.stop();
    await this.store?.close();
  }
}

/** @throws MillraceError when `logs.store_url` names nothing that can be a store, or a certificate cannot be used */
export async function createLogServer({ config, logger = createLogger({ service: 'log-server', level: config['logging.level'], format: config['logging.format'] }) }: LogServerOptions): Promise<LogServer> {
  const folder = config['logs.folder'];
  const metrics = createMetrics('log-server');
  const reads = metrics.counter({ name: 'log_reads_total', help: 'Requests for a log, by status of the answer.', labels: ['status'] });
  const seconds = metrics.histogram({ name: 'log_read_seconds', help: 'From a request for a log to the end of its answer; a followed log lasts as long as it is followed.' });
  const tls = readTlsFiles({ prefix: 'security.tls', cert: config['security.tls_cert_file'], key: config['security.tls_key_file'], ca: config['security.tls_ca_file'] });
  const handle = createLogReadHandler({
    folder, internalToken: config['security.internal_token'], needsCertificate: tls?.ca != null, logger,
    // The names this server is dialled by: its own address, and those the api was given.
    audiences: () => [`${config['log_server.host']}:${server.port}`, ...config['log_server.urls'].map(hostOf)],
  });
  const server = new OpsServer({
    host: config['log_server.host'], port: config['log_server.port'], tls, registry: metrics.registry, health: () => healthOf(folder),
    mount: async (request, response) => {
      const beganMs = performance.now();
      const handled = await handle(request, response);
      if (handled) {
        reads.inc({ status: String(response.statusCode) });
        seconds.observe((performance.now() - beganMs) / 1_000);
      }
      return handled;
    },
  });
  const store = config['logs.store_url'] === '' ? null : await openObjectStore(config['logs.store_url']);
  return new LogServer(server, chores(config, store, logger, metrics), store, config, logger);
}

function chores(config: Configuration, store: ObjectStore | null, logger: Logger, metrics: Metrics): Service[] {
  const folder = config['logs.folder'];
  const removed = metrics.counter({ name: 'logs_removed_total', help: 'Logs removed because they were old enough, by where from.', labels: ['from'] });
  const retention = { folder, everyMs: RETENTION_EVERY_MS, localMs: config['logs.local_retention_hours'] * 3_600_000, storeMs: config['logs.store_retention_days'] * 86_400_000 };
  const all: Service[] = [];
  if (store !== null) {
    const shipped = metrics.counter({ name: 'logs_shipped_total', help: 'Logs put into the store.' });
    const bytes = metrics.counter({ name: 'log_shipped_bytes_total', help: 'Bytes of logs put into the store.' });
    const failures = metrics.counter({ name: 'log_shipping_failures_total', help: 'Tries to put a log into the store that failed; each is made again.' });
    const lag = metrics.gauge({ name: 'log_shipping_lag_seconds', help: 'Age of the oldest ended log that is not in the store; 0: none.' });
    const observer = {
      shipped: (size: number) => {
        shipped.inc();
        bytes.inc(size);
      },
      failed: () => failures.inc(),
      lag: (ms: number) => lag.set(ms / 1_000),
    };
    all.push(new LogShipper(store, { folder, everyMs: config['logs.ship_every_seconds'] * 1_000, silentMs: config['logs.ship_silent_minutes'] * 60_000 }, observer, logger));
  }
  if (retention.localMs > 0 || (store !== null && retention.storeMs > 0)) all.push(new LogRetention(store, retention, logger, (from, count) => removed.inc({ from }, count)));
  return all;
}

async function healthOf(folder: string): Promise<HealthReport> {
  try {
    await access(folder, constants.R_OK | constants.X_OK);
    return { ok: true, checks: { folder: { ok: true } } };
  } catch (error) {
    return { ok: false, checks: { folder: { ok: false, detail: (error as Error).message } } };
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}
