import type { HealthReport, Service } from '@millrace/lifecycle';
import type { AttemptsReady, Wake } from '@millrace/contracts';

/**
 * What became of a published message. Nothing on the hot path waits for it: the `queued` row is the outbox.
 * `timed-out`: sent, and nobody knows whether it arrived. `refused`: the broker said no (queue full, alarm), or too many wait here.
 */
export type PublishResult = 'confirmed' | 'unroutable' | 'timed-out' | 'refused' | 'not-connected';

export interface Delivery<Message> {
  readonly message: Message;
  readonly redelivered: boolean;
  /** Settling twice, or after the channel is gone, does nothing. */
  ack(): void;
  nack(options: { readonly requeue: boolean }): void;
}

export interface Subscription {
  /** Stops deliveries; what was delivered and not settled goes back to the queue. */
  cancel(): Promise<void>;
}

/**
 * The doorbell. Messages carry ids, never facts: deleting every queue at any instant loses nothing.
 * Two adapters, one conformance suite: RabbitMQ (`amqp/`) and in-process (`in-process/`).
 * `start()` resolves without a connection: a service starts and decides without the broker; only dispatch waits.
 */
export interface Broker extends Service {
  /** To `millrace.tasks.<queue>`: durable, persistent, mandatory, confirmed with an own time-out. Never throws. */
  publishAttempts(queue: string, message: AttemptsReady): Promise<PublishResult>;
  /** Malformed messages never reach the handler: they go to the dead-letter queue and are counted. */
  consumeAttempts(queue: string, options: { readonly prefetch: number }, handler: (delivery: Delivery<AttemptsReady>) => void): Promise<Subscription>;
  /** Transient, unconfirmed; rings whichever scheduler listens on the partition. Never throws. */
  ring(partition: number, wake: Wake): void;
  /** One transient queue of this process, bound to these partitions; call again to bind others. */
  listen(partitions: readonly number[], handler: (wake: Wake) => void): Promise<void>;
  /** Messages ready in a task queue, or null when unknown. */
  depth(queue: string): Promise<number | null>;
  health(): HealthReport;
}
