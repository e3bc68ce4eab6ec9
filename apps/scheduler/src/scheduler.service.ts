import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { secretBoxOf } from '@millrace/access';
import { OutsideSecrets } from '@millrace/configuration';
import type { Configuration } from '@millrace/configuration';
import { ManagedService, clientTlsOf, readTlsFiles, retryForever } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { RedisLiveUpdates } from '@millrace/live-updates';
import type { LiveUpdates } from '@millrace/live-updates';
import { AmqpBroker } from '@millrace/messaging';
import type { Broker } from '@millrace/messaging';
import { AssetEventReads, AttemptReads, BundleReader, Callbacks, Database, checkSchema, observeDatabase, openDatabase, pendingMigrations, takeCensus } from '@millrace/persistence';
import { QueueTeams, SchedulerCore, WatcherDesk } from '@millrace/scheduling';
import { openConnectionWith } from './open-connection.js';
import { OpsServer, createLogger, createMetrics, openTraces } from '@millrace/telemetry';
import type { Logger, Metrics, Traces } from '@millrace/telemetry';
import { REPUBLISH_AFTER_MS, uuidV7From } from '@millrace/vocabulary';
import { externalAuthorization } from './external-authorization.js';
import { answerOtherRun } from './grpc/other-run-questions.js';
import { AttemptWrites } from './grpc/attempt-writes.js';
import { AttemptQuestions } from './grpc/attempt-questions.js';
import { ExecutionServer } from './grpc/execution-server.js';
import { RetentionLoop } from './retention-loop.js';
import { observeCensus } from './census-metrics.js';
import { traceScheduler } from './scheduler-traces.js';
import { observeScheduler } from './scheduler-metrics.js';

export interface SchedulerServiceOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
  /** Default: RabbitMQ of the configuration. A broker that is given is started and stopped by whoever gave it. */
  readonly broker?: Broker;
  /** Default: Redis of the configuration. */
  readonly liveUpdates?: LiveUpdates;
}

/** A scheduler that died loses what it watched after this long. */
const WATCHER_LEASE_MS = 6_000;

/** The scheduler as a process: the core, the gRPC workers speak to, health and metrics. */
export class SchedulerService extends ManagedService {
  readonly name = 'scheduler';
  readonly #id = uuidV7From(Date.now(), randomBytes(10));
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #traces: Traces;
  readonly #broker: Broker;
  readonly #liveUpdates: LiveUpdates;
  readonly #ops: OpsServer;
  readonly endAsked: Promise<void>;
  #askEnd: () => void = () => undefined;
  #database: Database | undefined;
  #core: SchedulerCore | undefined;
  #watchers: WatcherDesk | undefined;
  #grpc: ExecutionServer | undefined;
  #retention: RetentionLoop | undefined;

