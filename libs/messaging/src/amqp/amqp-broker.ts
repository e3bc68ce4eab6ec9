import type { Channel, ChannelModel } from 'amqplib';
import { WAKE_EXCHANGE } from '@millrace/contracts';
import type { AttemptsReady, Wake } from '@millrace/contracts';
import { ManagedService } from '@millrace/lifecycle';
import type { ClientTlsFiles } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { createMetrics } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { BrokerMetrics } from '../broker-metrics.js';
import type { Broker, Delivery, PublishResult, Subscription } from '../broker.js';
import { WakeGatherer } from '../wake-gatherer.js';
import { AmqpLink } from './amqp-link.js';
import { AttemptConsumer } from './attempt-consumer.js';
import { AttemptPublisher } from './attempt-publisher.js';
import { TaskQueueTopology } from './task-queue-topology.js';
import type { QueueType } from './task-queue-topology.js';
import { WakeListener } from './wake-listener.js';

export interface AmqpBrokerOptions {
  /** `broker.url`: with the virtual host as path. */
  readonly url: string;
  /** `broker.tls_cert_file` and its neighbours. */
  readonly tls?: ClientTlsFiles | undefined;
  /** `broker.queue_type`; default quorum. */
  readonly queueType?: QueueType;
  /** `broker.confirm_timeout_ms`; default 10,000. */
  readonly confirmTimeoutMs?: number;
  /** Name of the service, shown in the broker's list of connections. */
  readonly service: string;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

/** `depth` gives up after this long: a sweep must not hang on a silent broker. */
const DEPTH_TIMEOUT_MS = 2_000;

/**
 * RabbitMQ. Publishing and consuming have connections of their own: under a memory alarm the broker stops reading from a
 * connection that publishes, and with it every ack sent there. The consuming one is opened when somebody consumes.
 */
export class AmqpBroker extends ManagedService implements Broker {
  readonly name = 'broker';
  private readonly logger: Logger;
  private readonly metrics: BrokerMetrics;
  private readonly publishing: AmqpLink;
  private readonly consuming: AmqpLink;
  private readonly wakes: WakeGatherer;
  private readonly listener: WakeListener;
  private readonly consumers = new Set<AttemptConsumer>();
  private publisher: AttemptPublisher | null = null;
  private publishTopology: TaskQueueTopology | null = null;
  private wakeChannel: Channel | null = null;
  private wakesFlow = true;
  private live: LiveConsuming | null = null;
  private listens = false;
  private isOpen = false;

  constructor(private readonly options: AmqpBrokerOptions) {
    super();
    this.logger = options.logger;
    this.metrics = new BrokerMetrics(options.metrics ?? createMetrics(options.service, { process: false }));
    this.listener = new WakeListener(this.metrics, this.logger);
    this.wakes = new WakeGatherer((partition, wake) => this.sendWake(partition, wake));
    const link = { url: options.url, tls: options.tls, service: options.service, logger: options.logger };
    this.publishing = new AmqpLink({ ...link, purpose: 'publish', setUp: (model, giveUp) => this.setUpPublishing(model, giveUp), tearDown: () => this.tearDownPublishing() });
    this.consuming = new AmqpLink({ ...link, purpose: 'consume', setUp: (model, giveUp) => this.setUpConsuming(model, giveUp), tearDown: () => this.tearDownConsuming() });
    this.metrics.watchLinks([this.publishing, this.consuming]);
  }

  /** For tests: emitted whenever a connection is up and set up. */
  get signals(): { readonly publishing: AmqpLink['connected']; readonly consuming: AmqpLink['connected'] } {
    return { publishing: this.publishing.connected, consuming: this.consuming.connected };
  }

  async publishAttempts(queue: string, message: AttemptsReady): Promise<PublishResult> {
    const result = this.publisher === null ? 'not-connected' : this.publishing.blocked !== null ? 'refused' : await this.publisher.publish(queue, message);
    this.metrics.published(result);
    return result;
  }

  async consumeAttempts(queue: string, options: { readonly prefetch: number }, handler: (delivery: Delivery<AttemptsReady>) => void): Promise<Subscription> {
    const consumer = new AttemptConsumer({ queue, prefetch: options.prefetch, handler, metrics: this.metrics, logger: this.logger });
    this.consumers.add(consumer);
    if (this.live !== null) await attachOrGiveUp(this.live, (live) => consumer.attach(live.model, live.topology, live.giveUp));
    else if (this.isOpen) this.consuming.open();
    return {
      cancel: async () => {
        this.consumers.delete(consumer);
        await consumer.cancel();
      },
    };
  }

  ring(partition: number, wake: Wake): void {
    if (this.wakeChannel !== null) this.wakes.add(partition, wake);
    else this.metrics.droppedWake();
  }

