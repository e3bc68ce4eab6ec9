import type { executionProto } from '@millrace/contracts';
import type { SchedulerLink } from './scheduler-link.js';
import type { WorkerSession } from './worker-session.js';

type Query = executionProto.Query;

interface PendingQuery {
  readonly query: Query;
  readonly home: string;
  readonly resolve: (reply: executionProto.QueryReply) => void;
  readonly reject: (error: Error) => void;
  readonly askedAt: number;
  link: SchedulerLink | undefined;
  sentAt: number;
}

const REPLY_WITHIN_MS = 5_000;
/** A task that reads while every scheduler is away waits this long before its try fails. */
const GIVE_UP_AFTER_MS = 60_000;

/** Reads for running tasks: XComs, variables, connections. Asked again when a stream breaks: reading twice changes nothing. */
export class QueryDesk {
  private readonly pending = new Map<number, PendingQuery>();
  private lastRequestId = 0;

  constructor(private readonly session: WorkerSession) {}

  /** Rejects with what the scheduler said, or when no scheduler answered for a minute. */
  ask(query: Omit<Query, 'requestId'>, home: string): Promise<executionProto.QueryReply> {
    return new Promise((resolve, reject) => {
      const requestId = ++this.lastRequestId;
      const pending: PendingQuery = { query: { ...query, requestId }, home, resolve, reject, askedAt: performance.now(), link: undefined, sentAt: 0 };
      this.pending.set(requestId, pending);
      this.send(pending);
    });
  }

  answered(reply: executionProto.QueryReply): void {
    const pending = this.pending.get(reply.requestId);
    if (pending === undefined) return;
    this.pending.delete(reply.requestId);
    if (reply.error === '') pending.resolve(reply);
    else pending.reject(new Error(reply.error));
  }

  opened(): void {
    for (const pending of this.pending.values()) if (pending.link === undefined) this.send(pending);
  }

  closed(link: SchedulerLink): void {
    for (const pending of this.pending.values()) {
      if (pending.link !== link) continue;
      pending.link = undefined;
      this.send(pending);
    }
  }

  tick(): void {
    const now = performance.now();
    for (const [requestId, pending] of this.pending) {
      if (now - pending.askedAt > GIVE_UP_AFTER_MS) {
        this.pending.delete(requestId);
        pending.reject(new Error(`no scheduler answered within ${GIVE_UP_AFTER_MS / 1_000} s`));
      } else if (pending.link === undefined || now - pending.sentAt > REPLY_WITHIN_MS) this.send(pending);
    }
  }

  private send(pending: PendingQuery): void {
    const link = this.session.link(pending.home, pending.link);
    if (link === undefined || !link.send({ $case: 'query', value: pending.query })) return;
    pending.link = link;
    pending.sentAt = performance.now();
  }
}
