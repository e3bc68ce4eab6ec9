import { randomBytes } from 'node:crypto';
import type { executionProto } from '@millrace/contracts';
import type { TlsFiles } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { BEAT_EVERY_MS, uuidV7From } from '@millrace/vocabulary';
import { SchedulerLink } from './scheduler-link.js';

export interface WorkerSessionOptions {
  readonly schedulerAddresses: readonly string[];
  readonly internalToken: string;
  /** How schedulers are called; null or left out: in the clear. */
  readonly tls?: TlsFiles | null;
  /** Asked at each hello, because the log port may be known only after listening. */
  readonly hello: () => Omit<executionProto.Hello, 'sessionId'>;
  /** Without a good heartbeat for this long the session is over, and its attempts must be killed. */
  readonly selfFenceMs: number;
  readonly logger: Logger;
}

export interface WorkerSessionEvents {
  /** What to say in a heartbeat. */
  beat(): executionProto.Beat;
  /** The first stream of a session is open, or another one: what waits can be sent. */
  opened(link: SchedulerLink): void;
  /** A stream is gone; replies expected from it will not come. */
  closed(link: SchedulerLink): void;
  claimed(link: SchedulerLink, reply: executionProto.ClaimReply): void;
  completed(link: SchedulerLink, reply: executionProto.CompleteReply): void;
  answered(reply: executionProto.QueryReply): void;
  cancel(attemptIds: readonly string[], reason: string): void;
  /** Somebody wants this worker to drain and end. */
  drainAsked(by: string): void;
  /** Attempts of runs that are for this worker alone. */
  offered(offer: executionProto.Offer): void;
  /** Of the runs whose shared folder is kept: over, or another worker's. */
  left(runs: readonly string[]): void;
  /** Code of an author's to run beside the slots. */
  told(callback: executionProto.Callback): void;
  reportKnown(ack: executionProto.CallbackAck): void;
  /** Every attempt of this session must be killed; a new session has begun. */
  lost(reason: string): void;
}

/** A scheduler that does not end the stream by then is left. */
const LEAVE_WITHIN_MS = 1_000;
/** Pause before a scheduler that is away is tried again while others are there; without any, a heartbeat is the longest. */
const BACKOFF_MAX_MS = 3_000;
/** Looks per fence period. */
const FENCE_TICKS = 20;
/** Longest part of a lease after which a worker must give up; the rest is for killing. */
const FENCE_OF_LEASE = 0.75;

/**
 * One life of this worker as the schedulers see it: one session id over a stream to every scheduler, one heartbeat for all.
 * The lease may run out at LEASE_TTL_MS; this side gives up earlier, so that nobody runs what others may call lost.
 */
export class WorkerSession {
  private readonly links = new Map<string, SchedulerLink>();
  private sessionId = newSessionId();
  private events!: WorkerSessionEvents;
  private beatEveryMs = BEAT_EVERY_MS;
  private fenceMs: number;
  private beatTimer: NodeJS.Timeout | undefined;
  private fenceTimer: NodeJS.Timeout | undefined;
  /** Monotonic time at which the newest heartbeat that was answered had been sent; undefined before the first welcome. */
  private lastGoodAt: number | undefined;
  private awaited: { link: SchedulerLink; sentAt: number } | undefined;
  private beatLink: SchedulerLink | undefined;

  constructor(private readonly options: WorkerSessionOptions) {
    this.fenceMs = options.selfFenceMs;
  }

  start(events: WorkerSessionEvents): void {
    this.events = events;
    for (const address of this.options.schedulerAddresses) this.addLink(address);
    this.fenceTimer = setInterval(() => this.checkFence(), Math.max(20, Math.floor(this.options.selfFenceMs / FENCE_TICKS)));
    this.scheduleBeat();
  }

  /**
   * Takes leave: every scheduler hears a last heartbeat and the end of its stream, and so ends the session instead of
   * waiting for its lease. Only for a worker that drains, runs nothing and has told all its results.
   */
  async finish(): Promise<void> {
    clearInterval(this.fenceTimer);
    clearTimeout(this.beatTimer);
    const links = this.openLinks();
    for (const link of links) link.send({ $case: 'beat', value: this.events.beat() });
    await Promise.all(links.map((link) => link.finish(LEAVE_WITHIN_MS)));
    this.stop();
  }

  /** Leaves without a word: the lease ends the session. */
  stop(): void {
    clearInterval(this.fenceTimer);
    clearTimeout(this.beatTimer);
    for (const link of this.links.values()) link.close();
    this.links.clear();
  }

  get isConnected(): boolean {
    return this.openLinks().length > 0;
  }

  get id(): string {
    return this.sessionId;
  }

  /** The stream to this scheduler if it is open, else any open one that is not `except` (or that one, if there is no other). */
  link(schedulerId: string, except?: SchedulerLink): SchedulerLink | undefined {
    let other: SchedulerLink | undefined;
    for (const link of this.links.values()) {
      if (!link.isOpen) continue;
      if (link.schedulerId === schedulerId && link !== except) return link;
      if (other === undefined || other === except) other = link;
    }
    return other;
  }

  openLinks(): SchedulerLink[] {
    return [...this.links.values()].filter((link) => link.isOpen);
  }

  /** Sends a heartbeat now, besides the regular ones. */
  beatNow(): void {
    clearTimeout(this.beatTimer);
    this.beat();
    this.scheduleBeat();
  }

  private scheduleBeat(): void {
    this.beatTimer = setTimeout(() => this.beatNow(), this.beatEveryMs);
  }

