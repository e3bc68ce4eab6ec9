import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Evaluator } from '@millrace/bundles';
import type { DagsFolder } from '@millrace/bundles';
import type { Configuration } from '@millrace/configuration';
import { ManagedService, pause, readTlsFiles } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { OpsServer, createMetrics } from '@millrace/telemetry';
import type { Logger } from '@millrace/telemetry';
import { BundlesClient } from './bundles-client.js';
import { FolderPublisher } from './folder-publisher.js';
import { GitCheckout } from './git/git-checkout.js';
import { GitFollower } from './git/git-follower.js';
import type { GitSourceOptions } from './git/git-sources.js';
import { SourceChecker } from './source-checker.js';
import { TimetableExtender } from './timetable-extender.js';
import { processorMetrics } from './processor-metrics.js';

/** What an answer to the goodbye is waited for. */
const GOODBYE_PATIENCE_MS = 1_000;
const BEAT_EVERY_MS = 5_000;

/** Watches dags folders and tells the api what is in them. Holds no database or broker password. */
export class DagProcessorService extends ManagedService {
  readonly name = 'dag-processor';
  private readonly id = `dag-processor-${randomUUID()}`;
  private readonly metrics = createMetrics('dag-processor');
  private readonly ops: OpsServer;
  private api: BundlesClient | null = null;
  private evaluator: Evaluator | null = null;
  private publishers: readonly FolderPublisher[] = [];
  private followers: readonly GitFollower[] = [];
  private loops: readonly Promise<void>[] = [];

  constructor(private readonly config: Configuration, private readonly folders: readonly DagsFolder[], private readonly logger: Logger, private readonly repositories: readonly { readonly source: GitSourceOptions; readonly home: string }[] = []) {
    super();
    this.ops = new OpsServer({ host: config['dag_processor.host'], port: config['dag_processor.ops_port'], health: () => this.health(), registry: this.metrics.registry });
  }

  /** Port of /health and /metrics; 0 while stopped. */
  get opsPort(): number {
    return this.ops.port;
  }

  health(): HealthReport {
    const checks: Record<string, HealthReport['checks'][string]> = Object.fromEntries(this.publishers.map((publisher, index) => {
      const trouble = publisher.trouble;
      return [`folder:${this.folders[index]?.name ?? index}`, trouble === null ? { ok: true } : { ok: false, detail: trouble }];
    }));
    for (const { source, trouble } of this.followers) checks[`git:${source.name}`] = trouble === null ? { ok: true } : { ok: false, detail: trouble };
    return { ok: Object.values(checks).every((check) => check.ok), checks };
  }

  protected async open(): Promise<void> {
    const { config } = this;
    const api = new BundlesClient(config['dag_processor.api_address'], config['security.internal_token'], readTlsFiles({ prefix: 'security.tls', cert: config['security.tls_cert_file'], key: config['security.tls_key_file'], ca: config['security.tls_ca_file'] }));
    const evaluator = new Evaluator({ timeoutMs: config['dag_processor.parse_timeout_ms'], memoryMb: config['dag_processor.parse_memory_mb'] });
    this.api = api;
    this.evaluator = evaluator;
    evaluator.warm();
    await this.ops.start();
    const metrics = processorMetrics(this.metrics);
    const options = { parallelism: config['dag_processor.parallelism'], rescanEveryMs: config['dag_processor.rescan_every_ms'] };
    this.publishers = this.folders.map((folder) => new FolderPublisher(folder, evaluator, api, metrics, this.logger, options));
    const extender = new TimetableExtender(this.id, evaluator, api, this.logger);
    const checker = new SourceChecker(this.id, evaluator, api, this.logger, { parallelism: options.parallelism, pluginFolders: [config['core.plugins_folder'] === '' ? join(config['core.home'], 'plugins') : config['core.plugins_folder']] });
    const credentials = { username: config['dag_processor.git_username'], token: config['dag_processor.git_token'], sshKeyFile: config['dag_processor.git_ssh_key_file'] };
    this.followers = this.repositories.map(({ source, home }) => {
      const wake = (): void => this.publishers.find((_, index) => this.folders[index]?.name === source.name)?.wake();
      return new GitFollower(source, new GitCheckout(home, source, credentials), config['dag_processor.git_interval_ms'], wake, this.logger);
    });
    this.loops = [...this.followers.map((follower) => follower.run(this.stopping)), checker.run(this.stopping), ...this.publishers.map((publisher) => publisher.run(this.stopping)), extender.run(this.stopping), this.beat(api)];
    this.logger.info('ready', { ops_port: this.ops.port, folders: this.folders.map((folder) => `${folder.name}=${folder.path}`), api: config['dag_processor.api_address'] });
  }

  protected async close(): Promise<void> {
    await this.sayGoodbye();
    this.api?.close(); // Calls in flight end with CANCELLED, so that no loop waits for an api that is away.
    await this.evaluator?.dispose(); // And an endless loop in a dag file does not hold up the end.
    await Promise.all(this.loops);
    await this.ops.stop();
    this.loops = [];
    this.publishers = [];
    this.followers = [];
    this.api = null;
    this.evaluator = null;
  }

  /** So that nobody misses it. An api that is away does not hold up the end. */
  private async sayGoodbye(): Promise<void> {
    const patience = new AbortController();
    const told = this.api?.heartbeat(this.id, hostname(), true).catch((error: unknown) => this.logger.debug('the api did not take the goodbye', { reason: error instanceof Error ? error.message : String(error) }));
    await Promise.race([told, pause(GOODBYE_PATIENCE_MS, patience.signal)]);
    patience.abort();
  }

  private async beat(api: BundlesClient): Promise<void> {
    const signal = this.stopping;
    do {
      try {
        const { reparse } = await api.heartbeat(this.id, hostname());
        for (const { bundleName, relativeFileloc } of reparse) for (const publisher of this.publishers) publisher.processAgain(bundleName, relativeFileloc);
      } catch (error) {
        if (!signal.aborted) this.logger.debug('the api did not take the heartbeat', { reason: error instanceof Error ? error.message : String(error) });
      }
    } while (await pause(BEAT_EVERY_MS, signal));
  }
}
