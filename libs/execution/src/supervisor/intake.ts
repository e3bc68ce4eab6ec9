import { randomUUID } from 'node:crypto';
import type { AttemptsReady, executionProto } from '@millrace/contracts';
import type { Broker, Delivery, Subscription } from '@millrace/messaging';
import type { Logger } from '@millrace/telemetry';
import type { ClaimAnswer, ClaimDesk } from '../session/claim-desk.js';

/** A message this worker cannot start goes back to the queue after this long, so that an idle worker gets it. */
const HOLD_MAX_MS = 1_000;
/** A message that comes after so many others is claimed, and refused. */
const HANDED_KEPT = 10_000;

interface Held {
  readonly delivery: Delivery<AttemptsReady>;
  readonly receivedAt: number;
  /** Index of the first id that is not claimed yet. */
  next: number;
  /** Claims without an answer. */
  open: number;
  undecided: boolean;
  /** Came over a stream: there is no queue to give it back to, and no other worker that could have it. */
  readonly isOffered: boolean;
  settled: boolean;
}

export interface IntakeOptions {
  readonly broker: Broker;
  readonly queues: readonly string[];
  readonly prefetch: number;
  readonly logger: Logger;
  readonly freeSlots: () => number;
  /** A claim has been answered; `receivedAt` is when its message came, monotonic. */
  readonly onAnswer: (answer: ClaimAnswer, receivedAt: number) => void;
}

/** Turns messages into claims, never more than there are free slots. A message is settled when all its ids are answered. */
export class Intake {
  private readonly held = new Set<Held>();
  private readonly handed = new Set<string>();
  private subscriptions: Subscription[] = [];
  private wanted = false;
  private stopped = true;
  private syncing: Promise<void> | undefined;

  constructor(
    private readonly claims: ClaimDesk,
    private readonly options: IntakeOptions,
  ) {}

  start(): void {
    this.stopped = false;
    this.pump();
  }

  /** Stops taking; what cannot be claimed any more goes back to its queue. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.consume(false);
    for (const held of this.held) if (held.next < held.delivery.message.ids.length) this.settle(held, 'nack');
    await this.syncing;
  }

  /** An attempt came with the answer to a result: the message about it, if there is one, is done with. */
  handedOver(attemptId: string): void {
    this.handed.add(attemptId);
    if (this.handed.size <= HANDED_KEPT) return;
    for (const oldest of this.handed) {
      this.handed.delete(oldest);
      return;
    }
  }

  /** Attempts that are for this worker alone. One that is lost here is offered again. */
  offered(ids: readonly (readonly [string, string])[], home: string): void {
    if (this.stopped) return;
    const waiting = new Set([...this.held].flatMap((held) => (held.isOffered ? held.delivery.message.ids.slice(held.next).map(([, attemptId]) => attemptId) : [])));
    const fresh = ids.filter(([, attemptId]) => !waiting.has(attemptId)).map(([instanceId, attemptId]): [string, string] => [instanceId, attemptId]);
    if (fresh.length === 0) return;
    this.held.add({ delivery: { message: { v: 1, ids: fresh, home }, redelivered: false, ack: () => {}, nack: () => {} }, receivedAt: performance.now(), next: 0, open: 0, undecided: false, isOffered: true, settled: false });
    this.pump();
  }

  /** Messages wait here for a slot. */
  get hasWaiting(): boolean {
    for (const held of this.held) if (!held.settled && held.next < held.delivery.message.ids.length) return true;
    return false;
  }

  /** What was handed over belongs to nobody now; a message about it is worth a claim. */
  sessionLost(): void {
    this.handed.clear();
    for (const held of this.held) if (held.isOffered) this.settle(held, 'nack');
  }

  /** Claims what free slots allow. */
  pump(): void {
    if (this.stopped) return;
    let free = this.options.freeSlots();
    if (free > 0 && !this.wanted) this.consume(true);
    for (const held of this.held) {
      if (free <= 0 && this.handed.size === 0) return;
      if (held.settled) continue;
      const { ids, home } = held.delivery.message;
      for (; held.next < ids.length; held.next++) {
        const [instanceId, attemptId] = ids[held.next] as [string, string];
        // The same attempt came in two messages, or with the answer to a result: nothing to ask.
        if (this.claims.isPending(attemptId) || this.handed.delete(attemptId)) continue;
        if (free <= 0) break;
        this.claim(held, { instanceId, attemptId, claimToken: randomUUID() }, home);
        free--;
      }
      this.settleIfDone(held);
    }
  }

  /** Gives back what was held too long, and stops taking until a slot is free. */
  tick(): void {
    const overdue = performance.now() - HOLD_MAX_MS;
    for (const held of this.held) {
      if (held.settled || held.isOffered || held.receivedAt > overdue || held.next >= held.delivery.message.ids.length) continue;
      if (this.options.freeSlots() > 0) return this.pump();
      this.consume(false);
      this.settle(held, 'nack');
    }
  }

  private claim(held: Held, item: executionProto.ClaimItem, home: string): void {
    held.open++;
    this.claims.claim(item, home, (answer) => {
      held.open--;
      if (answer.kind === 'later') held.undecided = true;
      this.options.onAnswer(answer, held.receivedAt);
      this.settleIfDone(held);
    });
  }

  private settleIfDone(held: Held): void {
    if (held.open === 0 && held.next >= held.delivery.message.ids.length) this.settle(held, held.undecided ? 'nack' : 'ack');
  }

  private settle(held: Held, how: 'ack' | 'nack'): void {
    if (held.settled) return;
    held.settled = true;
    this.held.delete(held);
    if (how === 'ack') held.delivery.ack();
    else held.delivery.nack({ requeue: true });
  }

  private received(delivery: Delivery<AttemptsReady>): void {
    if (this.stopped) return delivery.nack({ requeue: true });
    const held: Held = { delivery, receivedAt: performance.now(), next: 0, open: 0, undecided: false, isOffered: false, settled: false };
    this.held.add(held);
    this.pump();
  }

  private consume(wanted: boolean): void {
    this.wanted = wanted;
    this.syncing ??= this.sync().finally(() => (this.syncing = undefined));
  }

  /** Subscribing and cancelling take turns until both agree with what is wanted. */
  private async sync(): Promise<void> {
    while (this.wanted !== this.subscriptions.length > 0) {
      try {
        if (this.wanted) this.subscriptions = await Promise.all(this.options.queues.map((queue) => this.options.broker.consumeAttempts(queue, { prefetch: this.options.prefetch }, (delivery) => this.received(delivery))));
        else {
          const open = this.subscriptions;
          this.subscriptions = [];
          await Promise.all(open.map((subscription) => subscription.cancel()));
        }
      } catch (error) {
        this.options.logger.error('queues could not be subscribed to or left; tried again when a slot is free', { queues: [...this.options.queues], error: String(error) });
        this.wanted = this.subscriptions.length > 0;
      }
    }
  }
}
