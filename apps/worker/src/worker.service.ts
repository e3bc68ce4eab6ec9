import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OutsideSecrets } from '@millrace/configuration';
import type { Configuration } from '@millrace/configuration';
import { CALLBACK_RUNNERS, RunnerPool, TaskWorker, WorkerSession, builtEntries, openSpool, workerMetrics, type ChildEntries, type ResultSpool } from '@millrace/execution';
import { ManagedService, clientTlsOf, readTlsFiles, type HealthReport, type TlsFiles } from '@millrace/lifecycle';
import type { LiveUpdates } from '@millrace/live-updates';
import { AmqpBroker, type Broker } from '@millrace/messaging';
import { createLogReadHandler } from '@millrace/task-logs';
import { OpsServer, createLogger, createMetrics, openTraces, type Logger, type Metrics, type Traces } from '@millrace/telemetry';

export interface WorkerOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
  /** Default RabbitMQ. A broker that is handed in is started and stopped by whoever made it. */
  readonly broker?: Broker;
  /** Not used by workers; every service takes the same options. */
  readonly liveUpdates?: LiveUpdates;
  /** Queues it tells schedulers of. Default: those it takes from. */
  readonly advertisedQueues?: readonly string[];
  /** Default: the built ones. */
  readonly entries?: ChildEntries;
}

interface WorkerParts {
  readonly ops: OpsServer;
  readonly logPort: OpsServer;
  readonly ownBroker: Broker | null;
  readonly tasks: TaskWorker;
  readonly traces: Traces;
}

/** Runs attempts, writes their logs and serves the logs it holds. Knows no database. */
export class Worker extends ManagedService {
  readonly name = 'worker';
  readonly endAsked: Promise<void>;
  #askEnd: () => void = () => undefined;

