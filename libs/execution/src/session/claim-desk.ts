import type { executionProto } from '@millrace/contracts';
import type { SchedulerLink } from './scheduler-link.js';
import type { WorkerSession } from './worker-session.js';

type Grant = executionProto.Grant;

/** What a scheduler said to one claim. `later`: undecided; the message goes back to its queue. */
export type ClaimAnswer = { readonly kind: 'granted'; readonly grant: Grant } | { readonly kind: 'refused' } | { readonly kind: 'later' };

interface PendingClaim {
  readonly item: executionProto.ClaimItem;
  readonly home: string;
  readonly onAnswer: (answer: ClaimAnswer) => void;
  link: SchedulerLink | undefined;
  sentAt: number;
}

const ITEMS_PER_REQUEST = 500;
/** A reply that has not come by then is asked for again, elsewhere if possible. */
const REPLY_WITHIN_MS = 3_000;

/**
 * Claims attempts. A claim is never given up while the session lives: its reply may be lost after the commit, and then only
 * the same token again learns that the attempt is ours to run.
 */
export class ClaimDesk {
  private readonly pending = new Map<string, PendingClaim>();
  private unsent: PendingClaim[] = [];
  private scheduled = false;
  private lastRequestId = 0;
  requests = 0;

  constructor(private readonly session: WorkerSession) {}

  get size(): number {
    return this.pending.size;
  }

  claim(item: executionProto.ClaimItem, home: string, onAnswer: PendingClaim['onAnswer']): void {
    const claim: PendingClaim = { item, home, onAnswer, link: undefined, sentAt: 0 };
    this.pending.set(item.attemptId, claim);
    this.unsent.push(claim);
    this.schedule();
  }

  isPending(attemptId: string): boolean {
    return this.pending.has(attemptId);
  }

  replied(reply: executionProto.ClaimReply): void {
    for (const grant of reply.grants) this.settle(grant.attemptId, { kind: 'granted', grant });
    for (const attemptId of reply.refused) this.settle(attemptId, { kind: 'refused' });
    for (const attemptId of reply.later) this.settle(attemptId, { kind: 'later' });
  }

  /** A stream opened: what waited for one goes out. */
  opened(): void {
    this.schedule();
  }

  /** A stream broke: the same tokens go out again. */
  closed(link: SchedulerLink): void {
    for (const claim of this.pending.values()) if (claim.link === link) this.again(claim);
    this.schedule();
  }

  /** Asks again for replies that are overdue. */
  tick(): void {
    const overdue = performance.now() - REPLY_WITHIN_MS;
    for (const claim of this.pending.values()) if (claim.link !== undefined && claim.sentAt < overdue) this.again(claim);
    if (this.unsent.length > 0) this.schedule();
  }

  /** The session is over: what it claimed becomes lost with it, whatever the replies would have been. */
  drop(): void {
    const dropped = [...this.pending.values()];
    this.pending.clear();
    this.unsent = [];
    for (const claim of dropped) claim.onAnswer({ kind: 'later' });
  }

  private again(claim: PendingClaim): void {
    claim.link = undefined;
    this.unsent.push(claim);
  }

  private settle(attemptId: string, answer: ClaimAnswer): void {
    const claim = this.pending.get(attemptId);
    if (claim === undefined) return; // Answered before: a doubled reply changes nothing.
    if (answer.kind === 'granted' && answer.grant.claimToken !== claim.item.claimToken) return;
    this.pending.delete(attemptId);
    claim.onAnswer(answer);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    const claims = this.unsent.filter((claim) => this.pending.get(claim.item.attemptId) === claim);
    this.unsent = [];
    const byLink = new Map<SchedulerLink, PendingClaim[]>();
    for (const claim of claims) {
      const link = this.session.link(claim.home, claim.link);
      if (link === undefined) this.unsent.push(claim);
      else byLink.get(link)?.push(claim) ?? byLink.set(link, [claim]);
    }
    for (const [link, group] of byLink) {
      for (let i = 0; i < group.length; i += ITEMS_PER_REQUEST) this.send(link, group.slice(i, i + ITEMS_PER_REQUEST));
    }
  }

  private send(link: SchedulerLink, claims: PendingClaim[]): void {
    const sentAt = performance.now();
    this.requests++;
    const sent = link.send({ $case: 'claim', value: { requestId: ++this.lastRequestId, items: claims.map((claim) => claim.item) } });
    for (const claim of claims) {
      claim.sentAt = sentAt;
      if (sent) claim.link = link;
      else this.unsent.push(claim);
    }
  }
}
