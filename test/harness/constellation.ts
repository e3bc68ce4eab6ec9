import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { migrate } from '@millrace/persistence';
import amqp from 'amqplib';
import pg from 'pg';
import { Journal } from '../oracle/journal.js';
import { readLedger, readTold, type LedgerLine } from '../oracle/ledger.js';
import { observe } from '../oracle/observe.js';
import type { ExpectedTicks, Observed } from '../oracle/observed.js';
import { ownServices, type OwnServices } from './own-services.js';
import { ProcessWatch } from './process-watch.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { RestClient } from './rest-client.js';
import { ServiceProcess } from './service-process.js';

export interface WorkerPlan {
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** Workers and log-servers of one host share a log folder; nobody else sees it. Default: a host of its own. */
  readonly host?: string;
  readonly settings?: Settings;
}

/** Configuration keys as `MILLRACE__*` will carry them, e.g. `{ 'scheduler.sweep_every_ms': 200 }`. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface ConstellationPlan {
  /** Short name, for the folder. */
  readonly label: string;
  readonly schedulers: number;
  readonly workers: readonly WorkerPlan[];
  /** Hosts that have a log-server. */
  readonly logServers?: readonly string[];
  /** Dag files or folders of them, copied into the dags folder before the services start. */
  readonly dags: readonly string[];
  readonly settings?: Settings;
  /** Of every service, besides the configuration. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Instead of the shared broker: faults that restart it need one of their own. With virtual host. */
  readonly brokerUrl?: string;
  readonly startTimeoutMs?: number;
  /** Each service writes a CPU profile into a folder of its name in here when it stops; a worker's runners write theirs beside it. */
  readonly profileFolder?: string;
  /** Another build of Millrace that every service starts from, and that makes the schema. Default: this one. */
  readonly build?: string;
}

const PASSWORD = 'constellation-admin-password';

/** `millrace db migrate` of a build. @throws with what it said */
export async function migrateWith(build: string, databaseUrl: string): Promise<void> {
  const env = { PATH: process.env['PATH'] ?? '', MILLRACE_HOME: tmpdir(), MILLRACE__DATABASE__URL: databaseUrl };
  await promisify(execFile)(process.execPath, [join(build, 'apps/cli/dist/main.js'), 'db', 'migrate'], { env });
}

/**
 * The services as separate processes with a database, a virtual host, ports and folders of their own. Nothing here is shared
 * with another constellation, so any number can run at once.
 */
export class Constellation {
  readonly journal = new Journal();
  /** Start date of scheduled dags: a whole second. */
  readonly startedAt = new Date(Math.floor(Date.now() / 1_000) * 1_000);
  readonly dagsFolder: string;
  readonly ledgerFile: string;
  /** One file of JSON lines per service, kept until `stop`; `MILLRACE_TEST_KEEP=1` keeps them after. */
  readonly logsFolder: string;
  private readonly services = new Map<string, ServiceProcess>();
  private readonly ports = new Map<string, number>();
  private readonly extraEnv = new Map<string, Readonly<Record<string, string>>>();
  private readonly builds = new Map<string, string>();
  private readonly watch: ProcessWatch;
  private readonly token = randomBytes(24).toString('hex');

  get internalToken(): string {
    return this.token;
  }

  private rest: RestClient | null = null;

  private constructor(
    private readonly plan: ConstellationPlan,
    private readonly own: OwnServices,
    readonly database: pg.Client,
    readonly folder: string,
  ) {
    this.dagsFolder = join(folder, 'dags');
    this.ledgerFile = join(folder, 'ledger.jsonl');
    this.logsFolder = join(folder, 'service-logs');
    this.watch = new ProcessWatch(folder);
    for (const each of [this.dagsFolder, this.logsFolder]) mkdirSync(each, { recursive: true });
    for (const source of plan.dags) this.publish(source);
    // Dag code knows the ledger by an import, because a task's environment is not the worker's.
    writeFileSync(join(this.dagsFolder, 'ledger-file.ts'), `export const LEDGER_FILE = ${JSON.stringify(this.ledgerFile)};\nexport const STARTED_AT = ${JSON.stringify(this.startedAt.toISOString())};\n`);
    this.define();
  }