  async listen(partitions: readonly number[], handler: (wake: Wake) => void): Promise<void> {
    const first = !this.listens;
    this.listens = true;
    const bound = this.listener.want(partitions, handler);
    if (this.live !== null) await attachOrGiveUp(this.live, (live) => (first ? this.listener.attach(live.model, live.giveUp) : bound));
    else if (this.isOpen) this.consuming.open();
    await bound.catch(() => undefined); // A connection that broke under it binds again when it is back.
  }

  async depth(queue: string): Promise<number | null> {
    if (this.publishTopology === null) return null;
    let timer: NodeJS.Timeout | undefined;
    const unknown = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), DEPTH_TIMEOUT_MS)));
    const depth = this.publishTopology.depth(queue).catch(() => null);
    const result = await Promise.race([depth, unknown]);
    clearTimeout(timer);
    return result;
  }

  health(): HealthReport {
    const links: [string, AmqpLink][] = [['broker_publish', this.publishing]];
    if (this.consumers.size > 0 || this.listens) links.push(['broker_consume', this.consuming]);
    const checks = Object.fromEntries(links.map(([name, link]) => [name, link.trouble === null ? { ok: true } : { ok: false, detail: link.trouble }]));
    return { ok: links.every(([, link]) => link.trouble === null), checks };
  }

  protected async open(): Promise<void> {
    this.isOpen = true;
    this.publishing.open();
    if (this.consumers.size > 0 || this.listens) this.consuming.open();
  }

  protected async close(): Promise<void> {
    this.isOpen = false;
    await Promise.all([this.consuming.close(), this.publishing.close()]);
  }

  private async setUpPublishing(model: ChannelModel, giveUp: (reason: string) => void): Promise<void> {
    const topology = new TaskQueueTopology(model, this.options.queueType ?? 'quorum', this.logger);
    const wakeChannel = await model.createChannel();
    await wakeChannel.assertExchange(WAKE_EXCHANGE, 'direct', { durable: true });
    wakeChannel.on('drain', () => (this.wakesFlow = true));
    const confirms = await model.createConfirmChannel();
    for (const channel of [wakeChannel, confirms]) {
      channel.on('error', (error: Error) => giveUp(`a publishing channel was closed: ${error.message}`));
    }
    this.publisher = new AttemptPublisher(confirms, topology, {
      confirmTimeoutMs: this.options.confirmTimeoutMs ?? 10_000,
      // While an alarm blocks us, silence is what the broker announced.
      onStalled: (reason) => (this.publishing.blocked === null ? giveUp(reason) : undefined),
    });
    this.publishTopology = topology;
    this.wakesFlow = true;
    this.wakeChannel = wakeChannel;
  }

  private tearDownPublishing(): void {
    this.publisher?.close();
    this.publisher = null;
    this.publishTopology = null;
    this.wakeChannel = null;
  }

  private async setUpConsuming(model: ChannelModel, giveUp: (reason: string) => void): Promise<void> {
    const topology = new TaskQueueTopology(model, this.options.queueType ?? 'quorum', this.logger);
    const attached = new Set<AttemptConsumer>();
    let listening = false;
    // Others may be added while one is attached; what is added after the last look finds `live`.
    for (;;) {
      const consumer = [...this.consumers].find((candidate) => !attached.has(candidate));
      if (consumer !== undefined) {
        attached.add(consumer);
        await consumer.attach(model, topology, giveUp);
      } else if (this.listens && !listening) {
        listening = true;
        await this.listener.attach(model, giveUp);
      } else break;
    }
    this.live = { model, topology, giveUp };
  }

  private tearDownConsuming(): void {
    this.live = null;
    this.listener.detach();
    for (const consumer of this.consumers) consumer.detach();
  }

  private sendWake(partition: number, wake: Wake): void {
    const channel = this.wakeChannel;
    if (channel === null || !this.wakesFlow || this.publishing.blocked !== null) return this.metrics.droppedWake();
    try {
      this.wakesFlow = channel.publish(WAKE_EXCHANGE, String(partition), Buffer.from(JSON.stringify(wake)), { persistent: false, contentType: 'application/json' });
    } catch {
      this.metrics.droppedWake();
    }
  }
}

/** The consuming connection while it is up and set up. */
interface LiveConsuming {
  readonly model: ChannelModel;
  readonly topology: TaskQueueTopology;
  readonly giveUp: (reason: string) => void;
}

/** What can't be attached to a live connection is attached to the next one. */
async function attachOrGiveUp(live: LiveConsuming, attach: (live: LiveConsuming) => Promise<void>): Promise<void> {
  try {
    await attach(live);
  } catch (error) {
    live.giveUp((error as Error).message);
  }
}
