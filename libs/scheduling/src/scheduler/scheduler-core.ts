import { setTimeout as sleep } from 'node:timers/promises';
import type { Wake } from '@millrace/contracts';
import { ManagedService } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import type { Broker } from '@millrace/messaging';
import { Maintenance, RunReader, RunWorkers, ServiceInstances, SlotRequests, StuckRuns, Timers, WorkerSessions, completeBackfills } from '@millrace/persistence';
import type { ClaimedRow, Database, ServiceInstance } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { RunId } from '@millrace/vocabulary';
import { failCancelled } from '../backfills/backfill-desk.js';
import { ApplyRuns, messageOf } from '../apply-runs/apply-runs.js';
import type { AfterCommit } from '../apply-runs/decision-writes.js';
import { CallbackDesk } from '../callbacks/callback-desk.js';
import { AssetRuns } from '../assets/asset-runs.js';
import { Admission } from '../admission/admission.js';
import { DefaultPool } from '../admission/default-pool.js';
import { Claims } from '../claims/claims.js';
import type { ClaimedFacts } from '../claims/claims.js';
import { GrantBook } from '../claims/grant-book.js';
import { DatabaseClock } from '../clock/database-clock.js';
import { Completions } from '../completions/completions.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { ExternalStopper } from '../external-tasks/external-stopper.js';
import type { AuthorizationOf } from '../external-tasks/external-stopper.js';
import { MaintenanceWatch } from '../maintenance/maintenance-watch.js';
import { Membership } from '../membership/membership.js';
import { createOutboxHandlers } from '../outbox/handlers.js';
import { OutboxRunner } from '../outbox/outbox-runner.js';
import { TriggerDesk } from '../commands/trigger-desk.js';
import { OtherRuns } from '../other-runs/other-runs.js';
import { QueueTeams } from '../placement/queue-teams.js';
import { Placement } from '../placement/placement.js';
import { QueueBoard } from '../room/queue-board.js';
import { RunCache } from '../run-cache/run-cache.js';
import type { CachedRun } from '../run-cache/run-cache.js';
import { ScheduledRuns } from '../schedules/scheduled-runs.js';
import { WorkerDirectory } from '../sessions/worker-directory.js';
import { SignalDesk } from '../signals/signal-desk.js';
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
  /** Instances one expansion may have. */
  readonly maxMapLength?: number;
  readonly republishAfterMs: number;
  /** Headers that authorise a request to a platform that is told to stop. @default none */
  readonly externalAuthorization?: AuthorizationOf;
  /** Which queues only dags of certain teams may use. @default none */
  readonly queueTeams?: QueueTeams;
}

/** A schedule due sooner than this is waited for; a later one is found by a sweep before. */
const PRECISE_SCHEDULE_MS = 2_000;