  /** Everything is up, and the first look at the dags folder is published, when this resolves. */
  static async start(plan: ConstellationPlan): Promise<Constellation> {
    const own = await ownServices();
    const folder = mkdtempSync(join(tmpdir(), `millrace-${plan.label}-`));
    const database = new pg.Client({ connectionString: own.databaseUrl });
    database.on('error', () => undefined);
    let constellation: Constellation | null = null;
    try {
      await (plan.build === undefined ? migrate(own.databaseUrl) : migrateWith(plan.build, own.databaseUrl));
      await database.connect();
      constellation = new Constellation(plan, own, database, folder);
      await constellation.startAll();
      return constellation;
    } catch (error) {
      if (constellation !== null) await constellation.stop().catch(() => undefined);
      else await own.drop();
      throw error;
    }
  }

  get brokerUrl(): string {
    return this.plan.brokerUrl ?? this.own.brokerUrl;
  }

  get databaseUrl(): string {
    return this.own.databaseUrl;
  }

  get client(): RestClient {
    if (this.rest === null) throw new Error('the api is not up yet');
    return this.rest;
  }

  service(name: string): ServiceProcess {
    const service = this.services.get(name);
    if (service === undefined) throw new Error(`no service ${name}; there are ${[...this.services.keys()].join(', ')}`);
    return service;
  }

  get serviceNames(): readonly string[] {
    return [...this.services.keys()];
  }

  /** Copies a dag file, or every file of a folder, into the dags folder, as a deployment would. */
  publish(source: string): void {
    cpSync(source, /\.(ts|ya?ml|json)$/.test(source) ? join(this.dagsFolder, basename(source)) : this.dagsFolder, { recursive: true });
  }

  /** kill -9. */
  async kill(name: string): Promise<void> {
    this.watch.remember(this.service(name).pid);
    await this.service(name).kill();
  }

  /** Starts a service that was killed or stopped, on the ports it had. `env`: for this life only, e.g. a fail point. */
  async restart(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.extraEnv.set(name, env);
    await this.bringUp(name);
  }

  /** From its next start on the service runs that build. */
  useBuild(name: string, root: string): void {
    this.builds.set(name, root);
  }

  freeze(name: string): void {
    this.service(name).signal('SIGSTOP');
  }

  thaw(name: string): void {
    this.service(name).signal('SIGCONT');
  }

  ledger(): LedgerLine[] {
    return readLedger(this.ledgerFile);
  }

  /** What the oracle compares, as things stand now. */
  async observe(ticks: readonly ExpectedTicks[] = []): Promise<Observed> {
    const liveWorkerPids = new Set([...this.services].filter(([name, service]) => name.startsWith('worker') && service.running).map(([, service]) => service.pid));
    return observe(this.database, { ledger: this.ledger(), told: readTold(`${this.ledgerFile}.told`), journal: this.journal.entries, ticks, liveWorkerPids, ...(await this.waitingMessages()) });
  }

  /**
   * Stops every service, removes database, virtual host and folders.
   * @returns complaints: services that crashed, or did not end on SIGTERM, processes left behind. Empty: a clean end.
   */
  async stop(): Promise<string[]> {
    for (const service of this.services.values()) if (service.running) this.watch.remember(service.pid);
    const complaints: string[] = [];
    // Workers before schedulers, so that their last results are taken.
    for (const kind of ['dag-processor', 'worker', 'scheduler', 'api', 'log-server']) {
      await Promise.all([...this.services].filter(([name, service]) => name.startsWith(kind) && service.running).map(async ([name, service]) => {
        const code = await service.stop();
        if (code !== 0) complaints.push(`${name} ended with ${code ?? 'SIGKILL, 20 s after SIGTERM'}; its last lines:\n${service.lastLines()}`);
      }));
    }
    for (const service of this.services.values()) complaints.push(...service.crashes);
    complaints.push(...(await this.watch.endLeftovers()));
    for (const service of this.services.values()) service.close();
    await this.database.end().catch(() => undefined);
    await this.own.drop();
    if (process.env['MILLRACE_TEST_KEEP'] !== '1') rmSync(this.folder, { recursive: true, force: true });
    return complaints;
  }

  private define(): void {
    const add = (name: string, app: string): void => {
      const home = join(this.folder, name);
      mkdirSync(home, { recursive: true });
      this.services.set(name, new ServiceProcess(name, () => join(this.builds.get(name) ?? this.plan.build ?? REPOSITORY_ROOT, 'apps', app, 'dist', 'main.js'), () => this.environmentOf(name), join(this.logsFolder, `${name}.jsonl`), home, this.profileFlags(name)));
    };
    for (const host of this.plan.logServers ?? []) add(`log-server-${host}`, 'log-server');
    add('api', 'api');
    for (let i = 1; i <= this.plan.schedulers; i++) add(`scheduler-${i}`, 'scheduler');
    this.plan.workers.forEach((_, i) => add(`worker-${i + 1}`, 'worker'));
    add('dag-processor', 'dag-processor');
  }

