import { executionProto } from '@millrace/contracts';
import { backoffMs } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { MESSAGE_MAX_BYTES } from '@millrace/vocabulary';
import type { ResultSpool } from '../spool/result-spool.js';
import type { SchedulerLink } from './scheduler-link.js';
import type { WorkerSession } from './worker-session.js';

type Completion = executionProto.Completion;

interface PendingResult {
  readonly result: Completion;
  readonly home: string;
  link: SchedulerLink | undefined;
  lastLink: SchedulerLink | undefined;
  sentAt: number;
  failures: number;
  notBefore: number;
}

const ITEMS_PER_REQUEST = 500;
const REPLY_WITHIN_MS = 5_000;
/** Requests without a reply per stream; what comes meanwhile is the next batch. */
const IN_FLIGHT_MAX = 8;

/** Sends results until each is answered for good, and tells when a slot that waited for a successor is free. */
export class ResultDesk {
  private readonly pending = new Map<string, PendingResult>();
  private fresh: Completion[] = [];
  private unsent: PendingResult[] = [];
  private scheduled = false;
  private lastRequestId = 0;
  private readonly inFlight = new Map<SchedulerLink, Map<number, number>>();
  requests = 0;

  constructor(
    private readonly session: WorkerSession,
    private readonly spool: ResultSpool,
    private readonly logger: Logger,
    /** A scheduler has answered this result, for good or not yet; successors come with `next`. */
    private readonly onAnswer: (attemptId: string, result: string) => void,
  ) {
    for (const result of spool.unanswered()) this.add({ ...result, wantsMore: false }, '');
  }

  get size(): number {
    return this.pending.size;
  }

  /** Attempts that ended and are not answered for good: this worker still holds them, and nobody may take them for lost. */
  unanswered(): executionProto.ClaimItem[] {
    return [...this.pending.values()].map(({ result }) => ({ instanceId: result.instanceId, attemptId: result.attemptId, claimToken: result.claimToken }));
  }

  /** Keeps a result on disk and sends it. */
  report(result: Completion, home: string): void {
    this.fresh.push(result);
    this.add(result, home);
    this.schedule();
  }

  replied(link: SchedulerLink, reply: executionProto.CompleteReply): void {
    this.inFlight.get(link)?.delete(reply.requestId);
    for (const ack of reply.acks) {
      const pending = this.pending.get(ack.attemptId);
      if (pending === undefined) continue; // Sent twice, answered before.
      if (ack.result === 'accepted' || ack.result === 'refused') {
        this.pending.delete(ack.attemptId);
        this.spool.forget(ack.attemptId);
        if (ack.result === 'refused') this.logger.warn('a result was refused: the attempt is not current any more', { attempt_id: ack.attemptId, reason: ack.reason });
      } else {
        // Its slot is given away below.
        pending.result.wantsMore = false;
        this.again(pending, link);
      }
      this.onAnswer(ack.attemptId, ack.result);
    }
    if (this.unsent.length > 0) this.schedule();
  }

  opened(): void {
    this.schedule();
  }

  closed(link: SchedulerLink): void {
    this.inFlight.delete(link);
    for (const pending of this.pending.values()) {
      if (pending.link !== link) continue;
      pending.link = undefined;
      pending.lastLink = link;
      this.unsent.push(pending);
    }
    this.schedule();
  }

  /** A new session: no slot waits for successors any more. What was done is still told. */
  sessionLost(): void {
    for (const pending of this.pending.values()) pending.result.wantsMore = false;
  }

  /** Sends what is due again. */
  tick(): void {
    const now = performance.now();
    for (const [link, requests] of this.inFlight) {
      for (const [requestId, sentAt] of requests) if (sentAt < now - REPLY_WITHIN_MS) this.inFlight.get(link)?.delete(requestId);
    }
    for (const pending of this.pending.values()) if (pending.link !== undefined && pending.sentAt < now - REPLY_WITHIN_MS) this.again(pending, pending.link);
    if (this.unsent.length > 0) this.schedule();
  }

  private add(result: Completion, home: string): void {
    const pending: PendingResult = { result, home, link: undefined, lastLink: undefined, sentAt: 0, failures: 0, notBefore: 0 };
    this.pending.set(result.attemptId, pending);
    this.unsent.push(pending);
  }

  private again(pending: PendingResult, link: SchedulerLink): void {
    pending.failures++;
    pending.notBefore = performance.now() + backoffMs(pending.failures, { minMs: 50, maxMs: 5_000 });
    pending.link = undefined;
    pending.lastLink = link;
    this.unsent.push(pending);
    setTimeout(() => this.schedule(), pending.notBefore - performance.now() + 1);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.keep();
      this.flush();
    });
  }

  /** On disk before it is sent; a disk that refuses must not keep a result from being sent. */
  private keep(): void {
    if (this.fresh.length === 0) return;
    const results = this.fresh;
    this.fresh = [];
    try {
      this.spool.keep(results);
    } catch (error) {
      this.logger.error('results could not be kept on disk: they are lost if this worker dies before they are answered', { results: results.length, error: String(error) });
    }
  }

  private flush(): void {
    const now = performance.now();
    const due = this.unsent;
    this.unsent = [];
    const byLink = new Map<SchedulerLink, PendingResult[]>();
    for (const pending of due) {
      if (this.pending.get(pending.result.attemptId) !== pending || pending.link !== undefined) continue;
      const link = pending.notBefore > now ? undefined : this.session.link(pending.home, pending.lastLink);
      if (link === undefined || (this.inFlight.get(link)?.size ?? 0) >= IN_FLIGHT_MAX) this.unsent.push(pending);
      else byLink.get(link)?.push(pending) ?? byLink.set(link, [pending]);
    }
    for (const [link, group] of byLink) for (const batch of batches(group)) this.send(link, batch, now);
  }

  private send(link: SchedulerLink, batch: PendingResult[], now: number): void {
    const requestId = ++this.lastRequestId;
    this.requests++;
    const sent = link.send({ $case: 'complete', value: { requestId, items: batch.map((pending) => pending.result) } });
    for (const pending of batch) {
      pending.sentAt = now;
      if (sent) pending.link = link;
      else this.unsent.push(pending);
    }
    if (!sent) return;
    const requests = this.inFlight.get(link) ?? new Map<number, number>();
    this.inFlight.set(link, requests.set(requestId, now));
  }
}

/** Groups that fit into one message. */
function batches(group: PendingResult[]): PendingResult[][] {
  const made: PendingResult[][] = [];
  let current: PendingResult[] = [];
  let bytes = 0;
  for (const pending of group) {
    const size = sizeOf(pending.result);
    if (current.length > 0 && (current.length >= ITEMS_PER_REQUEST || bytes + size > MESSAGE_MAX_BYTES - 65_536)) {
      made.push(current);
      current = [];
      bytes = 0;
    }
    current.push(pending);
    bytes += size;
  }
  made.push(current);
  return made;
}

/** An upper estimate, which spares encoding every result twice. */
function sizeOf(result: Completion): number {
  let chars = 400 + result.error.length + result.resumeJson.length + result.renderedFieldsJson.length;
  for (const xcom of result.xcoms) chars += xcom.key.length + xcom.json.length + 8;
  return chars < 65_536 ? chars * 3 : executionProto.Completion.encode(result).finish().length + 16;
}
