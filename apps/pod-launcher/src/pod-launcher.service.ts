import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptsReady } from '@millrace/contracts';
import type { Configuration } from '@millrace/configuration';
import { ManagedService, clientTlsOf } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { AmqpBroker } from '@millrace/messaging';
import type { Broker, Delivery, Subscription } from '@millrace/messaging';
import { OpsServer, createLogger, createMetrics } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { KubernetesClient, KubernetesError } from './kubernetes/kubernetes-client.js';
import type { Pod } from './kubernetes/kubernetes-client.js';
import { LAUNCHER_LABEL, podNameOf, podOf, readPodTemplate } from './pod-template.js';
import type { PodTemplate } from './pod-template.js';
import { PodTable, isFinished } from './pod-table.js';

export interface PodLauncherOptions {
  readonly config: Configuration;
  readonly logger?: Logger;
  /** Default RabbitMQ. */
  readonly broker?: Broker;
}

const CHORES_EVERY_MS = 1_000;
/** A message waits for room no longer than this before it goes back to its queue: brokers take consumers that sit on messages for dead. */
const HOLD_MAX_MS = 60_000;
/** A pod that could not be made is tried again by its message after this long. */
const AGAIN_AFTER_MS = 2_000;
/** Failed pods stay so many times longer than others. */
const KEEP_FAILED = 10;
const LOG_LINES = 20;

/**
 * Makes a pod for each attempt of its queues. The pod is a worker for that one attempt (`millrace worker --attempt`): it claims, beats and reports by itself, so the launcher may
 * die at any time and its successor only has to count and clean up. A message is settled when its pod exists; the pod's name is the attempt's id, so a message that comes twice
 * makes no second one.
 */
export class PodLauncher extends ManagedService {
  readonly name = 'pod-launcher';
  readonly #logger: Logger;
  readonly #metrics: Metrics = createMetrics('pod-launcher');
  readonly #broker: Broker;
  readonly #ops: OpsServer;
  readonly #template: PodTemplate;
  readonly #client: KubernetesClient;
  readonly #table: PodTable;
  readonly #made;
  readonly #finished;
  #subscriptions: Subscription[] = [];
  #loops: Promise<void>[] = [];
  /** Creations under way: they have a place already. */
  #making = 0;

  constructor(private readonly options: PodLauncherOptions) {
    super();
    const { config } = options;
    const logger = options.logger ?? createLogger({ service: 'pod-launcher', level: config['logging.level'], format: config['logging.format'] });
    this.#logger = logger;
    this.#template = readPodTemplate(config['pods.template_file']);
    this.#broker = options.broker ?? new AmqpBroker({ url: config['broker.url'], tls: clientTlsOf(config, 'broker'), queueType: config['broker.queue_type'], confirmTimeoutMs: config['broker.confirm_timeout_ms'], service: 'pod-launcher', logger, metrics: this.#metrics });
    this.#client = new KubernetesClient({ url: config['pods.api_url'] || inCluster(), serviceAccountFolder: config['pods.service_account_folder'], namespace: config['pods.namespace'] || ownNamespace(config) });
    this.#made = this.#metrics.counter({ name: 'pods_made_total', help: 'Pods asked of the cluster, by result: made, exists, refused, failed.', labels: ['result'] });
    this.#finished = this.#metrics.counter({ name: 'pods_finished_total', help: 'Pods that ended, by phase. Succeeded says that the result was told, whatever it was.', labels: ['phase'] });
    this.#table = new PodTable(this.#client, `${LAUNCHER_LABEL}=${config['pods.name']}`, logger, (pod) => void this.#onFinished(pod));
    this.#metrics.gauge({ name: 'pods_live', help: 'Pods of this launcher that have not ended.', collect: (gauge) => gauge.set(this.#table.live) });
    this.#metrics.gauge({ name: 'pods_max', help: 'Pods this launcher may have at once.', collect: (gauge) => gauge.set(config['pods.max']) });
    this.#ops = new OpsServer({ host: config['pods.host'], port: config['pods.ops_port'], registry: this.#metrics.registry, health: () => this.health() });
  }

  get opsPort(): number {
    return this.#ops.port;
  }

  health(): HealthReport {
    const { trouble } = this.#table;
    const broker = this.#broker.health();
    return { ok: trouble === null && broker.ok, checks: { cluster: trouble === null ? { ok: true } : { ok: false, detail: trouble }, ...broker.checks } };
  }