  private profileFlags(name: string): string[] {
    const folder = this.plan.profileFolder;
    return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(folder, name)}`];
  }

  private async startAll(): Promise<void> {
    const named = (kind: string): string[] => [...this.services.keys()].filter((name) => name.startsWith(kind));
    await Promise.all(named('log-server').map((name) => this.bringUp(name)));
    await Promise.all([...named('api'), ...named('scheduler')].map((name) => this.bringUp(name)));
    this.rest = new RestClient(`http://127.0.0.1:${this.ports.get('api.http')}`, { username: 'admin', password: PASSWORD }, this.journal);
    await Promise.all([...named('worker'), ...named('dag-processor')].map((name) => this.bringUp(name)));
  }

  private async bringUp(name: string): Promise<void> {
    const ready = await this.service(name).start(this.plan.startTimeoutMs);
    for (const [kind, port] of [['grpc', ready.grpc_port], ['http', ready.http_port], ['ops', ready.ops_port], ['log', ready.log_port]] as const) {
      if (port !== undefined) this.ports.set(`${name}.${kind}`, port);
    }
  }

  private environmentOf(name: string): Record<string, string> {
    const home = join(this.folder, name);
    const worker = name.startsWith('worker-') ? this.plan.workers[Number(name.slice(7)) - 1] : undefined;
    const host = worker === undefined ? (name.startsWith('log-server-') ? name.slice(11) : name) : (worker.host ?? name);
    const port = (kind: string): number => this.ports.get(`${name}.${kind}`) ?? 0;
    const hasDatabase = name === 'api' || name.startsWith('scheduler-');
    const schedulerPorts = [...this.ports].filter(([key]) => /^scheduler-\d+\.grpc$/.test(key)).map(([, value]) => `127.0.0.1:${value}`);
    const settings: Settings = {
      'core.home': home,
      'logs.folder': join(this.folder, 'hosts', host, 'logs'),
      'security.internal_token': this.token,
      'security.admin_password': PASSWORD,
      'broker.url': this.brokerUrl,
      'redis.url': this.own.redisUrl,
      ...(hasDatabase ? { 'database.url': this.own.databaseUrl } : {}),
      'scheduler.grpc_port': port('grpc'), 'scheduler.ops_port': port('ops'),
      'api.port': port('http'), 'api.grpc_port': port('grpc'),
      'log_server.port': port('http'),
      'log_server.urls': [...this.ports].filter(([key]) => key.startsWith('log-server-') && key.endsWith('.http')).map(([, value]) => `http://127.0.0.1:${value}`).join(','),
      'dag_processor.api_address': `127.0.0.1:${this.ports.get('api.grpc') ?? 0}`,
      'dag_processor.folders': `dags=${this.dagsFolder}`,
      'dag_processor.rescan_every_ms': 500,
      'dag_processor.ops_port': port('ops'),
      ...(worker === undefined ? {} : {
        'worker.name': name, 'worker.queues': worker.queues.join(','), 'worker.concurrency': worker.concurrency, 'worker.scheduler_urls': schedulerPorts.join(','),
        'worker.log_port': port('log'), 'worker.ops_port': port('ops'),
      }),
      ...this.plan.settings, ...worker?.settings,
    };
    return {
      PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HOME: home,
      ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`MILLRACE__${key.replace('.', '__').toUpperCase()}`, String(value)])),
      ...this.plan.environment,
      ...this.extraEnv.get(name),
    };
  }

  private async waitingMessages(): Promise<{ deadLetters: number; queuedMessages: number }> {
    const connection = await amqp.connect(this.brokerUrl, { noDelay: true });
    const ready = async (queue: string): Promise<number> => {
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      try {
        return (await channel.checkQueue(queue)).messageCount;
      } catch {
        return 0; // nobody has made that queue yet: nothing waits in it
      }
    };
    connection.on('error', () => undefined);
    try {
      const queues = [...new Set(this.plan.workers.flatMap((worker) => worker.queues))];
      const waiting = await Promise.all(queues.map((queue) => ready(`millrace.tasks.${queue}`)));
      return { deadLetters: await ready('millrace.dead'), queuedMessages: waiting.reduce((sum, count) => sum + count, 0) };
    } finally {
      await connection.close();
    }
  }
}
