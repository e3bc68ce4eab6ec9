import type { Channel, ChannelModel } from 'amqplib';
import { DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, TASK_QUEUE_PREFIX } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import { underDeclarationLock } from './declaration-lock.js';

export type QueueType = 'quorum' | 'classic';

/**
 * Deliveries of one message before it is parked. High, because a crash of a consumer counts against everything it had
 * prefetched: a limit of 3 with prefetch 50 dropped 50 healthy messages in four crashes.
 */
export const DELIVERY_LIMIT = 20;
/** A task queue takes no more than this; the publisher is told, and the rows stay queued. */
const MAX_MESSAGES = 1_000_000;
/** Dead letters are for looking at; the oldest go first. */
const MAX_DEAD_LETTERS = 10_000;

export function taskQueueName(queue: string): string {
  return TASK_QUEUE_PREFIX + queue;
}

/**
 * Declares queues on one connection, each once. A channel of its own, because a refused declaration closes the channel.
 */
export class TaskQueueTopology {
  private readonly declared = new Map<string, Promise<void>>();
  private readonly ready = new Set<string>();
  private channel: Promise<Channel> | null = null;
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly model: ChannelModel,
    private readonly queueType: QueueType,
    private readonly logger: Logger,
  ) {}

  /** The queue and its dead letters exist when it resolves. */
  ensure(queue: string): Promise<void> {
    let known = this.declared.get(queue);
    if (known === undefined) {
      known = this.declare(queue).then(() => void this.ready.add(queue));
      known.catch(() => this.forget(queue));
      this.declared.set(queue, known);
    }
    return known;
  }

  isEnsured(queue: string): boolean {
    return this.ready.has(queue);
  }

  /** Somebody deleted it: declare it again next time. */
  forget(queue: string): void {
    this.declared.delete(queue);
    this.ready.delete(queue);
  }

  /** Messages ready. A deleted queue is declared again rather than an error. */
  async depth(queue: string): Promise<number> {
    await this.ensure(queue);
    try {
      return (await (await this.open()).checkQueue(taskQueueName(queue))).messageCount;
    } catch {
      this.forget(queue);
      await this.ensure(queue);
      return 0;
    }
  }

  /** One at a time on this connection too: the lock is the connection's, not the call's. */
  private declare(queue: string): Promise<void> {
    const work = async (): Promise<void> => {
      await this.once('dead letters', () => this.declareDeadLetters());
      await this.assertQueue(taskQueueName(queue), {
        'x-queue-type': this.queueType,
        'x-dead-letter-exchange': DEAD_LETTER_EXCHANGE,
        'x-max-length': MAX_MESSAGES,
        'x-overflow': 'reject-publish',
        ...(this.queueType === 'quorum' ? { 'x-delivery-limit': DELIVERY_LIMIT } : {}),
      });
    };
    const open = (): Promise<Channel> => this.open();
    const next = this.turn.then(() => (this.queueType === 'quorum' ? underDeclarationLock(open, work) : work()));
    this.turn = next.catch(() => undefined);
    return next;
  }

  private once(key: string, work: () => Promise<void>): Promise<void> {
    const name = ` ${key}`; // A blank can't begin a queue's name.
    let known = this.declared.get(name);
    if (known === undefined) {
      known = work();
      known.catch(() => this.declared.delete(name));
      this.declared.set(name, known);
    }
    return known;
  }

  private async declareDeadLetters(): Promise<void> {
    const channel = await this.open();
    await channel.assertExchange(DEAD_LETTER_EXCHANGE, 'fanout', { durable: true });
    // Classic whatever the task queues are: changing their type must not meet an old one here.
    await this.assertQueue(DEAD_LETTER_QUEUE, { 'x-queue-type': 'classic', 'x-max-length': MAX_DEAD_LETTERS });
    await (await this.open()).bindQueue(DEAD_LETTER_QUEUE, DEAD_LETTER_EXCHANGE, '');
  }

  /**
   * A queue that exists with other arguments (406), or a user who may not declare (403), is used as it is: an operator's
   * queue is better than none.
   */
  private async assertQueue(name: string, args: Record<string, unknown>): Promise<void> {
    const channel = await this.open();
    try {
      await channel.assertQueue(name, { durable: true, arguments: args });
    } catch (error) {
      const code = (error as { code?: number }).code;
      if (code !== 406 && code !== 403) throw error;
      this.logger.warn('a queue is not as we would declare it; using it as it is', { queue: name, reason: (error as Error).message });
      await (await this.open()).checkQueue(name);
    }
  }

  private open(): Promise<Channel> {
    if (this.channel === null) {
      const opening = this.model.createChannel();
      this.channel = opening;
      const gone = (): void => {
        if (this.channel === opening) this.channel = null;
      };
      opening.then((channel) => {
        channel.on('error', gone); // The failed call itself rejects with the reason.
        channel.on('close', gone);
      }, gone);
    }
    return this.channel;
  }
}