  protected async open(signal: AbortSignal): Promise<void> {
    const { config, broker } = this.options;
    await this.#ops.start();
    this.#loops = [this.#table.run(signal), this.#chores(signal)];
    // How many pods there are must be known before the first is made.
    while (!this.#table.isSynced && !signal.aborted) await this.#table.changed(HOLD_MAX_MS);
    if (signal.aborted) return;
    if (broker === undefined) await this.#broker.start();
    for (const queue of config['pods.queues']) {
      this.#subscriptions.push(await this.#broker.consumeAttempts(queue, { prefetch: Math.min(config['pods.max'], 50) }, (delivery) => void this.#take(delivery, signal)));
    }
    this.#logger.info('ready', { ops_port: this.#ops.port, queues: config['pods.queues'], namespace: this.#client.namespace, max_pods: config['pods.max'] });
  }

  /** Pods go on: the next launcher finds them. */
  protected async close(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) await subscription.cancel();
    await Promise.allSettled(this.#loops);
    if (this.options.broker === undefined) await this.#broker.stop();
    await this.#ops.stop();
  }

  async #take(delivery: Delivery<AttemptsReady>, signal: AbortSignal): Promise<void> {
    for (const [instanceId, attemptId] of delivery.message.ids) {
      if (!(await this.#room(signal))) return delivery.nack({ requeue: true });
      if (!(await this.#make(instanceId, attemptId))) {
        await sleep(AGAIN_AFTER_MS, undefined, { signal }).catch(() => undefined);
        return delivery.nack({ requeue: true });
      }
    }
    delivery.ack();
  }

  async #room(signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + HOLD_MAX_MS;
    while (this.#table.live + this.#making >= this.options.config['pods.max']) {
      if (signal.aborted || performance.now() > until) return false;
      await this.#table.changed(Math.max(1, until - performance.now()));
    }
    return !signal.aborted;
  }

  /** @returns false when the message must come again */
  async #make(instanceId: string, attemptId: string): Promise<boolean> {
    const fields = { instance_id: instanceId, attempt_id: attemptId, pod: podNameOf(attemptId) };
    this.#making++;
    try {
      this.#table.made(await this.#client.createPod(podOf(this.#template, this.options.config['pods.name'], instanceId, attemptId)));
      this.#made.inc({ result: 'made' });
      return true;
    } catch (error) {
      const status = error instanceof KubernetesError ? error.status : 0;
      if (status === 409) {
        this.#made.inc({ result: 'exists' });
        const there = this.#table.pods.get(podNameOf(attemptId));
        // One that failed may have ended before it claimed anything, and the message would come again and again: make room for another.
        if (there?.status?.phase !== 'Failed') return true;
        await this.#client.deletePod(podNameOf(attemptId)).catch(() => undefined);
        return false;
      }
      const refused = status === 400 || status === 422;
      this.#made.inc({ result: refused ? 'refused' : 'failed' });
      this.#logger[refused ? 'error' : 'warn'](refused ? 'the cluster takes no such pod: mend the template' : 'a pod could not be made; its message comes again', { ...fields, reason: error instanceof Error ? error.message : String(error) });
      return false;
    } finally {
      this.#making--;
    }
  }

  async #onFinished(pod: Pod): Promise<void> {
    const phase = pod.status?.phase ?? 'Unknown';
    this.#finished.inc({ phase });
    if (phase !== 'Failed') return;
    const [status] = pod.status?.containerStatuses ?? [];
    const log = status === undefined ? '' : await this.#client.podLog(pod.metadata.name, status.name, LOG_LINES).catch(() => '');
    this.#logger.warn('a pod failed; its attempt is lost when its lease ends, and follows its retry policy', {
      pod: pod.metadata.name, reason: pod.status?.reason ?? status?.state?.terminated?.reason, exit_code: status?.state?.terminated?.exitCode, message: pod.status?.message, last_lines: log,
    });
  }

  /** Removes what has ended, and what never began. */
  async #chores(signal: AbortSignal): Promise<void> {
    const { config } = this.options;
    while (!signal.aborted) {
      const now = Date.now();
      for (const pod of this.#table.pods.values()) {
        if (pod.metadata.deletionTimestamp !== undefined) continue;
        const created = Date.parse(pod.metadata.creationTimestamp ?? '');
        const ended = Date.parse(pod.status?.containerStatuses?.[0]?.state?.terminated?.finishedAt ?? '') || created;
        const keepMs = config['pods.keep_finished_seconds'] * 1_000 * (pod.status?.phase === 'Failed' ? KEEP_FAILED : 1);
        const isStuck = (pod.status?.phase ?? 'Pending') === 'Pending' && now - created > config['pods.start_timeout_seconds'] * 1_000;
        if (isStuck) this.#logger.error('a pod did not start in time and is deleted; its attempt is offered again', { pod: pod.metadata.name, reason: whyPending(pod) });
        if (isStuck || (isFinished(pod) && now - ended > keepMs)) await this.#client.deletePod(pod.metadata.name).catch((error: unknown) => this.#logger.debug('a pod could not be deleted now', { pod: pod.metadata.name, error: String(error) }));
      }
      await sleep(CHORES_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

function whyPending(pod: Pod): string {
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  const unmet = pod.status?.conditions?.find((condition) => condition.status === 'False' && condition.message !== undefined);
  return [waiting?.reason, waiting?.message, unmet?.message].filter((text) => text !== undefined).join(': ') || 'not said';
}

function inCluster(): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port) throw new MillraceError('invalid', 'not in a cluster: set pods.api_url (MILLRACE__PODS__API_URL) to the address of Kubernetes’ API');
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function ownNamespace(config: Configuration): string {
  const file = join(config['pods.service_account_folder'], 'namespace');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new MillraceError('invalid', `${file} can't be read: set pods.namespace (MILLRACE__PODS__NAMESPACE)`);
  }
}
