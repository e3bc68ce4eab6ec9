import { setTimeout as sleep } from 'node:timers/promises';
import type { Wake } from '@millrace/contracts';
import { ManagedService } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import type { Broker } from '@millrace/messaging';
import { RunReader, ServiceInstances, StuckRuns, Timers, WorkerSessions, completeBackfills, runsOfCancelledBackfills } from '@millrace/persistence';
import type { Database, ServiceInstance } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { RunId } from '@millrace/vocabulary';
import { ApplyRuns, messageOf } from '../apply-runs/apply-runs.js';
import type { AfterCommit } from '../apply-runs/decision-writes.js';
import { Claims } from '../claims/claims.js';
import { GrantBook } from '../claims/grant-book.js';
import { DatabaseClock } from '../clock/database-clock.js';
import { Completions } from '../completions/completions.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { Membership } from '../membership/membership.js';
import { RunCache } from '../run-cache/run-cache.js';
import type { CachedRun } from '../run-cache/run-cache.js';
import { ScheduledRuns } from '../schedules/scheduled-runs.js';
import { WorkerDirectory } from '../sessions/worker-directory.js';
import { StartRuns } from '../starts/start-runs.js';
import { Sweeper } from '../sweeper/sweeper.js';
import type { SweepReport } from '../sweeper/sweeper.js';
import { TimerWatch } from '../timers/timer-watch.js';

export interface SchedulerCoreOptions {
  readonly self: ServiceInstance;
  readonly doorbell: boolean;
  readonly sweepEveryMs: number;
  readonly leaseTtlMs: number;
  readonly beatEveryMs: number;
  readonly batchMax: number;
  readonly continuation: boolean;
  readonly maxCachedInstances: number;
  readonly xcomMaxBytes: number;
  readonly republishAfterMs: number;
}

/** A schedule due sooner than this is waited for; a later one is found by a sweep before. */
const PRECISE_SCHEDULE_MS = 2_000;

/** Told of what happens, for metrics. */
export interface SchedulerObserver {
  committed(entry: CachedRun, after: AfterCommit): void;
  swept(report: SweepReport): void;
  published(queue: string, result: string, count: number): void;
}

/**
 * Everything a scheduler does, without its edges: the gRPC service and the metrics endpoint are put around it by the app.
 * All schedulers are equal; who usually handles a run is a hint that keeps caches warm.
 */
