import type { RunEvent } from '@millrace/engine';
import type { Broker } from '@millrace/messaging';
import type { AttemptNames, Database, SessionState, StuckRuns, WorkerSessions, UnclaimedAttempt } from '@millrace/persistence';
import { DAGS_WITH_QUEUED_RUNS, Deadlines } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { SessionId } from '@millrace/vocabulary';
import type { Admission } from '../admission/admission.js';
import type { MaintenanceWatch } from '../maintenance/maintenance-watch.js';
import type { Placement } from '../placement/placement.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import type { CallbackDesk } from '../callbacks/callback-desk.js';
import type { ScheduledRuns } from '../schedules/scheduled-runs.js';
import type { WorkerDirectory } from '../sessions/worker-directory.js';
import type { AssetRuns } from '../assets/asset-runs.js';
import type { OutboxRunner } from '../outbox/outbox-runner.js';
import type { StartRuns } from '../starts/start-runs.js';
import type { ExternalStopper } from '../external-tasks/external-stopper.js';
import type { SignalDesk } from '../signals/signal-desk.js';
import type { TimerWatch } from '../timers/timer-watch.js';
import { groupBy } from '../grouping/group-by.js';

export interface SweeperOptions {
  readonly leaseTtlMs: number;
  /** A queued attempt nobody claimed is published again after this long, when its queue is empty. */
  readonly republishAfterMs: number;
  /** A claimed attempt its worker does not hold counts as never delivered this long after the claim. */
  readonly deliveryGraceMs: number;
  /** A run nothing will move is looked at again after this long. */
  readonly idleAfterMs: number;
}

/** What one pass mended. In a healthy system only `timers` and `started` are ever not zero, and those only without the doorbell. */
export interface SweepReport {
  timers: number;
  started: number;
  events: number;
  lost: number;
  republished: number;
  undelivered: number;
  signals: number;
  idle: number;
  scheduled: number;
  /** Runs that assets ask for. */
  assets: number;
  effects: number;
  deadlines: number;
  /** Grants of slots nobody had acted on. */
  slots: number;
}

/** When how much of a queue is not known, an attempt is published again after this many times the usual wait. */
const UNKNOWN_DEPTH_FACTOR = 6;
/** Passes between looks that read more than a handful of rows. */
const EVERY_FEW = 3;
const EVERY_MANY = 10;

/**
 * Finds what events missed: every unfinished state has something here that moves it on. Never on the path between two tasks;
 * with the doorbell cut it alone carries everything, only slower.
 */
export class Sweeper {
  #pass = 0;
  #acceptableSinceMs = performance.now();
  #lastPassMs = performance.now();
  nextScheduleInMs: number | null = null;

  constructor(
    private readonly database: Database,
    private readonly stuck: StuckRuns,
    private readonly sessions: WorkerSessions,
    private readonly apply: ApplyRuns,
    private readonly parts: {
      readonly starts: StartRuns;
      readonly timerWatch: TimerWatch;
      readonly signals: SignalDesk;
      readonly external: ExternalStopper;
      readonly dispatcher: Dispatcher;
      readonly schedules: ScheduledRuns;
      readonly workers: WorkerDirectory;
      readonly outbox: OutboxRunner;
      readonly callbacks: CallbackDesk;
      readonly assets: AssetRuns;
      readonly admission: Admission;
      readonly placement: Placement;
      readonly maintenance: MaintenanceWatch;
      readonly cache: RunCache;
      readonly broker: Broker;
      readonly logger: Logger;
    },
    private readonly options: SweeperOptions,
  ) {}

  /** Heartbeats could not be accepted: leases may run out through no fault of the workers. */
  outage(): void {
    this.#acceptableSinceMs = performance.now();
  }

  async once(): Promise<SweepReport> {
    const nowMs = performance.now();
    // This process was stalled or frozen: heartbeats waited in its sockets, so what it believes of leases is out of date.
    if (nowMs - this.#lastPassMs > this.options.leaseTtlMs / 3) this.outage();
    this.#lastPassMs = nowMs;
    const report: SweepReport = { timers: 0, started: 0, events: 0, lost: 0, republished: 0, undelivered: 0, signals: 0, idle: 0, scheduled: 0, assets: 0, effects: 0, deadlines: 0, slots: 0 };
    try {
      const isMaintenanceOver = await this.parts.maintenance.look();
      const { held } = this.parts.maintenance;
      report.timers = await this.#dueTimers();
      if (held) this.nextScheduleInMs = null;
      else {
        report.scheduled = await this.#schedules();
        report.started = await this.#queuedRuns();
      }
      report.events = await this.#events();
      report.deadlines = await this.#deadlines();
      report.effects = await this.parts.outbox.once();
      await this.parts.callbacks.once();
      report.assets = await this.parts.assets.sweep();
      report.signals = await this.parts.signals.deliver(null);
      // Beside the pass: a platform that does not answer holds up nothing.
      this.parts.external.poke();
      report.lost = await this.#closedSessions();
      report.slots = await this.parts.admission.sweep();
      if (isMaintenanceOver) await this.#unclaimed(true);
      if (this.#pass % EVERY_FEW === 0) {
        if (!held && !isMaintenanceOver) report.republished = await this.#unclaimed();
        report.undelivered = await this.#undelivered();
        await this.parts.callbacks.repair();
      }
      if (this.#pass % EVERY_MANY === 0) {
        report.idle = await this.#idleRuns();
        await this.parts.signals.forgetOfEnded();
      }
      this.#pass++;
    } catch (error) {
      this.outage();
      throw error;
    }
    return report;
  }

  async #dueTimers(): Promise<number> {
    return this.parts.timerWatch.sweep();
  }

