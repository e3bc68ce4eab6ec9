import { rm } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import type { OutsideSecrets } from '@millrace/configuration';
import type { RunnerAnswer, RunnerQuestion, executionProto } from '@millrace/contracts';
import { ManagedService, pause, type HealthReport } from '@millrace/lifecycle';
import type { Broker } from '@millrace/messaging';
import type { Logger, Traces } from '@millrace/telemetry';
import { BundleCache } from '../bundle-cache/bundle-cache.js';
import type { RunnerPool } from '../runner-pool/runner-pool.js';
import { ClaimDesk, type ClaimAnswer } from '../session/claim-desk.js';
import { CallbackDesk } from '../callbacks/callback-desk.js';
import { QueryDesk } from '../session/query-desk.js';
import { ResultDesk } from '../session/result-desk.js';
import type { SchedulerLink } from '../session/scheduler-link.js';
import type { WorkerSession } from '../session/worker-session.js';
import type { ResultSpool } from '../spool/result-spool.js';
import { Attempt, type AttemptTools } from './attempt.js';
import { Intake } from './intake.js';
import { answerOf, queryOf, runScratchOf, type RunPlaces } from './run-request.js';
import { AttemptSpans } from './attempt-spans.js';
import type { WorkerMetrics } from './worker-metrics.js';

export interface TaskWorkerOptions extends RunPlaces {
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly bundleFolder: string;
  readonly killGraceMs: number;
  readonly drainGraceMs: number;
  /** A slot is offered to the queue at least this often, however much this worker is handed. Default 250. */
  readonly offerEveryMs?: number;
}

export interface TaskWorkerParts {
  readonly broker: Broker;
  readonly session: WorkerSession;
  readonly pool: RunnerPool;
  readonly spool: ResultSpool;
  readonly metrics: WorkerMetrics;
  /** Connections and variables of this worker's own; asked before the scheduler. Default: none. */
  readonly outside?: OutsideSecrets;
  /** Default: none. */
  readonly traces?: Traces;
  readonly logger: Logger;
  /** Somebody asked through the api that this worker drains; told with every heartbeat until it does. Default: nobody listens. */
  readonly onDrainAsked?: (by: string) => void;
}

const TICK_MS = 250;
const OFFER_EVERY_MS = 250;
/** After the last task: how long results may still be delivered before the worker ends; the spool keeps the rest. */
const FLUSH_WITHIN_MS = 5_000;
const BUNDLE_WITHIN_MS = 30_000;

/** The supervisor: takes messages, claims, runs attempts in runner processes, reports. Owns the slots. */
export class TaskWorker extends ManagedService {
  readonly name = 'worker';
  private readonly running = new Map<string, Attempt>();
  /** Ended attempts whose slot waits for the successor their scheduler may hand over. */
  private offeredAt = performance.now();
  private readonly reserved = new Set<string>();
  /** Runs that are for this worker alone, with the folder their tasks share. */
  private readonly keptRuns = new Map<string, string>();
  private readonly claims: ClaimDesk;
  private readonly results: ResultDesk;
  private readonly queries: QueryDesk;
  private readonly intake: Intake;
  private readonly callbacks: CallbackDesk;
  private readonly tools: AttemptTools;
  private tickTimer: NodeJS.Timeout | undefined;
  private readonly spans: AttemptSpans | undefined;
  private draining = false;
  private pumpScheduled = false;
  private idleWaiters: (() => void)[] = [];

  constructor(
    private readonly options: TaskWorkerOptions,
    private readonly parts: TaskWorkerParts,
  ) {
    super();
    const { session, logger } = parts;
    this.spans = parts.traces?.enabled === true ? new AttemptSpans(parts.traces) : undefined;
    this.claims = new ClaimDesk(session);
    this.queries = new QueryDesk(session);
    this.results = new ResultDesk(session, parts.spool, logger, (attemptId, result) => {
      this.spans?.answered(attemptId, result);
      this.release(attemptId);
    });
    this.intake = new Intake(this.claims, {
      broker: parts.broker,
      queues: options.queues,
      prefetch: options.concurrency,
      logger,
      freeSlots: () => this.freeSlots,
      onAnswer: (answer, receivedAt) => this.onClaimAnswer(answer, receivedAt),
    });
    const bundles = new BundleCache(options.bundleFolder, (hash) => this.fetchBundle(hash));
    this.callbacks = new CallbackDesk(session, { pool: parts.pool, bundles, places: options, killGraceMs: options.killGraceMs, logger, ask: (grant, question) => this.ask(grant, question) });
    this.tools = {
      pool: parts.pool,
      bundles,
      places: this.spans === undefined ? options : { ...options, traceparent: (grant) => this.spans!.contextOf(grant) },
      killGraceMs: options.killGraceMs,
      logger,
      ask: (grant, question) => this.ask(grant, question),
      onStart: (attempt) => parts.metrics.started((performance.now() - attempt.receivedAt) / 1_000),
      onEnd: (attempt, completion) => this.onEnd(attempt, completion),
    };
  }

