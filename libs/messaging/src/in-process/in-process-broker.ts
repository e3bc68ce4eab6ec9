import type { AttemptsReady, Wake } from '@millrace/contracts';
import { ManagedService } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { createMetrics } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { BrokerMetrics } from '../broker-metrics.js';
import type { Broker, Delivery, PublishResult, Subscription } from '../broker.js';
import { checkAttemptsReady, checkWake } from '../validate-message.js';
import { WakeGatherer } from '../wake-gatherer.js';
import { InProcessBus } from './in-process-bus.js';
import type { WakeListening } from './in-process-bus.js';

export interface InProcessBrokerOptions {
  /** Shared by the brokers of one process; default a bus of its own. */
  readonly bus?: InProcessBus;
  /** Told what handlers throw, when the bus is of this broker's own making. */
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

/** The broker of `standalone`: the same sentences as RabbitMQ's adapter, without a second process. */
export class InProcessBroker extends ManagedService implements Broker {
  readonly name = 'broker';
  private readonly bus: InProcessBus;
  private readonly metrics: BrokerMetrics;
  private readonly wakes: WakeGatherer;
  private readonly subscriptions = new Set<InProcessSubscription>();
  private listening: WakeListening | null = null;
  private isOpen = false;

  constructor(options: InProcessBrokerOptions = {}) {
    super();
    this.bus = options.bus ?? new InProcessBus(options.logger === undefined ? undefined : (error) => options.logger?.error('a handler of the in-process broker failed', { error }));
    this.metrics = new BrokerMetrics(options.metrics ?? createMetrics('in-process', { process: false }));
    this.wakes = new WakeGatherer((partition, wake) => {
      if (!this.isOpen) return this.metrics.droppedWake();
      if (checkWake(wake).ok) this.bus.ring(partition, wake);
      else this.metrics.malformedMessage('wake');
    });
  }

  publishAttempts(queue: string, message: AttemptsReady): Promise<PublishResult> {
    const result = this.isOpen ? 'confirmed' : 'not-connected';
    this.metrics.published(result);
    if (this.isOpen) {
      if (checkAttemptsReady(message).ok) this.bus.queue(queue).put(message);
      else {
        this.metrics.malformedMessage('attempts');
        this.bus.park(message);
      }
    }
    return Promise.resolve(result);
  }

  consumeAttempts(queue: string, options: { readonly prefetch: number }, handler: (delivery: Delivery<AttemptsReady>) => void): Promise<Subscription> {
    const subscription: InProcessSubscription = { queue, prefetch: options.prefetch, handler, end: null };
    this.subscriptions.add(subscription);
    if (this.isOpen) this.attach(subscription);
    return Promise.resolve({
      cancel: () => {
        this.subscriptions.delete(subscription);
        subscription.end?.();
        return Promise.resolve();
      },
    });
  }

  ring(partition: number, wake: Wake): void {
    if (this.isOpen) this.wakes.add(partition, wake);
    else this.metrics.droppedWake();
  }

  listen(partitions: readonly number[], handler: (wake: Wake) => void): Promise<void> {
    if (this.listening === null) this.listening = { partitions: new Set(partitions), handler };
    else Object.assign(this.listening, { partitions: new Set(partitions), handler });
    if (this.isOpen) this.bus.addListener(this.listening);
    return Promise.resolve();
  }

  depth(queue: string): Promise<number | null> {
    return Promise.resolve(this.isOpen ? this.bus.depth(queue) : null);
  }

  health(): HealthReport {
    return { ok: this.isOpen, checks: { broker: this.isOpen ? { ok: true } : { ok: false, detail: 'stopped' } } };
  }

  protected async open(): Promise<void> {
    this.isOpen = true;
    for (const subscription of this.subscriptions) this.attach(subscription);
    if (this.listening !== null) this.bus.addListener(this.listening);
  }

  protected async close(): Promise<void> {
    this.isOpen = false;
    for (const subscription of this.subscriptions) subscription.end?.();
    if (this.listening !== null) this.bus.removeListener(this.listening);
  }

  private attach(subscription: InProcessSubscription): void {
    subscription.end = this.bus.queue(subscription.queue).consume(subscription.prefetch, subscription.handler);
  }
}

interface InProcessSubscription {
  readonly queue: string;
  readonly prefetch: number;
  readonly handler: (delivery: Delivery<AttemptsReady>) => void;
  /** Ends the consumer on the bus; null before the first start. */
  end: (() => void) | null;
}