export class SchedulerCore extends ManagedService {
  readonly name = 'scheduler-core';
  readonly sessions: WorkerSessions;
  readonly workers = new WorkerDirectory();
  readonly grants = new GrantBook();
  readonly claims: Claims;
  readonly completions: Completions;
  readonly apply: ApplyRuns;
  readonly cache: RunCache;
  readonly membership: Membership;
  readonly #clock = new DatabaseClock();
  readonly #starts: StartRuns;
  readonly #timers: TimerWatch;
  readonly #dispatcher: Dispatcher;
  readonly #schedules: ScheduledRuns;
  readonly #sweeper: Sweeper;
  #loops: Promise<void>[] = [];
  #scheduleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly broker: Broker,
    private readonly liveUpdates: LiveUpdates,
    private readonly logger: Logger,
    private readonly options: SchedulerCoreOptions,
    private readonly observer: SchedulerObserver,
  ) {
    super();
    const reader = new RunReader(database.hot);
    const stuck = new StuckRuns(database);
    const home = options.self.id;
    this.sessions = new WorkerSessions(database);
    this.cache = new RunCache(reader, options.maxCachedInstances);
    this.#dispatcher = new Dispatcher(broker, home, (queue, result, count) => {
      observer.published(queue, result, count);
      if (result !== 'confirmed') logger.debug('attempts not confirmed by the broker; the sweeper publishes them again', { queue, result, count });
    });
    const listener = { committed: (entry: CachedRun, after: AfterCommit) => this.#committed(entry, after) };
    this.apply = new ApplyRuns(database, this.cache, this.#clock, stuck, listener, logger, { batchMax: options.batchMax, home, continuation: options.continuation, window: (queue) => this.#dispatcher.window(queue) });
    this.#starts = new StartRuns(database, this.cache, this.#clock, listener, logger, home, (queue) => this.#dispatcher.window(queue));
    this.#timers = new TimerWatch(this.apply, this.#clock);
    this.#schedules = new ScheduledRuns(database, this.cache, (dagId) => void this.#starts.forDag(dagId), logger);
    this.claims = new Claims(database, this.cache, this.grants, home);
    this.completions = new Completions(this.apply, reader, this.grants, options.xcomMaxBytes);
    this.membership = new Membership(options.self, new ServiceInstances(database), this.sessions, (partitions) => this.#own(partitions), (live) => this.#dispatcher.know(live));
    this.#sweeper = new Sweeper(
      database, stuck, new Timers(database), this.sessions, this.apply,
      { starts: this.#starts, timerWatch: this.#timers, dispatcher: this.#dispatcher, schedules: this.#schedules, workers: this.workers, broker, logger },
      { leaseTtlMs: options.leaseTtlMs, republishAfterMs: options.republishAfterMs, deliveryGraceMs: Math.max(2_000, options.beatEveryMs * 2), idleAfterMs: 10_000 },
    );
  }

  /** Heartbeats could not be accepted. */
  outage(): void {
    this.#sweeper.outage();
  }

  health(): HealthReport {
    const broker = this.broker.health();
    return { ok: true, checks: { ...broker.checks, runs_in_memory: { ok: true, detail: String(this.cache.size.runs) } } };
  }

  protected async open(signal: AbortSignal): Promise<void> {
    await this.membership.once();
    this.#loops = [
      this.#loop('membership', this.options.beatEveryMs, signal, () => this.membership.once()),
      this.#loop('sweeper', this.options.sweepEveryMs, signal, async () => {
        const report = await this.#sweeper.once();
        this.observer.swept(report);
        this.#watchSchedule();
        if (report.lost + report.republished + report.undelivered + report.idle > 0) this.logger.info('sweeper mended', { ...report });
      }),
      this.#loop('backfills', Math.max(1_000, this.options.sweepEveryMs), signal, async () => {
        await completeBackfills(this.database, null);
        for (const id of await runsOfCancelledBackfills(this.database, null)) {
          void this.apply.submit(id, { event: { type: 'run_marked', state: 'failed', by: 'the cancelled backfill' }, fresh: true });
        }
      }),
    ];
  }

  protected async close(): Promise<void> {
    clearTimeout(this.#scheduleTimer);
    await Promise.allSettled(this.#loops);
    this.#timers.stop();
    await this.apply.idle();
    await this.membership.leave().catch(() => undefined);
    this.cache.clear();
  }

  /** A pass that fails (database away) is told once, and tried again; nothing here is remembered between passes. */
  async #loop(name: string, everyMs: number, signal: AbortSignal, once: () => Promise<void>): Promise<void> {
    let failing = false;
    while (!signal.aborted) {
      await sleep(everyMs * (0.9 + Math.random() * 0.2), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await once();
        if (failing) this.logger.info(`${name} works again`);
        failing = false;
      } catch (error) {
        if (!failing) this.logger.warn(`${name} cannot work now; trying again`, { error: messageOf(error) });
        failing = true;
        this.outage();
      }
    }
  }

  #own(partitions: readonly number[]): void {
    const mine = new Set(partitions);
    this.#starts.own((partition) => mine.has(partition));
    if (!this.options.doorbell) return;
    void this.broker.listen(partitions, (wake) => this.#rung(wake)).catch((error: unknown) => this.logger.warn('the doorbell is not connected; the sweeper finds work', { error: messageOf(error) }));
  }

  #rung(wake: Wake): void {
    for (const id of wake.runs) {
      // Somebody else wrote the run: what is remembered is out of date, and what it no longer wants must stop.
      this.apply.forget(id as RunId);
      void this.#stopSuperseded(id as RunId);
    }
    for (const dagId of wake.dags) void this.#starts.forDag(dagId);
  }

  /** Attempts of the run that run on workers connected here and are no longer wanted. */
  async #stopSuperseded(id: RunId): Promise<void> {
    try {
      const running = this.grants.ofRun(id);
      if (running.length === 0) return;
      const stale = new Set(await this.sessions.notCurrent(running));
      for (const grant of running) {
        if (!stale.has(grant.attemptId)) continue;
        this.workers.cancel(grant.sessionId, grant.attemptId, 'cleared, marked or replaced while it ran');
        this.grants.ended(grant.attemptId);
      }
    } catch (error) {
      this.logger.debug('cancels are left to the next heartbeats', { error: messageOf(error) });
    }
  }

  #committed(entry: CachedRun, after: AfterCommit): void {
    const { row, run } = entry;
    for (const claim of after.claimed) this.grants.granted({ ...claim, runId: row.id });
    this.#dispatcher.publish(after.ready);
    for (const timer of after.timers) this.#timers.watch(timer);
    for (const cancel of after.cancels) {
      const grant = this.grants.find(cancel.attemptId);
      if (grant === undefined) this.workers.cancelEverywhere(cancel.attemptId, cancel.reason);
      else this.workers.cancel(grant.sessionId, cancel.attemptId, cancel.reason);
      this.grants.ended(cancel.attemptId);
    }
    this.observer.committed(entry, after);
    const updates: LiveUpdate[] = [{ kind: 'run', dagId: row.dagId, runId: row.runId, state: run.state, atMs: this.#clock.now() }];
    this.liveUpdates.publish(updates);
    if (after.finished === null) return;
    // Hundreds of runs a second end well; a line for each is for who asks for it.
    this.logger[after.finished === 'failed' ? 'warn' : 'debug']('run finished', { dag_id: row.dagId, run_id: row.runId, state: after.finished });
    void this.#afterRun(entry);
  }

  /** The next run of the dag may start; a continuous schedule makes its next one; a backfill may be over. The sweeper does the same, later. */
  async #afterRun({ row, run }: CachedRun): Promise<void> {
    void this.#starts.afterRunOf(row.dagId);
    try {
      if (row.backfillId !== null) await completeBackfills(this.database, row.backfillId);
      if (this.cache.version(row.dagVersionId).document.schedule?.kind === 'continuous') {
        await this.#schedules.replan(row.dagId);
        await this.#schedules.once();
      }
    } catch (error) {
      this.logger.debug('what follows a finished run is left to the sweeper', { dag_id: row.dagId, run_id: row.runId, state: run.state, error: messageOf(error) });
    }
  }

  /** A schedule due within moments is made at its moment and not at the next sweep. */
  #watchSchedule(): void {
    const inMs = this.#sweeper.nextScheduleInMs;
    clearTimeout(this.#scheduleTimer);
    if (inMs === null || inMs > PRECISE_SCHEDULE_MS || inMs < 0) return;
    this.#scheduleTimer = setTimeout(() => void this.#schedules.once().catch(() => undefined), inMs + 2);
  }
}
