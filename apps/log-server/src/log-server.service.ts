import { access, constants, mkdir } from 'node:fs/promises';
import type { Configuration } from '@millrace/configuration';
import { ManagedService } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { createLogReadHandler } from '@millrace/task-logs';
import { OpsServer, createLogger, createMetrics } from '@millrace/telemetry';
import type { Logger } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';

export interface LogServerOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
}

/** Serves the logs of one folder when the worker that wrote them is gone or busy. Knows no database, no broker. */
export class LogServer extends ManagedService {
  readonly name = 'log-server';
  private readonly folder: string;

  constructor(
    private readonly server: OpsServer,
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
    this.logger.info('ready', { http_port: this.port, host: this.config['log_server.host'], folder: this.folder });
  }

  protected async close(): Promise<void> {
    await this.server.stop();
  }
}

export function createLogServer({ config, logger = createLogger({ service: 'log-server', level: config['logging.level'], format: config['logging.format'] }) }: LogServerOptions): LogServer {
  const folder = config['logs.folder'];
  const metrics = createMetrics('log-server');
  const reads = metrics.counter({ name: 'log_reads_total', help: 'Requests for a log, by status of the answer.', labels: ['status'] });
  const handle = createLogReadHandler({
    folder, internalToken: config['security.internal_token'], logger,
    // The names this server is dialled by: its own address, and those the api was given.
    audiences: () => [`${config['log_server.host']}:${server.port}`, ...config['log_server.urls'].map(hostOf)],
  });
  const server = new OpsServer({
    host: config['log_server.host'], port: config['log_server.port'], registry: metrics.registry, health: () => healthOf(folder),
    mount: async (request, response) => {
      const handled = await handle(request, response);
      if (handled) reads.inc({ status: String(response.statusCode) });
      return handled;
    },
  });
  return new LogServer(server, config, logger);
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
