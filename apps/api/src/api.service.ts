import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { Server } from '@grpc/grpc-js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource } from 'typeorm';
import { AccessTokens, ApiTokens, DagScopes, EndedSessions, Roles, Users, secretBoxOf } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import { bundlesProto, logsProto } from '@millrace/contracts';
import { derivedUuid } from '@millrace/engine';
import { ManagedService, readTlsFiles, retryForever, serverCredentials } from '@millrace/lifecycle';
import type { HealthReport, TlsFiles } from '@millrace/lifecycle';
import type { LiveUpdates } from '@millrace/live-updates';
import type { Broker } from '@millrace/messaging';
import {
  BackfillsReader, DagDependenciesReader, DagsReader, EventLogsReader, ImportErrorsReader, InstancesReader, NotesWriter, Plugins, PoolUsageReader, PoolWarningsReader, QuestionsReader, RunsReader, ServiceInstances, ServicesReader, VersionsReader, XComsReader,
  observeDatabase, openDatabase, openEntities, pendingMigrations,
  listDagPlaces,
} from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { DagSourceDesk, Publication, QueueTeams, createCommands } from '@millrace/scheduling';
import { OpsServer, maskText } from '@millrace/telemetry';
import type { Logger, Metrics, Traces } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { bundlesService } from './grpc/bundles.service.js';
import { logsService } from './grpc/logs.service.js';
import { HttpDoor } from './http-door.js';
import { PluginHosts } from './plugin-hosts/plugin-hosts.js';
import { opsRoutes } from './ops-routes.js';
import { tryLogs } from './rest/api.module.js';
import type { ApiParts } from './rest/api-parts.js';
import { createHttpApp } from './rest/create-http-app.js';
import { addPublicGrpc } from './grpc/workflows/public-grpc.js';
import { Actors } from './rest/security/actors.js';
import { openObjectStore } from '@millrace/object-store';
import type { ObjectStore } from '@millrace/object-store';
import { Lookups } from './rest/lookups.js';
import { visibleDags } from './rest/security/request-scope.js';
import { VERSION } from './version.js';

/** A dag file with its bundle and inline source map. */
const GRPC_MESSAGE_MAX_BYTES = 32 * 1_048_576;
const BEAT_EVERY_MS = 5_000;
const ADMIN = 'admin';
/** Calls in flight may end by themselves for so long; a followed log never would. */
const GRPC_GRACE_MS = 1_000;

export interface ApiServiceOptions {
  readonly config: Configuration;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly broker: Broker;
  readonly liveUpdates: LiveUpdates;
  /** Whether broker and live updates were made for this service, which then starts and stops them. */
  readonly owns: { readonly broker: boolean; readonly liveUpdates: boolean };
}

/** REST, gRPC and web UI of one api process. */
export class ApiService extends ManagedService {
  readonly name = 'api';
  readonly #id = `api-${randomUUID()}`;
  readonly #door = new HttpDoor(() => this.#waitsFor);
  #ops: OpsServer | null = null;
  #waitsFor = 'not connected yet';
  #database: Database | null = null;
  #entities: DataSource | null = null;
  #app: NestFastifyApplication | null = null;
  #pluginHosts: PluginHosts | null = null;
  #grpc: Server | null = null;
  #beat: NodeJS.Timeout | undefined;
  #grpcPort = 0;
  #tellHealth: (isHealthy: boolean) => void = () => {};
  #logStore: ObjectStore | null = null;
  #tls: TlsFiles | null = null;