  async #schedules(): Promise<number> {
    const { made, nextInMs } = await this.parts.schedules.once();
    this.nextScheduleInMs = nextInMs;
    return made;
  }

  async #queuedRuns(): Promise<number> {
    const dags = await this.database.query<{ dagId: string }>(DAGS_WITH_QUEUED_RUNS);
    const started = await Promise.all(dags.map(({ dagId }) => this.parts.starts.forDag(dagId)));
    return started.reduce((sum, count) => sum + count, 0);
  }

  async #events(): Promise<number> {
    const rows = await this.stuck.withEvents(1_000);
    for (const row of rows) void this.apply.submit(row.runId, { event: row.payload as RunEvent, runEventId: row.id, fresh: true });
    return rows.length;
  }

  /** Leases end only after heartbeats were acceptable here for a full lease: an outage of ours is no massacre of theirs. */
  async #closedSessions(): Promise<number> {
    if (performance.now() - this.#acceptableSinceMs > this.options.leaseTtlMs) {
      for (const session of await this.sessions.expire()) {
        this.parts.logger.warn('worker lost: no heartbeat for a full lease', { worker: session.workerName, session_id: session.id, last_beat: new Date(session.lastBeatMs).toISOString() });
        this.parts.workers.endSession(session.id, 'the lease ran out');
      }
    }
    const rows = await this.sessions.attemptsOfClosedSessions();
    const settled = new Map<SessionId, boolean>();
    let lost = 0;
    await Promise.all(
      rows.map(async (row) => {
        if (row.instanceId === null || row.attemptId === null || row.runId === null) return void settled.set(row.sessionId, settled.get(row.sessionId) ?? true);
        const reason = lostReason(row.workerName, row.sessionState, row.lastBeatMs);
        const result = await this.apply.submit(row.runId, { event: { type: 'lost', instanceId: row.instanceId, attemptId: row.attemptId, reason, started: true }, fresh: true });
        if (result.kind === 'applied') {
          lost++;
          this.#tellLost(row.names, row.attemptId, row.workerName, reason);
        }
        settled.set(row.sessionId, (settled.get(row.sessionId) ?? true) && result.kind !== 'later');
      }),
    );
    await this.sessions.close([...settled].flatMap(([id, done]) => (done ? [id] : [])));
    return lost;
  }

  /** What should have happened by now, and did not. */
  async #deadlines(): Promise<number> {
    const missed = await new Deadlines(this.database).miss();
    for (const miss of missed) this.parts.logger.warn('a deadline was missed', { dag_id: miss.dagId, run_id: miss.runId ?? '', deadline: miss.name, due_at: miss.dueAt.toISOString() });
    return missed.length;
  }

  /** @param all also what is in its queue already; twice is harmless */
  async #unclaimed(all = false): Promise<number> {
    const waiting = await this.stuck.unclaimed(all ? 0 : this.options.republishAfterMs);
    const pinned = waiting.filter((attempt) => attempt.isPinned);
    let count = await this.#offerAgain(pinned);
    for (const [queue, attempts] of groupBy(waiting.filter((attempt) => !attempt.isPinned), (attempt) => attempt.queue)) {
      const depth = all ? 0 : await this.parts.broker.depth(queue);
      if (depth !== null && depth > 0) continue;
      const again = depth === 0 ? attempts : attempts.filter((attempt) => attempt.waitedMs > this.options.republishAfterMs * UNKNOWN_DEPTH_FACTOR);
      this.parts.dispatcher.publish(again);
      count += again.length;
    }
    return count;
  }

  /** Runs that are for one worker: its worker may be gone, not connected where the offer was made, or the offer lost. */
  async #offerAgain(attempts: readonly UnclaimedAttempt[]): Promise<number> {
    if (attempts.length === 0) return 0;
    const headers = await this.parts.cache.headers([...new Set(attempts.map((attempt) => attempt.runId))]);
    for (const [runId, same] of groupBy(attempts, (attempt) => attempt.runId)) {
      const header = headers.get(runId);
      if (header !== undefined) await this.parts.placement.offer(runId, this.parts.cache.version(header.dagVersionId).plan.queues, same);
    }
    return attempts.length;
  }

  async #undelivered(): Promise<number> {
    const rows = await this.sessions.undelivered(this.options.deliveryGraceMs);
    const results = await Promise.all(
      rows.map(async (row) => {
        const reason = `claimed for worker ${row.workerName}, whose heartbeats do not name it: the answer to the claim was lost`;
        const result = await this.apply.submit(row.runId, { event: { type: 'lost', instanceId: row.instanceId, attemptId: row.attemptId, reason, started: true }, fresh: true });
        if (result.kind === 'applied') this.#tellLost(row.names, row.attemptId, row.workerName, reason);
        return result;
      }),
    );
    return results.filter((result) => result.kind === 'applied').length;
  }

  #tellLost(names: AttemptNames, attemptId: string, worker: string, reason: string): void {
    this.parts.logger.warn('attempt lost', { ...names, attempt_id: attemptId, worker, reason });
  }

  async #idleRuns(): Promise<number> {
    const ids = await this.stuck.idle(this.options.idleAfterMs);
    const results = await Promise.all(ids.map((id) => this.apply.submit(id, { event: { type: 'paused', paused: false }, fresh: true })));
    return results.filter((result) => result.kind === 'applied').length;
  }
}

function lostReason(worker: string, state: SessionState, lastBeatMs: number): string {
  const when = new Date(lastBeatMs).toISOString();
  return state === 'ended'
    ? `worker ${worker} ended without reporting it; last heard ${when}`
    : `worker ${worker} was lost; last heard ${when}. The attempt may have been running until its worker stopped it, at most until its lease ended`;
}
