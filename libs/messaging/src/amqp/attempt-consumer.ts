import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { AttemptsReady } from '@millrace/contracts';
import { pause } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import type { BrokerMetrics } from '../broker-metrics.js';
import type { Delivery } from '../broker.js';
import { decodeAttemptsReady } from '../validate-message.js';
import { Settlements } from './settlements.js';
import { taskQueueName } from './task-queue-topology.js';
import type { TaskQueueTopology } from './task-queue-topology.js';

export interface AttemptConsumerOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly handler: (delivery: Delivery<AttemptsReady>) => void;
  readonly metrics: BrokerMetrics;
  readonly logger: Logger;
}

/** Between two tries to open a channel that closed by itself, on a connection that lives. */
const REOPEN_PAUSE_MS = 100;

/** One subscription: outlives channels and connections, and opens a channel of its own on each. */
export class AttemptConsumer {
  private channel: Channel | null = null;
  private settlements: Settlements | null = null;
  private cancelled = false;
  /** Grows with every connection or channel, so that a late reopening of an old one is dropped. */
  private generation = 0;

  constructor(private readonly options: AttemptConsumerOptions) {}

  /**
   * @param giveUp ends the connection: when the server ends a consumer (its queue is gone), a consumer that stays may wedge
   * the queue, so channel and connection are made anew.
   */
  async attach(model: ChannelModel, topology: TaskQueueTopology, giveUp: (reason: string) => void): Promise<void> {
    if (this.cancelled) return;
    const { queue, prefetch } = this.options;
    topology.forget(queue);
    await topology.ensure(queue);
    const channel = await model.createChannel();
    const settlements = new Settlements(channel);
    this.channel = channel;
    this.settlements = settlements;
    channel.on('error', (error: Error) => this.options.logger.warn('the channel of a task queue was closed by the broker; opening a new one', { queue, reason: error.message }));
    channel.on('close', () => {
      if (this.channel !== channel) return;
      this.channel = null;
      void this.reattach(model, topology, giveUp);
    });
    try {
      await channel.prefetch(prefetch);
      await channel.consume(taskQueueName(queue), (message) => {
        if (this.channel !== channel) return;
        if (message === null) giveUp(`the consumer of queue ${queue} was cancelled by the broker`);
        else this.onMessage(settlements, message);
      });
    } catch (error) {
      if (!this.cancelled) throw error;
    }
    if (this.cancelled) await channel.close().catch(() => undefined);
  }

  /** The connection is gone: what was delivered goes back to the queue by itself. */
  detach(): void {
    this.settlements?.close();
    this.channel = null;
    this.generation++;
  }

  /** Closing the channel returns everything unsettled; a consumer cancel alone would keep it here. */
  async cancel(): Promise<void> {
    this.cancelled = true;
    this.settlements?.close();
    const channel = this.channel;
    this.channel = null;
    await channel?.close().catch(() => undefined); // Already closed: as wanted.
  }

  private async reattach(model: ChannelModel, topology: TaskQueueTopology, giveUp: (reason: string) => void): Promise<void> {
    const generation = ++this.generation;
    await pause(REOPEN_PAUSE_MS);
    if (this.cancelled || generation !== this.generation) return;
    try {
      await this.attach(model, topology, giveUp);
    } catch (error) {
      giveUp(`no new channel for queue ${this.options.queue}: ${(error as Error).message}`);
    }
  }

  private onMessage(settlements: Settlements, message: ConsumeMessage): void {
    settlements.delivered(message);
    const checked = decodeAttemptsReady(message.content);
    if (!checked.ok) {
      this.options.metrics.malformedMessage('attempts');
      this.options.logger.warn('a malformed message was parked in the dead letters', { queue: this.options.queue, reason: checked.reason, bytes: message.content.length });
      settlements.nack(message, false);
      return;
    }
    try {
      this.options.handler({
        message: checked.message,
        redelivered: message.fields.redelivered,
        ack: () => settlements.ack(message),
        nack: ({ requeue }) => settlements.nack(message, requeue),
      });
    } catch (error) {
      this.options.logger.error('a handler of deliveries failed; the message goes back', { queue: this.options.queue, error });
      settlements.nack(message, true);
    }
  }
}