  constructor(private readonly options: ApiServiceOptions) {
    super();
    observeDatabase(options.metrics, () => this.#database);
  }

  /** Listening ports; 0 while stopped. */
  get httpPort(): number {
    return this.#door.port;
  }

  get grpcPort(): number {
    return this.#grpcPort;
  }

  async health(): Promise<HealthReport> {
    const database = (await this.#database?.health()) ?? { ok: false, checks: { database: { ok: false, detail: 'not connected yet' } } };
    const broker = this.options.broker as Broker & { health(): HealthReport };
    // Without the broker everything is answered; schedulers find the work a second later. It is told, not counted.
    return { ok: database.ok, checks: { ...database.checks, ...broker.health().checks } };
  }

  protected async open(signal: AbortSignal): Promise<void> {
    const { config, logger, metrics, broker, liveUpdates, owns } = this.options;
    this.#tls = readTlsFiles({ prefix: 'security.tls', cert: config['security.tls_cert_file'], key: config['security.tls_key_file'], ca: config['security.tls_ca_file'] });
    await this.#door.open(config['api.host'], config['api.port'], readTlsFiles({ prefix: 'api.tls', cert: config['api.tls_cert_file'], key: config['api.tls_key_file'], ca: '' }));
    if (config['api.ops_port'] !== 0) {
      this.#ops = new OpsServer({ host: config['api.host'], port: config['api.ops_port'], registry: metrics.registry, health: () => this.health() });
      await this.#ops.start();
    }
    if (owns.broker) await broker.start();
    if (owns.liveUpdates) await liveUpdates.start();
    const database = openDatabase(config, 'millrace-api');
    this.#database = database;
    this.#entities = await this.#waitForDatabase(signal);
    signal.throwIfAborted();

    const storeUrl = config['logs.store_url'];
    this.#logStore = storeUrl === '' ? null : await openObjectStore(storeUrl);
    const publication = new Publication(database, broker, { pausedAtCreation: config['core.dags_are_paused_at_creation'], maxMapLength: config['core.max_map_length'], queueTeams: new QueueTeams(config['security.queue_teams']) });
    const parts = this.#parts(database, this.#entities, publication);
    await this.#makeAdmin(parts.users);
    this.#app = await createHttpApp(parts, metrics);
    const fastify = this.#app.getHttpAdapter().getInstance();
    opsRoutes(fastify, () => this.health(), this.#ops === null ? metrics.registry : null);
    await fastify.ready();
    this.#door.handOver((request, response) => fastify.routing(request, response));
    await this.#serveGrpc(parts, publication);

    const beats = new ServiceInstances(database);
    const beat = (): void => {
      void this.health().then(({ ok }) => this.#tellHealth(ok));
      beats.beat({ id: this.#id, kind: 'api', hostname: hostname(), pid: process.pid, address: null, version: VERSION }).catch((error: unknown) => logger.warn('the api could not say that it is alive', { error }));
    };
    beat();
    this.#beat = setInterval(beat, BEAT_EVERY_MS);
    logger.info('ready', { host: config['api.host'], http_port: this.httpPort, grpc_host: config['api.grpc_host'], grpc_port: this.#grpcPort });
  }

  protected async close(): Promise<void> {
    clearInterval(this.#beat);
    await this.#door.close();
    this.#pluginHosts?.stop();
    this.#pluginHosts = null;
    await this.#app?.close();
    if (this.#grpc !== null) await shutDown(this.#grpc);
    if (this.#database !== null && this.#app !== null) await new ServiceInstances(this.#database).end(this.#id).catch(() => undefined);
    await this.#logStore?.close();
    this.#logStore = null;
    await this.#entities?.destroy();
    await this.#database?.stop();
    if (this.options.owns.liveUpdates) await this.options.liveUpdates.stop();
    if (this.options.owns.broker) await this.options.broker.stop();
    await this.options.traces.stop();
    await this.#ops?.stop();
    this.#ops = null;
    this.#app = null;
    this.#grpc = null;
    this.#entities = null;
    this.#database = null;
    this.#grpcPort = 0;
  }

  /** A missing database, or one whose schema is older than this version, is waited for with a sentence. */
  async #waitForDatabase(signal: AbortSignal): Promise<DataSource> {
    const { config, logger } = this.options;
    return retryForever(
      async () => {
        const pending = await pendingMigrations(config['database.url']);
        if (pending.length > 0) throw new Error(`the database lacks ${pending.length} migrations (${pending.join(', ')}); run \`millrace db migrate\``);
        return openEntities(config['database.url'], 'millrace-api-entities');
      },
      {
        signal,
        onError: (error: unknown, _failures: number, waitMs: number) => {
          this.#waitsFor = maskText(error instanceof Error ? error.message : String(error));
          logger.warn('waiting for the database', { reason: this.#waitsFor, again_in_ms: Math.round(waitMs) });
        },
      },
    );
  }

  #parts(database: Database, entities: DataSource, publication: Publication): ApiParts {
    const { config, logger, broker, liveUpdates } = this.options;
    const { pool } = database;
    const roles = new Roles(database);
    const users = new Users(entities, roles, config['security.password_min_chars']);
    const tokens = new AccessTokens(config['security.internal_token'], config['api.token_ttl_seconds'], config['security.previous_internal_tokens']);
    const apiTokens = new ApiTokens(database, users);
    const endedSessions = new EndedSessions(pool);
    const actors = new Actors({ users, roles, tokens, apiTokens, endedSessions, scopes: new DagScopes(() => listDagPlaces(pool)) });
    return {
      config,
      logger,
      database,
      sources: new DagSourceDesk(database, publication),
      entities,
      liveUpdates,
      traces: this.options.traces,
      readers: {
        dags: new DagsReader(pool, visibleDags),
        runs: new RunsReader(pool, visibleDags),
        instances: new InstancesReader(pool, (runQueuedAtMs, runUuid, taskId) => derivedUuid(runQueuedAtMs, `${runUuid}/${taskId}/`), visibleDags),
        versions: new VersionsReader(pool, visibleDags),
        xcoms: new XComsReader(pool, visibleDags),
        questions: new QuestionsReader(pool, visibleDags),
        backfills: new BackfillsReader(pool, visibleDags),
        eventLogs: new EventLogsReader(pool, visibleDags),
        services: new ServicesReader(pool),
        poolUsage: new PoolUsageReader(pool),
        importErrors: new ImportErrorsReader(pool, visibleDags),
        dagDependencies: new DagDependenciesReader(pool, visibleDags),
        poolWarnings: new PoolWarningsReader(pool, visibleDags),
      },
      notes: new NotesWriter(pool),
      commands: createCommands({ database, broker, logger, maxMapLength: config['core.max_map_length'] }),
      users,
      roles,
      tokens,
      apiTokens,
      endedSessions,
      actors,
      secrets: secretBoxOf(config),
      logStore: this.#logStore,
      tls: this.#tls,
      pluginHosts: (this.#pluginHosts = new PluginHosts(new Plugins(database), logger)),
    };
  }

  async #makeAdmin(users: Users): Promise<void> {
    const password = this.options.config['security.admin_password'];
    if (password !== '') {
      if (await users.ensure(ADMIN, password, 'Admin')) this.options.logger.info('user admin has the password of security.admin_password');
    } else if ((await users.count()) === 0) {
      this.options.logger.warn('there is no user yet, so nobody can log in; set security.admin_password (MILLRACE_ADMIN_PASSWORD) and start again');
    }
  }

  async #serveGrpc(parts: ApiParts, publication: Publication): Promise<void> {
    const { config, logger } = this.options;
    const internalToken = config['security.internal_token'];
    const server = new Server({ 'grpc.max_receive_message_length': GRPC_MESSAGE_MAX_BYTES, 'grpc.keepalive_permit_without_calls': 1 });
    this.#grpc = server;
    const { readers } = parts;
    const lookups = new Lookups(readers.dags, readers.runs, readers.instances, readers.versions);
    server.addService(bundlesProto.BundlesServiceService, bundlesService({ publication, sources: parts.sources, database: parts.database, internalToken, logger }));
    server.addService(logsProto.LogsServiceService, logsService({ logs: tryLogs(parts, lookups), internalToken, logger }));
    this.#tellHealth = addPublicGrpc(server, {
      actors: parts.actors, commands: parts.commands, runs: readers.runs, instances: readers.instances, lookups, logs: tryLogs(parts, lookups),
      liveUpdates: parts.liveUpdates, pageLimitMax: config['api.maximum_page_limit'], logger,
    });
    const address = `${config['api.grpc_host']}:${config['api.grpc_port']}`;
    this.#grpcPort = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, serverCredentials(this.#tls, false), (error, port) => {
        if (error === null) resolve(port);
        else reject(new MillraceError('conflict', `can't listen on ${address} for gRPC: ${error.message}; choose another api.grpc_port, or 0 for a free one`));
      });
    });
  }
}

async function shutDown(server: Server): Promise<void> {
  const grace = setTimeout(() => server.forceShutdown(), GRPC_GRACE_MS);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(grace);
}