  constructor(private readonly options: SchedulerServiceOptions) {
    super();
    this.endAsked = new Promise((resolve) => (this.#askEnd = resolve));
    const { config } = options;
    this.#logger = options.logger ?? createLogger({ service: 'scheduler', level: config['logging.level'], format: config['logging.format'] });
    this.#metrics = createMetrics('scheduler');
    this.#traces = openTraces('scheduler', this.#logger);
    const logger = this.#logger;
    this.#broker = options.broker ?? new AmqpBroker({ url: config['broker.url'], tls: clientTlsOf(config, 'broker'), queueType: config['broker.queue_type'], confirmTimeoutMs: config['broker.confirm_timeout_ms'], service: 'scheduler', logger, metrics: this.#metrics });
    this.#liveUpdates = options.liveUpdates ?? new RedisLiveUpdates({ url: config['redis.url'], tls: clientTlsOf(config, 'redis'), logger, metrics: this.#metrics });
    this.#ops = new OpsServer({ port: config['scheduler.ops_port'], host: config['scheduler.grpc_host'], registry: this.#metrics.registry, health: () => this.health(), drain: { token: config['security.internal_token'], begin: () => this.drain('POST /drain') } });
  }

  get grpcPort(): number {
    return this.#grpc?.port ?? 0;
  }

  get opsPort(): number {
    return this.#ops.port;
  }

  async health(): Promise<HealthReport> {
    const database = this.#database === undefined ? { ok: false, checks: { database: { ok: false, detail: 'not connected yet' } } } : await this.#database.health();
    const core = this.#core?.health();
    // Without the broker runs are still decided; only dispatch waits. So it is told, and is no reason to be taken out of service.
    const draining = this.stopping.aborted;
    return { ok: database.ok && core !== undefined && !draining, checks: { ...core?.checks, ...database.checks, draining: { ok: !draining } } };
  }

  /**
   * Begins to end and returns at once: other schedulers take its runs over, what is in its hands is committed, workers' streams move. The process then ends with 0.
   * @param by who asks, for the log
   */
  drain(by: string): { readonly runs_in_memory: number } {
    if (!this.stopping.aborted) {
      this.#logger.info('asked to drain and end', { by });
      void this.stop().catch((error: unknown) => this.#logger.error('the scheduler did not stop cleanly', { error: String(error) }));
      this.#askEnd();
    }
    return { runs_in_memory: this.#core?.cache.size.runs ?? 0 };
  }

  protected async open(signal: AbortSignal): Promise<void> {
    const { config } = this.options;
    const logger = this.#logger;
    const database = openDatabase(config, `millrace-scheduler-${process.pid}`);
    this.#database = database;
    await this.#ops.start();
    const ready = async (): Promise<void> => {
      await checkSchema(database);
      const pending = await pendingMigrations(config['database.url']);
      if (pending.length > 0) throw new Error(`the database lacks ${pending.length} migrations (${pending.join(', ')})`);
    };
    await retryForever(ready, {
      signal,
      onError: (error, _failures, delayMs) => logger.warn('waiting for the database and its schema (millrace db migrate)', { error: error instanceof Error ? error.message : String(error), retry_in_ms: Math.round(delayMs) }),
    });
    if (this.options.broker === undefined) await this.#broker.start();
    if (this.options.liveUpdates === undefined && config['redis.enabled']) await this.#liveUpdates.start();
    const reads = new AttemptReads(database);
    const secrets = secretBoxOf(config);
    const writes = new AttemptWrites(database, { callbackBaseUrl: config['api.base_url'], resultMaxBytes: config['core.xcom_max_bytes'] });
    const outside = new OutsideSecrets({ env: process.env, connectionsFile: config['secrets.connections_file'], variablesFile: config['secrets.variables_file'] });
    const openConnection = openConnectionWith(reads, secrets, outside);
    const questions = new AttemptQuestions(reads, new AssetEventReads(database), secrets, new Callbacks(database), writes, outside, logger, (fence, query) => answerOtherRun(this.#core!.otherRuns, fence, query));
    const grpc = new ExecutionServer(
      { host: config['scheduler.grpc_host'], port: config['scheduler.grpc_port'], internalToken: config['security.internal_token'], tls: readTlsFiles({ prefix: 'security.tls', cert: config['security.tls_cert_file'], key: config['security.tls_key_file'], ca: config['security.tls_ca_file'] }) },
      new BundleReader(database),
      () => ({ core: this.#core!, questions, logger, schedulerId: this.#id, leaseTtlMs: config['scheduler.lease_ttl_ms'], beatEveryMs: config['scheduler.beat_every_ms'] }),
    );
    await grpc.start();
    this.#grpc = grpc;
    const host = config['scheduler.advertise_host'] || config['scheduler.grpc_host'];
    this.#core = new SchedulerCore(
      database, this.#broker, this.#liveUpdates, logger,
      {
        self: { id: this.#id, kind: 'scheduler', hostname: hostname(), pid: process.pid, address: `${host}:${grpc.port}`, version: '0.1.0' },
        doorbell: config['scheduler.doorbell'],
        sweepEveryMs: config['scheduler.sweep_every_ms'],
        leaseTtlMs: config['scheduler.lease_ttl_ms'],
        beatEveryMs: config['scheduler.beat_every_ms'],
        batchMax: config['scheduler.batch_max'],
        continuation: config['scheduler.continuation'],
        maxCachedInstances: config['scheduler.max_cached_instances'],
        xcomMaxBytes: config['core.xcom_max_bytes'],
        maxMapLength: config['core.max_map_length'],
        externalAuthorization: externalAuthorization(openConnection),
        queueTeams: new QueueTeams(config['security.queue_teams']),
        republishAfterMs: Math.min(REPUBLISH_AFTER_MS, config['scheduler.lease_ttl_ms']),
      },
      traceScheduler(this.#traces, observeScheduler(this.#metrics, () => this.#core!, config['metrics.max_dags'])),
    );
    observeDatabase(this.#metrics, () => this.#database);
    observeCensus(this.#metrics, () => takeCensus(database), (queue) => this.#broker.depth(queue), logger);
    await this.#core.start();
    this.#retention = new RetentionLoop(database, config, logger);
    this.#retention.start();
    const core = this.#core;
    this.#watchers = new WatcherDesk(database, openConnection, (dagIds) => core.assets.forDags(dagIds), logger, { owner: this.#id, leaseMs: WATCHER_LEASE_MS, everyMs: WATCHER_LEASE_MS / 4 });
    await this.#watchers.start();
    logger.info('ready', { host, grpc_port: grpc.port, ops_port: this.#ops.port, scheduler_id: this.#id });
  }

  protected async close(): Promise<void> {
    await this.#retention?.stop();
    await this.#watchers?.stop();
    await this.#core?.stop();
    await this.#grpc?.stop();
    // Results that came in between are committed, and what they made ready is published, before the broker goes.
    await this.#core?.apply.idle();
    await this.#traces.stop();
    if (this.options.broker === undefined) await this.#broker.stop();
    if (this.options.liveUpdates === undefined) await this.#liveUpdates.stop();
    await this.#database?.stop();
    await this.#ops.stop();
    this.#core = undefined;
    this.#watchers = undefined;
    this.#grpc = undefined;
    this.#database = undefined;
  }
}

export function createScheduler(options: SchedulerServiceOptions): SchedulerService {
  return new SchedulerService(options);
}