  constructor(
    private readonly config: Configuration,
    private readonly logger: Logger,
    private readonly parts: WorkerParts,
  ) {
    super();
    this.endAsked = new Promise((resolve) => (this.#askEnd = resolve));
  }

  /**
   * Begins to drain and returns at once: takes nothing new, hands back what was not begun, finishes what runs within the grace. The process then ends with 0;
   * in a process of several services this one stays stopped. Again: nothing more.
   * @param by who asks, for the log
   */
  drain(by: string): { readonly running: number; readonly grace_ms: number } {
    if (!this.stopping.aborted) {
      this.logger.info('asked to drain and end', { by, running: this.parts.tasks.runningCount });
      void this.stop().catch((error: unknown) => this.logger.error('the worker did not stop cleanly', { error: String(error) }));
      this.#askEnd();
    }
    return { running: this.parts.tasks.runningCount, grace_ms: this.config['worker.drain_grace_ms'] };
  }

  get opsPort(): number {
    return this.parts.ops.port;
  }
  get logPort(): number {
    return this.parts.logPort.port;
  }

  health(): HealthReport {
    return this.parts.tasks.health();
  }

  protected async open(): Promise<void> {
    const { ops, logPort, ownBroker, tasks } = this.parts;
    await ops.start();
    await logPort.start();
    await ownBroker?.start();
    await tasks.start();
    this.logger.info('ready', { ops_port: ops.port, log_port: logPort.port, worker: this.config['worker.name'], queues: this.config['worker.queues'], concurrency: this.config['worker.concurrency'] });
  }

  /** The log port stays open until the last task is done: people read the logs of what drains. */
  protected async close(): Promise<void> {
    const { ops, logPort, ownBroker, tasks } = this.parts;
    await tasks.stop();
    await this.parts.traces.stop();
    await ownBroker?.stop();
    await logPort.stop();
    await ops.stop();
  }
}

/** Puts a worker together from its configuration. Throws MillraceError when its spool is in use or the runner is not built. */
export function createWorker(options: WorkerOptions): Worker {
  const { config } = options;
  const logger = options.logger ?? createLogger({ service: 'worker', level: config['logging.level'], format: config['logging.format'] });
  const metrics = createMetrics('worker');
  const traces = openTraces('worker', logger);
  const ownBroker = options.broker === undefined ? amqpBroker(config, logger, metrics) : null;
  const broker = options.broker ?? (ownBroker as Broker);
  const spool = openSpool(config['worker.spool_dir'], logger);
  const health = (): HealthReport => tasks.health();
  const tls = readTlsFiles({ prefix: 'security.tls', cert: config['security.tls_cert_file'], key: config['security.tls_key_file'], ca: config['security.tls_ca_file'] });
  const logPort = logPortOf(config, tls, logger, health);
  const tasks = taskWorker(options, { logger, metrics, traces, broker, spool, logPort, tls, onDrainAsked: (by) => void worker.drain(by) });
  const drain = { token: config['security.internal_token'], begin: () => worker.drain('POST /drain') };
  const ops = new OpsServer({ host: config['worker.log_bind_host'], port: config['worker.ops_port'], registry: metrics.registry, health, drain });
  const worker: Worker = new Worker(config, logger, { ops, logPort, ownBroker, tasks, traces });
  return worker;
}

function taskWorker(options: WorkerOptions, shared: { logger: Logger; metrics: Metrics; traces: Traces; broker: Broker; spool: ResultSpool; logPort: OpsServer; tls: TlsFiles | null; onDrainAsked: (by: string) => void }): TaskWorker {
  const { config } = options;
  const { logger } = shared;
  const concurrency = config['worker.concurrency'];
  const counted = workerMetrics(shared.metrics, { slots: () => concurrency, running: () => worker.runningCount, spooled: () => worker.spooledCount, runners: () => pool.size, connected: () => session.openLinks().length, draining: () => worker.isDraining });
  const pool = new RunnerPool({
    entries: options.entries ?? builtEntries(),
    // The runner's fence follows the worker's: both must have ended a task before its lease does.
    settings: { selfFenceMs: config['worker.self_fence_ms'], logMaxBytes: config['logs.max_bytes_per_try'] },
    // Wherever the home was configured, tasks and workers mean the same folder.
    environment: { ...process.env, MILLRACE_HOME: config['core.home'] },
    logger,
    concurrency,
    extra: CALLBACK_RUNNERS,
    warm: Math.min(config['worker.warm_runners'], concurrency),
    tasksPerRunner: config['worker.tasks_per_runner'],
    onStarted: () => counted.runnerStarted(),
  });
  const session = new WorkerSession({
    schedulerAddresses: config['worker.scheduler_urls'],
    internalToken: config['security.internal_token'],
    tls: shared.tls,
    selfFenceMs: config['worker.self_fence_ms'],
    logger,
    hello: () => ({ workerName: config['worker.name'], logHost: config['worker.log_host'], logPort: shared.logPort.port, queues: [...(options.advertisedQueues ?? config['worker.queues'])], slots: concurrency, version: version(), pid: process.pid }),
  });
  const home = config['core.home'];
  const worker: TaskWorker = new TaskWorker(
    {
      queues: config['worker.queues'],
      concurrency,
      logFolder: config['logs.folder'],
      scratchFolder: join(config['worker.spool_dir'], 'scratch'),
      bundleFolder: join(home, 'bundles'),
      xcomMaxBytes: config['core.xcom_max_bytes'],
      killGraceMs: config['worker.kill_grace_ms'],
      drainGraceMs: config['worker.drain_grace_ms'],
    },
    {
      broker: shared.broker, session, pool, spool: shared.spool, metrics: counted, traces: shared.traces, logger, onDrainAsked: shared.onDrainAsked,
      outside: new OutsideSecrets({ env: process.env, connectionsFile: config['secrets.connections_file'], variablesFile: config['secrets.variables_file'] }),
    },
  );
  return worker;
}

function logPortOf(config: Configuration, tls: TlsFiles | null, logger: Logger, health: () => HealthReport): OpsServer {
  const handler = createLogReadHandler({
    folder: config['logs.folder'],
    internalToken: config['security.internal_token'],
    audiences: () => [`${config['worker.log_host']}:${server.port}`],
    needsCertificate: tls?.ca != null,
    logger,
  });
  // Metrics stay on the ops port: the log port may be reachable by more.
  const server: OpsServer = new OpsServer({ host: config['worker.log_bind_host'], port: config['worker.log_port'], tls, registry: createMetrics('worker-log-port', { process: false }).registry, health, mount: handler });
  return server;
}

function amqpBroker(config: Configuration, logger: Logger, metrics: Metrics): Broker {
  return new AmqpBroker({ url: config['broker.url'], tls: clientTlsOf(config, 'broker'), queueType: config['broker.queue_type'], confirmTimeoutMs: config['broker.confirm_timeout_ms'], service: 'worker', logger, metrics });
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