/** Told of what happens, for metrics. */
export interface SchedulerObserver {
  committed(entry: CachedRun, after: AfterCommit): void;
  swept(report: SweepReport): void;
  published(queue: string, result: string, count: number): void;
  /** A run that was queued runs: seconds since it was due. */
  started?(entry: CachedRun, lateSeconds: number): void;
  batch?(events: number, commitSeconds: number, waitedSeconds: number): void;
  /** A worker took an attempt: seconds from scheduled to queued (null: not known), and from queued to running. */
  claimed?(queue: string, scheduledSeconds: number | null, queuedSeconds: number | null, of: ClaimedFacts): void;
  /** One pass of a loop (membership, sweeper, backfills …). */
  passed?(loop: string, seconds: number, failed: boolean): void;
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
  readonly admission: Admission;
  readonly placement: Placement;
  readonly runWorkers: RunWorkers;
  readonly board: QueueBoard;
  readonly cache: RunCache;
  readonly membership: Membership;
  readonly maintenance: MaintenanceWatch;
  readonly outbox: OutboxRunner;
  readonly callbacks: CallbackDesk;
  readonly assets: AssetRuns;
  readonly #defaultPool: DefaultPool;
  readonly #clock = new DatabaseClock();
  readonly #starts: StartRuns;
  readonly #timers: TimerWatch;
  readonly signals: SignalDesk;
  readonly otherRuns: OtherRuns;
  readonly external: ExternalStopper;
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
    const queueTeams = options.queueTeams ?? new QueueTeams();
    this.sessions = new WorkerSessions(database);
    this.maintenance = new MaintenanceWatch(new Maintenance(database), logger);
    const requests = new SlotRequests(database);
    this.#defaultPool = new DefaultPool(requests);
    this.cache = new RunCache(reader, options.maxCachedInstances, () => this.#defaultPool.isCounted);
    this.#dispatcher = new Dispatcher(broker, home, (queue, result, count) => {
      observer.published(queue, result, count);
      if (result !== 'confirmed') logger.debug('attempts not confirmed by the broker; the sweeper publishes them again', { queue, result, count });
    });
    const listener = {
      committed: (entry: CachedRun, after: AfterCommit) => this.#committed(entry, after),
      started: (entry: CachedRun) => observer.started?.(entry, Math.max(0, (entry.run.startedAtMs ?? entry.row.runAfterMs) - entry.row.runAfterMs) / 1_000),
      batch: (events: number, commitSeconds: number, waitedSeconds: number) => observer.batch?.(events, commitSeconds, waitedSeconds),
    };
    this.board = new QueueBoard({
      slots: (queue) => this.#dispatcher.slots(queue),
      isDefaultPoolCounted: () => this.#defaultPool.isCounted,
      maxMapLength: options.maxMapLength,
      look: (id) => void this.apply.submit(id, { event: { type: 'room' }, hint: true }),
      check: (ids) => this.#dropStale(reader, ids),
    });
    this.cache.dropped = (id) => this.board.dropped(id);
    const room = this.board;
    this.apply = new ApplyRuns(database, this.cache, this.#clock, stuck, listener, logger, { batchMax: options.batchMax, home, continuation: () => options.continuation && !this.maintenance.held, queueTeams: options.queueTeams, room });
    this.#starts = new StartRuns(database, this.cache, this.#clock, listener, logger, home, room);
    this.runWorkers = new RunWorkers(database);
    this.placement = new Placement(this.runWorkers, this.workers, logger, home);
    this.admission = new Admission(database, this.apply, broker, options.doorbell, logger);
    this.#timers = new TimerWatch(new Timers(database), this.apply, this.#clock);
    this.signals = new SignalDesk(database, this.apply);
    this.external = new ExternalStopper(database, options.externalAuthorization ?? (() => Promise.resolve({})), logger);
    this.#schedules = new ScheduledRuns(database, this.cache, (dagId) => void this.#starts.forDag(dagId), logger);
    this.callbacks = new CallbackDesk(database, this.cache, this.workers, logger, home, queueTeams);
    this.claims = new Claims(database, this.cache, this.grants, home, queueTeams, (row, dagId, reason) => this.#refuse(row, dagId, reason), (queue, scheduled, queued, of) => observer.claimed?.(queue, scheduled, queued, of));
    this.assets = new AssetRuns(database, this.cache, (dagId) => void this.#starts.forDag(dagId), logger);
    this.otherRuns = new OtherRuns(database, this.cache, this.apply, new TriggerDesk(database, this.cache, (_id, dagId) => void this.#starts.forDag(dagId)), (dagId) => void this.#starts.forDag(dagId));
    this.outbox = new OutboxRunner(database, createOutboxHandlers({ apply: this.apply, database, broker, logger, startRuns: (dagId) => void this.#starts.forDag(dagId), cache: this.cache, callbacks: () => this.callbacks.poke(), stopExternal: () => this.external.poke(), deliver: (to) => void this.signals.deliver(to).catch(() => undefined), lookAtAssets: (dagIds) => this.assets.forDags(dagIds) }), logger);
    this.completions = new Completions(this.apply, reader, this.grants, options.xcomMaxBytes);
    this.membership = new Membership(options.self, new ServiceInstances(database), this.sessions, (partitions) => this.#own(partitions), (live) => this.#dispatcher.know(live), this.board);
    this.#sweeper = new Sweeper(
      database, stuck, this.sessions, this.apply,
      { starts: this.#starts, timerWatch: this.#timers, signals: this.signals, external: this.external, dispatcher: this.#dispatcher, schedules: this.#schedules, admission: this.admission, placement: this.placement, maintenance: this.maintenance, cache: this.cache, workers: this.workers, outbox: this.outbox, callbacks: this.callbacks, assets: this.assets, broker, logger },
      { leaseTtlMs: options.leaseTtlMs, republishAfterMs: options.republishAfterMs, deliveryGraceMs: Math.max(2_000, options.beatEveryMs * 2), idleAfterMs: 10_000 },
    );
  }

  #refuse({ runId, instanceId, attemptId, token, taskId }: ClaimedRow, dagId: string, reason: string): void {
    void this.completions.refuse(runId, { instanceId, attemptId, token }, reason).then((isEnded) => {
      if (isEnded) this.logger.warn('a task was not run: its queue is another team\'s', { dag_id: dagId, task_id: taskId, reason });
    });
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
    await this.maintenance.look();
    await this.#defaultPool.look();
    this.#loops = [
      this.#loop('membership', this.options.beatEveryMs, signal, async () => {
        await this.membership.once();
        await this.#defaultPool.look();
      }),
      this.#loop('sweeper', this.options.sweepEveryMs, signal, async () => {
        const report = await this.#sweeper.once();
        this.observer.swept(report);
        this.#watchSchedule();
        if (report.lost + report.republished + report.undelivered + report.idle > 0) this.logger.info('sweeper mended', { ...report });
      }),
      this.#loop('backfills', Math.max(1_000, this.options.sweepEveryMs), signal, async () => {
        await failCancelled(this.database, null, { submit: (id, input) => this.apply.submit(id, input) });
        await completeBackfills(this.database, null);
      }),
    ];
  }

  protected async close(): Promise<void> {
    clearTimeout(this.#scheduleTimer);
    await Promise.allSettled(this.#loops);
    // Rings go to others from here on; they take the partitions over at their next look while this one finishes what it has in hand.
    if (this.options.doorbell) await this.broker.listen([], () => undefined).catch(() => undefined);
    await this.membership.leave().catch(() => undefined);
    this.#timers.stop();
    await this.admission.idle();
    await this.apply.idle();
    await this.outbox.once().catch(() => undefined);
    this.cache.clear();
  }

  /** A pass that fails (database away) is told once, and tried again; nothing here is remembered between passes. */
  async #loop(name: string, everyMs: number, signal: AbortSignal, once: () => Promise<void>): Promise<void> {
    let failing = false;
    while (!signal.aborted) {
      await sleep(everyMs * (0.9 + Math.random() * 0.2), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const beganMs = performance.now();
      const passed = (failed: boolean): void => this.observer.passed?.(name, (performance.now() - beganMs) / 1_000, failed);
      try {
        await once();
        passed(false);
        if (failing) this.logger.info(`${name} works again`);
        failing = false;
      } catch (error) {
        passed(true);
        if (!failing) this.logger.warn(`${name} cannot work now; trying again`, { error: messageOf(error) });
        failing = true;
        this.outage();
      }
    }
  }

  #own(partitions: readonly number[]): void {
    const mine = new Set(partitions);
    this.#starts.own((partition) => mine.has(partition));
    this.#timers.own((partition) => mine.has(partition));
    this.admission.own((partition) => mine.has(partition));
    if (!this.options.doorbell) return;
    void this.broker.listen(partitions, (wake) => this.#rung(wake)).catch((error: unknown) => this.logger.warn('the doorbell is not connected; the sweeper finds work', { error: messageOf(error) }));
  }

  #rung(wake: Wake): void {
    for (const id of wake.runs) {
      // Somebody else wrote the run: what is remembered is out of date, and what it no longer wants must stop.
      this.apply.forget(id as RunId);
      // What waits for room in it is to be known here.
      void this.apply.submit(id as RunId, { event: { type: 'room' }, hint: true });
      void this.#stopSuperseded(id as RunId);
    }
    if (wake.grants !== undefined) void this.admission.heard(wake.grants as RunId[]);
    if (wake.slots === true) void this.#poolsChanged();
    for (const dagId of wake.dags) void this.#starts.forDag(dagId);
    if (wake.assets !== undefined) this.assets.forDags(wake.assets);
    // A command of the api's may owe effects; only schedulers carry them out.
    if (wake.runs.length > 0) this.outbox.poke();
  }

  /** Forgets runs that another scheduler goes on with. */
  async #dropStale(reader: RunReader, ids: readonly RunId[]): Promise<void> {
    try {
      const versions = await reader.versions(ids);
      for (const id of ids) {
        const cached = this.cache.get(id);
        // One that is ahead of what was read was written here meanwhile.
        if (cached !== undefined && (versions.get(id) ?? Infinity) > cached.version) this.apply.forget(id);
      }
    } catch (error) {
      this.logger.debug('what is queued could not be compared with the database; tried again', { error: messageOf(error) });
    }
  }

  async #poolsChanged(): Promise<void> {
    await this.#defaultPool.look().catch((error: unknown) => this.logger.debug('pools are looked at with the next heartbeat', { error: messageOf(error) }));
    this.admission.ring();
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
    // What is held stays queued; the sweeper publishes it when maintenance is over.
    if (this.maintenance.held) this.logger.debug('held for maintenance', { dag_id: row.dagId, run_id: row.runId, attempts: after.ready.length });
    else if (run.plan.placement === 'any') this.#dispatcher.publish(after.ready);
    else void this.placement.offer(row.id, run.plan.queues, after.ready);
    if (after.movedSlots) this.admission.ring();
    if (after.owed > 0) this.outbox.poke();
    for (const timer of after.timers) this.#timers.watch(timer);
    // It may have been reported before the wait was committed. Left undone, the sweeper does it.
    if (after.listening.length > 0) void this.signals.deliver(after.listening).catch(() => undefined);
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
    void this.assets.afterRunOf(row.dagId);
    try {
      if (row.backfillId !== null) await completeBackfills(this.database, row.backfillId);
      if (!this.maintenance.held && (this.#schedules.isBehind(row.dagId) || this.cache.version(row.dagVersionId).document.schedule?.kind === 'continuous')) await this.#schedules.once();
    } catch (error) {
      this.logger.debug('what follows a finished run is left to the sweeper', { dag_id: row.dagId, run_id: row.runId, state: run.state, error: messageOf(error) });
    }
  }

  /** A schedule due within moments is made at its moment and not at the next sweep. */
  #watchSchedule(): void {
    const inMs = this.#sweeper.nextScheduleInMs;
    clearTimeout(this.#scheduleTimer);
    if (inMs === null || inMs > PRECISE_SCHEDULE_MS || inMs < 0) return;
    this.#scheduleTimer = setTimeout(() => void (this.maintenance.held ? undefined : this.#schedules.once().catch(() => undefined)), inMs + 2);
  }
}