  get runningCount(): number {
    return this.running.size;
  }
  get isDraining(): boolean {
    return this.draining;
  }
  get spooledCount(): number {
    return this.results.size;
  }
  /** None without a scheduler: messages taken now could not be claimed, and other workers may reach one. None while draining. */
  get freeSlots(): number {
    if (this.draining || !this.parts.session.isConnected) return 0;
    return this.options.concurrency - this.running.size - this.claims.size - this.reserved.size;
  }

  health(): HealthReport {
    const { session, broker } = this.parts;
    const brokerHealth = broker.health();
    const connected = session.isConnected;
    return {
      ok: connected && brokerHealth.ok && !this.draining,
      checks: {
        schedulers: connected ? { ok: true, detail: `${session.openLinks().length} connected` } : { ok: false, detail: 'no scheduler can be reached; tried again' },
        draining: { ok: !this.draining },
        ...brokerHealth.checks,
      },
    };
  }

  protected async open(): Promise<void> {
    this.draining = false;
    // Scratch folders of a life that was killed.
    await rm(this.options.scratchFolder, { recursive: true, force: true });
    await this.parts.pool.start();
    this.parts.session.start({
      beat: () => ({ freeSlots: Math.max(0, this.freeSlots), running: [...[...this.running.values()].map((attempt) => attempt.claim), ...this.results.unanswered()], draining: this.draining, spooled: this.results.size, keptRuns: [...this.keptRuns.keys()] }),
      opened: () => {
        this.claims.opened();
        this.results.opened();
        this.queries.opened();
        this.callbacks.opened();
        this.schedulePump();
      },
      closed: (link) => {
        this.claims.closed(link);
        this.results.closed(link);
        this.queries.closed(link);
      },
      claimed: (_, reply) => this.claims.replied(reply),
      completed: (link, reply) => this.onCompleted(link, reply),
      answered: (reply) => this.queries.answered(reply),
      offered: (offer) => this.intake.offered(offer.attempts.map(({ instanceId, attemptId }) => [instanceId, attemptId] as const), offer.homeSchedulerId),
      left: (runs) => void this.leave(runs),
      told: (callback) => this.callbacks.begin(callback),
      reportKnown: (ack) => this.callbacks.known(ack),
      cancel: (attemptIds, reason) => {
        for (const attemptId of attemptIds) this.running.get(attemptId)?.stop(`cancelled: ${reason}`, true);
      },
      lost: (reason) => this.onSessionLost(reason),
      drainAsked: (by) => this.parts.onDrainAsked?.(by),
    });
    this.tickTimer = setInterval(() => {
      this.claims.tick();
      this.results.tick();
      this.queries.tick();
      this.callbacks.tick();
      this.intake.tick();
    }, TICK_MS);
    this.intake.start();
  }

  /** Drains: heartbeats go on until the last task is done, since a worker without them is called lost and its tasks are doubled. */
  protected async close(): Promise<void> {
    const { session, pool, spool, logger } = this.parts;
    this.draining = true;
    await this.intake.stop();
    session.beatNow();
    if (this.running.size + this.claims.size > 0) logger.info('draining', { running: this.running.size, grace_ms: this.options.drainGraceMs });
    // Answers under way may still hand over a successor.
    await Promise.race([this.idle(() => this.running.size + this.claims.size + this.reserved.size === 0), pause(this.options.drainGraceMs)]);
    for (const attempt of this.running.values()) attempt.stop('the worker was stopped before the task was done', true);
    await this.idle(() => this.running.size === 0);
    await Promise.race([Promise.all([this.idle(() => this.results.size === 0), this.callbacks.idle()]), pause(FLUSH_WITHIN_MS)]);
    if (this.results.size > 0) logger.warn('results wait in the spool for the next worker', { results: this.results.size });
    clearInterval(this.tickTimer);
    await pool.stop();
    // With results left the session must not end: its attempts would be called lost before the next worker tells them.
    if (this.results.size === 0) await session.finish();
    else session.stop();
    spool.close();
  }

  private onClaimAnswer(answer: ClaimAnswer, receivedAt: number): void {
    this.parts.metrics.claimed(answer.kind);
    if (answer.kind === 'granted') this.begin(answer.grant, receivedAt);
    else this.schedulePump();
    this.wakeIdle();
  }