  private beat(): void {
    // A stream that has not answered the last heartbeat may be dead in silence: try another.
    const silent = this.awaited?.link;
    if (this.beatLink === undefined || !this.beatLink.isOpen || this.beatLink === silent) this.beatLink = this.link('', silent);
    if (this.beatLink === undefined) return;
    const sentAt = performance.now();
    if (this.beatLink.send({ $case: 'beat', value: this.events.beat() })) this.awaited = { link: this.beatLink, sentAt };
  }

  private addLink(address: string): void {
    if (this.links.has(address)) return;
    const link = new SchedulerLink(address, this.options.internalToken, {
      hello: () => ({ ...this.options.hello(), sessionId: this.sessionId }),
      opened: (opened, welcome, helloSentAt) => this.opened(opened, welcome, helloSentAt),
      received: (from, response) => this.received(from, response),
      closed: (closed, reason, wasOpen) => this.closed(closed, reason, wasOpen),
      backoffMaxMs: () => (this.isConnected ? BACKOFF_MAX_MS : Math.min(BACKOFF_MAX_MS, this.beatEveryMs)),
    }, this.options.tls ?? null);
    this.links.set(address, link);
    link.connect();
  }

  private opened(link: SchedulerLink, welcome: executionProto.Welcome, helloSentAt: number): void {
    if (welcome.beatEveryMs > 0) this.beatEveryMs = welcome.beatEveryMs;
    this.fenceMs = this.fenceWithin(welcome.leaseTtlMs);
    this.lastGoodAt = Math.max(this.lastGoodAt ?? 0, helloSentAt);
    this.options.logger.info('connected to a scheduler', { address: link.address, scheduler_id: link.schedulerId, session_id: this.sessionId });
    this.learn(welcome.schedulers);
    this.events.opened(link);
    this.beatNow();
  }

  private received(link: SchedulerLink, response: executionProto.SessionResponse): void {
    const body = response.body;
    switch (body?.$case) {
      case 'claim':
        return this.events.claimed(link, body.value);
      case 'complete':
        return this.events.completed(link, body.value);
      case 'query':
        return this.events.answered(body.value);
      case 'beat':
        if (this.awaited?.link === link) {
          this.lastGoodAt = this.awaited.sentAt;
          this.awaited = undefined;
        }
        this.learn(body.value.schedulers);
        if (body.value.drainAskedBy !== '') this.events.drainAsked(body.value.drainAskedBy);
        if (body.value.leftRuns.length > 0) this.events.left(body.value.leftRuns);
        if (body.value.cancelAttemptIds.length > 0) this.events.cancel(body.value.cancelAttemptIds, 'the scheduler says this attempt is not current any more');
        return;
      case 'cancel':
        return this.events.cancel(body.value.attemptIds, body.value.reason);
      case 'ended':
        return this.over(`the scheduler ended the session: ${body.value.reason}`);
      case 'offer':
        return this.events.offered(body.value);
      case 'callback':
        return this.events.told(body.value);
      case 'callbackAck':
        return this.events.reportKnown(body.value);
      case 'welcome':
      case undefined:
        return; // A newer scheduler may say what this worker does not know.
      default:
        body satisfies never;
    }
  }

  private closed(link: SchedulerLink, reason: string, wasOpen: boolean): void {
    this.options.logger.warn('a scheduler cannot be reached', { address: link.address, reason });
    if (this.awaited?.link === link) this.awaited = undefined;
    // One that came back meanwhile must not be found too late: schedulers are replaced one after the other.
    if (wasOpen) for (const other of this.links.values()) if (other !== link) other.connectNow();
    this.events.closed(link);
    if (this.beatLink === link) this.beatNow();
  }

  /** Streams to every scheduler that lives; one that is not listed any more and cannot be reached is dropped. */
  private learn(schedulers: readonly executionProto.SchedulerAddress[]): void {
    if (schedulers.length === 0) return;
    for (const { address } of schedulers) if (address !== '') this.addLink(address);
    const listed = new Set([...schedulers.map((scheduler) => scheduler.address), ...this.options.schedulerAddresses]);
    for (const [address, link] of this.links) {
      if (listed.has(address) || link.isOpen) continue;
      link.close();
      this.links.delete(address);
    }
  }

  /** Its attempts must be dead before anyone may call them lost, whatever this worker was configured with. */
  private fenceWithin(leaseTtlMs: number): number {
    const longest = leaseTtlMs * FENCE_OF_LEASE;
    if (leaseTtlMs <= 0 || this.options.selfFenceMs <= longest) return this.options.selfFenceMs;
    this.options.logger.warn('worker.self_fence_ms is too long for the lease of the schedulers; a shorter one is used', { self_fence_ms: this.options.selfFenceMs, lease_ttl_ms: leaseTtlMs, used_ms: longest });
    return longest;
  }

  private checkFence(): void {
    if (this.lastGoodAt === undefined || performance.now() - this.lastGoodAt <= this.fenceMs) return;
    this.over(`no heartbeat was answered for ${this.fenceMs} ms`);
  }

  private over(reason: string): void {
    this.options.logger.error('the session is over: its attempts are killed, a new one begins', { session_id: this.sessionId, reason });
    this.sessionId = newSessionId();
    this.lastGoodAt = undefined;
    this.awaited = undefined;
    this.events.lost(reason);
    for (const link of this.links.values()) link.reconnect('a new session begins');
  }
}

function newSessionId(): string {
  return uuidV7From(Date.now(), randomBytes(10));
}
