import type { Channel, ChannelModel } from 'amqplib';
import { WAKE_EXCHANGE } from '@millrace/contracts';
import type { Wake } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { BrokerMetrics } from '../broker-metrics.js';
import { decodeWake } from '../validate-message.js';

/** A listener that doesn't keep up loses the oldest rings; the sweeper finds their work. */
const MAX_WAITING_WAKES = 10_000;

/** One exclusive queue of this process; its bindings follow the partitions wanted, the queue stays. */
export class WakeListener {
  private wanted = new Set<number>();
  private handler: (wake: Wake) => void = () => undefined;
  private listening: { readonly channel: Channel; readonly queue: string; readonly bound: Set<number> } | null = null;
  /** Bindings change one after the other, or two calls could undo each other. */
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly metrics: BrokerMetrics,
    private readonly logger: Logger,
  ) {}

  /** Resolves when bound, or at once when there is no connection (then binding happens with it). */
  want(partitions: readonly number[], handler: (wake: Wake) => void): Promise<void> {
    this.wanted = new Set(partitions);
    this.handler = handler;
    return this.bind();
  }

  async attach(model: ChannelModel, onLost: (reason: string) => void): Promise<void> {
    const channel = await model.createChannel();
    channel.on('error', (error: Error) => onLost(`the doorbell's channel was closed: ${error.message}`));
    await channel.assertExchange(WAKE_EXCHANGE, 'direct', { durable: true });
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false, arguments: { 'x-max-length': MAX_WAITING_WAKES } });
    this.listening = { channel, queue, bound: new Set() };
    await this.bind();
    await channel.consume(queue, (message) => {
      if (message === null) onLost('the doorbell’s queue was deleted');
      else this.onMessage(message.content);
    }, { noAck: true });
  }

  detach(): void {
    this.listening = null;
  }

  private bind(): Promise<void> {
    const next = this.turn.then(async () => {
      const listening = this.listening;
      if (listening === null) return;
      const { channel, queue, bound } = listening;
      for (const partition of this.wanted) {
        if (bound.has(partition)) continue;
        await channel.bindQueue(queue, WAKE_EXCHANGE, String(partition));
        bound.add(partition);
      }
      for (const partition of [...bound]) {
        if (this.wanted.has(partition)) continue;
        await channel.unbindQueue(queue, WAKE_EXCHANGE, String(partition));
        bound.delete(partition);
      }
    });
    this.turn = next.catch(() => undefined);
    return next;
  }

  private onMessage(content: Buffer): void {
    const checked = decodeWake(content);
    if (!checked.ok) {
      this.metrics.malformedMessage('wake');
      this.logger.warn('a malformed doorbell ring was dropped', { reason: checked.reason, bytes: content.length });
      return;
    }
    try {
      this.handler(checked.message);
    } catch (error) {
      this.logger.error('a handler of doorbell rings failed', { error });
    }
  }
}
