import { join } from 'node:path';
import { loadConfiguration } from '@millrace/configuration';
import type { Configuration, LoadOptions } from '@millrace/configuration';
import { EmbeddedPostgres } from '@millrace/embedded-postgres';
import { ManagedService } from '@millrace/lifecycle';
import type { Service } from '@millrace/lifecycle';
import { InProcessHub, InProcessLiveUpdates } from '@millrace/live-updates';
import { InProcessBroker, InProcessBus } from '@millrace/messaging';
import { migrate } from '@millrace/persistence';
import { createLogger } from '@millrace/telemetry';
import { reachDatabase } from '../database/reach-database.js';
import { COMPOSITIONS } from '../service-commands/compositions.js';
import type { ServiceName } from '../service-commands/compositions.js';
import { giveExamplesDatabase } from './examples-database.js';
import type { HomeLock } from './home-lock.js';
import { checkPort, keptSecret, newPassword, prepareHome } from './prepare-home.js';
import type { KeptSecret } from './prepare-home.js';
import { ReadyLogger } from './ready-logger.js';

export interface StandaloneSettings {
  readonly config: Configuration;
  /** What flags and defaults of standalone changed; every service's configuration is loaded with them. */
  readonly overrides: NonNullable<LoadOptions['overrides']>;
  /** `database.url` was set: that database is used, and none is embedded. */
  readonly ownDatabase: boolean;
  readonly onProgress: (sentence: string) => void;
}

/** Everything in one process: a database of its own, an in-process broker, and the five services on ports of their own. */
export class Standalone extends ManagedService {
  readonly name = 'standalone';
  private readonly running: Service[] = [];
  private readonly bus = new InProcessBus();
  private readonly hub = new InProcessHub();
  private password: KeptSecret | null = null;
  private apiUrl = '';

  constructor(
    private readonly settings: StandaloneSettings,
    private readonly lock: HomeLock,
  ) {
    super();
  }

  /** Only while started. */
  get url(): string {
    return this.apiUrl;
  }

  get adminPassword(): KeptSecret {
    return this.password as KeptSecret;
  }

  protected async open(signal: AbortSignal): Promise<void> {
    const { config, onProgress } = this.settings;
    const home = config['core.home'];
    prepareHome(home);
    this.lock.take();
    await checkPort(config['api.host'], config['api.port']);
    this.password = keptSecret(join(home, 'admin-password'), config['security.admin_password'], newPassword);
    const token = keptSecret(join(home, 'internal-token'), config['security.internal_token'], () => newPassword() + newPassword());
    const secrets = { 'security.admin_password': this.password.value, 'security.internal_token': token.value };

    if (config['security.admin_password'] !== '' && this.password.value !== config['security.admin_password']) {
      onProgress(`MILLRACE_ADMIN_PASSWORD is not taken: this home was begun with another password, kept in ${this.password.file}`);
    }
    const databaseUrl = await this.openDatabase(token.value, signal);

    // Each learns the ports of those before it: nothing but the api has a fixed one.
    const known = { ...secrets, 'database.url': databaseUrl };
    const logPort = (await this.serve('log-server', known, signal)).port('http_port');
    const withLogs = { ...known, 'log_server.urls': [`${config['security.tls_cert_file'] === '' ? 'http' : 'https'}://127.0.0.1:${logPort}`] };
    const schedulerPort = (await this.serve('scheduler', withLogs, signal)).port('grpc_port');
    const api = await this.serve('api', withLogs, signal);
    this.apiUrl = urlOf(config['api.host'], api.port('http_port'));
    await this.serve('dag-processor', { ...secrets, 'dag_processor.api_address': `127.0.0.1:${api.port('grpc_port')}` }, signal);
    // The worker gets no database address: task code sees none, also here.
    await this.serve('worker', { ...secrets, 'worker.scheduler_urls': [`127.0.0.1:${schedulerPort}`] }, signal);
    this.lock.tell(this.apiUrl);
  }

  protected async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let service = this.running.pop(); service !== undefined; service = this.running.pop()) {
      await service.stop().catch((error: unknown) => errors.push(error));
    }
    this.lock.release();
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, `${errors.length} parts did not stop cleanly`);
  }

  /** The database given, migrated; else the embedded one, in which the examples get a corner of their own. */
  private async openDatabase(internalToken: string, signal: AbortSignal): Promise<string> {
    const { config, ownDatabase, onProgress } = this.settings;
    if (ownDatabase) {
      onProgress(`using the database of database.url (${new URL(config['database.url']).host}), none is embedded`);
      await reachDatabase(config['database.url'], () => migrate(config['database.url']));
      return config['database.url'];
    }
    const embedded = new EmbeddedPostgres({ home: config['core.home'], database: 'millrace', onMessage: onProgress });
    await this.begin(embedded, signal);
    await migrate(embedded.url);
    await giveExamplesDatabase(embedded, internalToken);
    return embedded.url;
  }

  private async serve(name: ServiceName, overrides: NonNullable<LoadOptions['overrides']>, signal: AbortSignal): Promise<ReadyLogger> {
    const config = loadConfiguration({ overrides: { ...this.settings.overrides, ...overrides }, onWarning: () => undefined });
    const logger = new ReadyLogger(createLogger({ service: name, level: config['logging.level'], format: config['logging.format'] }));
    const compose = await COMPOSITIONS[name]();
    // Whoever makes an adapter starts and stops it; a service owns only those it made itself.
    const broker = new InProcessBroker({ bus: this.bus, logger });
    const liveUpdates = new InProcessLiveUpdates(this.hub);
    await this.begin(broker, signal);
    await this.begin(liveUpdates, signal);
    const service = await compose({ config, logger, broker, liveUpdates });
    await this.begin(service, signal);
    return logger;
  }

  /** Listed before it starts, so that one that fails half way is stopped too. */
  private async begin(service: Service, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.running.push(service);
    await service.start();
  }
}

function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
