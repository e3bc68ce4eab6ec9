import type { ConfirmChannel } from 'amqplib';
import type { AttemptsReady } from '@millrace/contracts';
import type { PublishResult } from '../broker.js';
import { taskQueueName } from './task-queue-topology.js';
import type { TaskQueueTopology } from './task-queue-topology.js';

export interface PublisherOptions {
  /** A publish that is not confirmed for this long is `timed-out`. */
  readonly confirmTimeoutMs: number;
  /** The broker stopped confirming: give the connection up. */
  readonly onStalled: (reason: string) => void;
}

/** Sent and not confirmed at once, at most. Below 100 the confirm's round trip limits throughput. */
export const UNCONFIRMED_MAX = 1_000;
/** What may wait for room in that window; beyond, the publish is refused at once so that memory stays bounded. */
export const WAITING_MAX = 10_000;

interface Pending {
  readonly queue: string;
  readonly body: Buffer;
  readonly settle: (result: PublishResult) => void;
  settled: boolean;
  returned: boolean;
}

/**
 * Publishes attempts on one confirm channel: persistent, mandatory, each with its own time-out (a confirm may never come,
 * and `publish()` says true all the same). Lives as long as its connection.
 */
export class AttemptPublisher {
  private readonly unconfirmed = new Map<string, Pending>();
  private readonly waiting: Pending[] = [];
  private nextId = 0;
  private closed = false;

  constructor(
    private readonly channel: ConfirmChannel,
    private readonly topology: TaskQueueTopology,
    private readonly options: PublisherOptions,
  ) {
    // Unroutable messages are returned first and then confirmed.
    channel.on('return', (message) => {
      const pending = this.unconfirmed.get(String(message.properties.messageId));
      if (pending === undefined) return;
      pending.returned = true;
      this.topology.forget(pending.queue);
    });
  }

  publish(queue: string, message: AttemptsReady): Promise<PublishResult> {
    if (this.closed) return Promise.resolve('not-connected');
    if (this.waiting.length >= WAITING_MAX) return Promise.resolve('refused');
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.onTimeout(pending), this.options.confirmTimeoutMs);
      const pending: Pending = {
        queue,
        body: Buffer.from(JSON.stringify(message)),
        settled: false,
        returned: false,
        settle: (result) => {
          if (pending.settled) return;
          pending.settled = true;
          clearTimeout(timer);
          resolve(result);
        },
      };
      if (this.topology.isEnsured(queue) && this.unconfirmed.size < UNCONFIRMED_MAX) this.send(pending);
      else void this.sendWhenDeclared(pending);
    });
  }

  /** Every publish still open is settled; later ones are `not-connected`. */
  close(): void {
    this.closed = true;
    for (const pending of this.unconfirmed.values()) pending.settle('timed-out');
    for (const pending of this.waiting) pending.settle('not-connected');
    this.unconfirmed.clear();
    this.waiting.length = 0;
  }

  private async sendWhenDeclared(pending: Pending): Promise<void> {
    try {
      await this.topology.ensure(pending.queue);
    } catch {
      pending.settle('unroutable');
      return;
    }
    if (this.closed) pending.settle('not-connected');
    else if (this.unconfirmed.size < UNCONFIRMED_MAX) this.send(pending);
    else this.waiting.push(pending);
  }

  private send(pending: Pending): void {
    if (pending.settled) return;
    const id = String(++this.nextId);
    this.unconfirmed.set(id, pending);
    try {
      this.channel.publish('', taskQueueName(pending.queue), pending.body, { persistent: true, mandatory: true, messageId: id, contentType: 'application/json' }, (error: unknown) => this.onConfirm(id, error));
    } catch {
      this.unconfirmed.delete(id);
      pending.settle('not-connected');
    }
  }

  private onConfirm(id: string, error: unknown): void {
    const pending = this.unconfirmed.get(id);
    if (pending === undefined) return;
    this.unconfirmed.delete(id);
    if (pending.returned) pending.settle('unroutable');
    else if (error === null || error === undefined) pending.settle('confirmed');
    // The same callback tells that the channel closed under it.
    else pending.settle(this.closed || /closed/i.test(String((error as Error).message)) ? 'timed-out' : 'refused');
    while (this.waiting.length > 0 && this.unconfirmed.size < UNCONFIRMED_MAX) this.send(this.waiting.shift() as Pending);
  }

  private onTimeout(pending: Pending): void {
    pending.settle('timed-out');
    const at = this.waiting.indexOf(pending);
    if (at >= 0) this.waiting.splice(at, 1);
    // Also when a declaration got no answer: the broker is just as silent.
    else this.options.onStalled(`no confirm within ${this.options.confirmTimeoutMs} ms`);
  }
}
