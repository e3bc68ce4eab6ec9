import type { RunEvent } from '@millrace/engine';
import type { Broker } from '@millrace/messaging';
import type { AttemptNames, Database, SessionState, StuckRuns, Timers, WorkerSessions } from '@millrace/persistence';
import { DAGS_WITH_QUEUED_RUNS } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { SessionId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import type { ScheduledRuns } from '../schedules/scheduled-runs.js';
import type { WorkerDirectory } from '../sessions/worker-directory.js';
import type { StartRuns } from '../starts/start-runs.js';
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
  idle: number;
  scheduled: number;
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
    private readonly timers: Timers,
    private readonly sessions: WorkerSessions,
    private readonly apply: ApplyRuns,
    private readonly parts: {
      readonly starts: StartRuns;
      readonly timerWatch: TimerWatch;
      readonly dispatcher: Dispatcher;
      readonly schedules: ScheduledRuns;
      readonly workers: WorkerDirectory;
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
    const report: SweepReport = { timers: 0, started: 0, events: 0, lost: 0, republished: 0, undelivered: 0, idle: 0, scheduled: 0 };
    try {
      report.timers = await this.#dueTimers();
      report.scheduled = await this.#schedules();
      report.started = await this.#queuedRuns();
      report.events = await this.#events();
      report.lost = await this.#closedSessions();
      if (this.#pass % EVERY_FEW === 0) {
        report.republished = await this.#unclaimed();
        report.undelivered = await this.#undelivered();
      }
      if (this.#pass % EVERY_MANY === 0) report.idle = await this.#idleRuns();
      this.#pass++;
    } catch (error) {
      this.outage();
      throw error;
    }
    return report;
  }

  async #dueTimers(): Promise<number> {
    const due = await this.timers.due(200, 1_000);
    for (const timer of due) this.parts.timerWatch.ring(timer);
    return due.length;
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

  async #unclaimed(): Promise<number> {
    const waiting = await this.stuck.unclaimed(this.options.republishAfterMs);
    let count = 0;
    for (const [queue, attempts] of groupBy(waiting, (attempt) => attempt.queue)) {
      const depth = await this.parts.broker.depth(queue);
      if (depth !== null && depth > 0) continue;
      const again = depth === 0 ? attempts : attempts.filter((attempt) => attempt.waitedMs > this.options.republishAfterMs * UNKNOWN_DEPTH_FACTOR);
      this.parts.dispatcher.publish(again);
      count += again.length;
    }
    return count;
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