  private begin(grant: executionProto.Grant, receivedAt: number): void {
    if (this.running.has(grant.attemptId)) return; // The same answer twice.
    if (grant.placementGeneration > 0) this.keptRuns.set(grant.runUuid, runScratchOf(grant, this.options.scratchFolder));
    const attempt = new Attempt(grant, receivedAt, this.tools);
    this.running.set(grant.attemptId, attempt);
    attempt.start();
  }

  /** Shared folders of runs that are over, or went to another worker. */
  private async leave(runs: readonly string[]): Promise<void> {
    for (const run of runs) {
      const folder = this.keptRuns.get(run);
      if (folder === undefined || [...this.running.values()].some((attempt) => attempt.grant.runUuid === run)) continue;
      this.keptRuns.delete(run);
      await rm(folder, { recursive: true, force: true }).catch((error: unknown) => this.parts.logger.warn('the shared folder of a run could not be removed', { run, error: String(error) }));
    }
  }

  private onEnd(attempt: Attempt, completion: executionProto.Completion | null): void {
    const { attemptId, homeSchedulerId } = attempt.grant;
    this.running.delete(attemptId);
    if (completion !== null) {
      this.spans?.ended(attempt.grant, completion);
      this.parts.metrics.completed(completion.outcome, (performance.now() - attempt.receivedAt) / 1_000);
      this.logEnd(attempt, completion);
      // The slot waits for what comes with the answer, but not for ever: a wide run or a long chain would keep it from what waits.
      if (this.freeSlots > 0 && !this.isOffered()) {
        completion.wantsMore = true;
        completion.onlySuccessor = this.intake.hasWaiting;
        this.reserved.add(attemptId);
      }
      this.results.report(completion, homeSchedulerId);
    }
    this.schedulePump();
    this.wakeIdle();
  }

  private logEnd({ grant }: Attempt, { outcome, error }: executionProto.Completion): void {
    const fields = { dag_id: grant.dagId, run_id: grant.runId, task_id: grant.taskId, try_number: grant.tryNumber, attempt_id: grant.attemptId, outcome };
    if (outcome === 'failed') this.parts.logger.info('attempt failed', { ...fields, error: error.split('\n', 1)[0] });
    else this.parts.logger.debug('attempt ended', fields);
  }

  /** Now and then a slot goes to the queue, whatever comes with an answer: what waits there is not known here. */
  private isOffered(): boolean {
    const now = performance.now();
    if (now - this.offeredAt < (this.options.offerEveryMs ?? OFFER_EVERY_MS)) return false;
    this.offeredAt = now;
    return true;
  }

  private onCompleted(link: SchedulerLink, reply: executionProto.CompleteReply): void {
    const now = performance.now();
    for (const grant of reply.next) {
      this.parts.metrics.continued();
      this.intake.handedOver(grant.attemptId);
      this.begin(grant, now);
    }
    this.results.replied(link, reply);
    this.wakeIdle();
  }

  /** At once: the slot of a chain that is over goes to what waits. */
  private release(attemptId: string): void {
    if (this.reserved.delete(attemptId)) this.schedulePump();
  }

  private onSessionLost(reason: string): void {
    this.parts.metrics.sessionLost();
    for (const attempt of this.running.values()) attempt.stop(reason, false);
    this.reserved.clear();
    this.intake.sessionLost();
    this.claims.drop();
    this.results.sessionLost();
    this.wakeIdle();
  }

  private async ask(grant: executionProto.Grant, question: RunnerQuestion): Promise<RunnerAnswer> {
    const { outside } = this.parts;
    if (outside !== undefined && question.ask === 'variable') {
      const text = outside.variable(question.key);
      if (text !== undefined) return { json: text };
    }
    if (outside !== undefined && question.ask === 'connection') {
      const connection = outside.connection(question.connectionId);
      if (connection !== undefined) return { json: JSON.stringify(connection) };
    }
    return answerOf(question, await this.queries.ask(queryOf(grant, question), grant.homeSchedulerId));
  }

  private async *fetchBundle(hash: string): AsyncGenerator<Uint8Array> {
    const link = this.parts.session.link('');
    if (link === undefined) throw Object.assign(new Error('no scheduler is connected'), { code: status.UNAVAILABLE });
    for await (const message of link.client.getBundle({ bundleHash: hash }, link.metadata(), { deadline: Date.now() + BUNDLE_WITHIN_MS })) yield (message as executionProto.GetBundleResponse).chunk;
  }

  private schedulePump(): void {
    if (this.pumpScheduled) return;
    this.pumpScheduled = true;
    setImmediate(() => {
      this.pumpScheduled = false;
      this.intake.pump();
    });
  }

  private async idle(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
  }

  private wakeIdle(): void {
    if (this.idleWaiters.length === 0) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const wake of waiters) wake();
  }
}
