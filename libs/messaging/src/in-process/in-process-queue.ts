import type { AttemptsReady } from '@millrace/contracts';
import type { Delivery } from '../broker.js';

/** Deliveries of one message before it is parked; the same as RabbitMQ's quorum queues get. */
const DELIVERY_LIMIT = 20;

interface Entry {
  readonly message: AttemptsReady;
  deliveries: number;
}

interface Consumer {
  readonly prefetch: number;
  readonly handler: (delivery: Delivery<AttemptsReady>) => void;
  readonly unsettled: Set<Entry>;
  active: boolean;
}

/** First in, first out, several consumers in turn, each with its prefetch; what goes back goes to the front. */
export class InProcessQueue {
  private ready: Entry[] = [];
  /** Where `ready` begins: shifting a long array for each message would be quadratic. */
  private head = 0;
  private consumers: Consumer[] = [];
  private scheduled = false;

  constructor(
    private readonly park: (message: AttemptsReady) => void,
    private readonly onHandlerError: (error: unknown) => void,
  ) {}

  get depth(): number {
    return this.ready.length - this.head;
  }

  put(message: AttemptsReady): void {
    this.ready.push({ message, deliveries: 0 });
    this.schedule();
  }

  /** Returns the end of the consumer: what it has not settled goes back. */
  consume(prefetch: number, handler: (delivery: Delivery<AttemptsReady>) => void): () => void {
    const consumer: Consumer = { prefetch, handler, unsettled: new Set(), active: true };
    this.consumers.push(consumer);
    this.schedule();
    return () => {
      if (!consumer.active) return;
      consumer.active = false;
      this.consumers = this.consumers.filter((other) => other !== consumer);
      this.giveBack([...consumer.unsettled]);
      consumer.unsettled.clear();
    };
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    while (this.head < this.ready.length) {
      const consumer = this.consumers.find(({ unsettled, prefetch }) => unsettled.size < prefetch);
      if (consumer === undefined) break;
      this.consumers.push(...this.consumers.splice(this.consumers.indexOf(consumer), 1)); // In turn.
      this.hand(consumer, this.ready[this.head++] as Entry);
    }
    if (this.head > 1_000 || this.head === this.ready.length) {
      this.ready = this.ready.slice(this.head);
      this.head = 0;
    }
  }

  private hand(consumer: Consumer, entry: Entry): void {
    entry.deliveries++;
    consumer.unsettled.add(entry);
    const settle = (after: () => void): void => {
      if (!consumer.unsettled.delete(entry)) return;
      after();
      this.schedule();
    };
    const back = (): void => this.giveBack([entry]);
    try {
      consumer.handler({
        message: entry.message,
        redelivered: entry.deliveries > 1,
        ack: () => settle(() => undefined),
        nack: ({ requeue }) => settle(requeue ? back : () => this.park(entry.message)),
      });
    } catch (error) {
      this.onHandlerError(error);
      settle(back);
    }
  }

  private giveBack(entries: readonly Entry[]): void {
    const again = entries.filter((entry) => entry.deliveries <= DELIVERY_LIMIT);
    for (const entry of entries) if (entry.deliveries > DELIVERY_LIMIT) this.park(entry.message);
    if (this.head >= again.length) {
      this.head -= again.length;
      again.forEach((entry, i) => (this.ready[this.head + i] = entry));
    } else {
      this.ready = [...again, ...this.ready.slice(this.head)];
      this.head = 0;
    }
    this.schedule();
  }
}
