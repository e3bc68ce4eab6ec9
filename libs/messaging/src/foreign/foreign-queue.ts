import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { LogFields, Logger } from '@millrace/telemetry';
import { AmqpLink } from '../amqp/amqp-link.js';

/** Messages of somebody else's, which are taken and acknowledged when what they mean is committed. */
export interface ForeignQueueOptions {
  /** `amqp://user:password@host:port/vhost`. */
  readonly url: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** An existing queue; null: `ownQueue`, made when it is not there. */
  readonly queue: string | null;
  readonly ownQueue: string;
  readonly prefetch: number;
  readonly name: string;
  readonly logger: Logger;
  readonly onMessage: (message: ForeignMessage) => void;
  readonly onConnected: () => void;
  readonly onTrouble: (reason: string) => void;
}

export interface ForeignMessage {
  /** As the sender gave it; null: none. */
  readonly messageId: string | null;
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  /** The broker may have delivered it before. */
  readonly redelivered: boolean;
  ack(): void;
  /** Back into the queue, to come again. */
  release(): void;
}

/** A queue of our own that nobody listens to goes away after a week, with what is in it: nothing fills up a broker for ever. */
const EXPIRES_MS = 7 * 86_400_000;

export class ForeignQueue {
  readonly #link: AmqpLink;
  #channel: Channel | null = null;

  constructor(private readonly options: ForeignQueueOptions) {
    this.#link = new AmqpLink({
      url: options.url,
      purpose: `watch ${options.name}`,
      service: 'watcher',
      logger: quiet(options.logger, options.onTrouble),
      setUp: (model, giveUp) => this.#consume(model, giveUp),
      tearDown: () => (this.#channel = null),
    });
  }

  open(): void {
    this.#link.open();
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  async #consume(model: ChannelModel, giveUp: (reason: string) => void): Promise<void> {
    const { exchange, routingKey, ownQueue, prefetch, onMessage } = this.options;
    const channel = await model.createChannel();
    channel.on('error', (error: Error) => giveUp(error.message));
    channel.on('close', () => giveUp('the channel was closed by the broker'));
    let queue = this.options.queue;
    if (queue === null) {
      await channel.checkExchange(exchange);
      queue = (await channel.assertQueue(ownQueue, { durable: true, arguments: { 'x-expires': EXPIRES_MS } })).queue;
      await channel.bindQueue(queue, exchange, routingKey);
    } else await channel.checkQueue(queue);
    await channel.prefetch(prefetch);
    this.#channel = channel;
    await channel.consume(queue, (message) => {
      if (message === null) return giveUp('the queue was deleted');
      onMessage(this.#messageOf(channel, message));
    });
    this.options.onConnected();
  }

  #messageOf(channel: Channel, message: ConsumeMessage): ForeignMessage {
    const { fields, properties, content } = message;
    const isOpen = (): boolean => this.#channel === channel;
    return {
      messageId: typeof properties.messageId === 'string' && properties.messageId !== '' ? properties.messageId : null,
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      content,
      redelivered: fields.redelivered,
      // On a channel that is gone the broker gives it to somebody again.
      ack: () => (isOpen() ? channel.ack(message) : undefined),
      release: () => (isOpen() ? channel.nack(message, false, true) : undefined),
    };
  }
}

/** A broker of somebody else's that cannot be reached is told where its watcher is shown; our log has one line of it. */
function quiet(logger: Logger, onTrouble: (reason: string) => void): Logger {
  const told = (level: 'warn' | 'debug') => (message: string, fields?: LogFields): void => {
    onTrouble(String(fields?.['reason'] ?? message));
    logger[level](message, fields);
  };
  return { debug: told('debug'), info: (message, fields) => logger.debug(message, fields), warn: told('warn'), error: told('warn'), child: () => logger };
}
