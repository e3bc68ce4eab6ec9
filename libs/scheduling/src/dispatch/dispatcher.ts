import type { AttemptId, InstanceId } from '@millrace/vocabulary';
import type { Broker } from '@millrace/messaging';
import type { LiveWorker } from '@millrace/persistence';
import { groupBy } from '../grouping/group-by.js';

export interface ReadyAttempt {
  readonly queue: string;
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
}

/**
 * Publishes attempt ids after the commit that queued them. Nothing waits for a confirm: the `queued` row is the outbox,
 * and what stays unclaimed is published again by the sweeper.
 */
export class Dispatcher {
  #workers: readonly LiveWorker[] = [];

  constructor(
    private readonly broker: Broker,
    /** Whose cache holds the runs; told to workers as a hint. Empty: nobody's. */
    private readonly home: string,
    private readonly onResult: (queue: string, result: string, count: number) => void = () => {},
  ) {}

  /** Who takes tasks now; the membership loop tells it every few seconds. */
  know(workers: readonly LiveWorker[]): void {
    this.#workers = workers;
  }

  /** Slots of the living workers of a queue; null: it has none. */
  slots(queue: string): number | null {
    let slots = 0;
    for (const worker of this.#workers) if (worker.queues.includes(queue)) slots += worker.slots;
    return slots === 0 ? null : slots;
  }

  /** In the order given. */
  publish(attempts: readonly ReadyAttempt[]): void {
    if (attempts.length === 0) return;
    if (attempts.length === 1) return this.#send(attempts[0]!.queue, [attempts[0]!]);
    for (const [queue, ready] of groupBy(attempts, (attempt) => attempt.queue)) {
      const size = this.#idsPerMessage(queue, ready.length);
      for (let i = 0; i < ready.length; i += size) this.#send(queue, ready.slice(i, i + size));
    }
  }

  /**
   * One id a message while every worker can be given one; several only when more are ready than there are workers,
   * and never more than one worker can start.
   */
  #idsPerMessage(queue: string, ready: number): number {
    const takers = this.#workers.filter((worker) => worker.queues.includes(queue));
    if (takers.length === 0) return 1;
    const slots = Math.min(...takers.map((worker) => worker.slots));
    return Math.max(1, Math.min(slots, Math.ceil(ready / (takers.length * 2))));
  }

  #send(queue: string, attempts: readonly ReadyAttempt[]): void {
    const ids = attempts.map((attempt): [string, string] => [attempt.instanceId, attempt.attemptId]);
    void this.broker.publishAttempts(queue, { v: 1, ids, home: this.home }).then((result) => this.onResult(queue, result, ids.length));
  }
}
