import { backoffMs } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import type { RunnerSettings } from '../runner/runner-settings.js';
import { Guardian } from '../runner-guardian/guardian.js';
import type { ChildEntries } from './built-entries.js';
import { RunnerProcess } from './runner-process.js';

export interface RunnerPoolOptions {
  readonly entries: ChildEntries;
  readonly settings: RunnerSettings;
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Most runners at once. */
  readonly concurrency: number;
  /** So many more when somebody waits for one: callbacks run beside the slots. */
  readonly extra: number;
  /** Runners kept ready. */
  readonly warm: number;
  /** A runner is replaced after this many tasks, whatever they left in its memory. */
  readonly tasksPerRunner: number;
  readonly onStarted?: () => void;
}

/** Runners above the warm number end after this long without work. */
const IDLE_MAX_MS = 120_000;
const PINGS_PER_FENCE = 5;
/** A silence of this part of the fence is one that runners may have acted on. */
const MISTRUST_OF_FENCE = 0.8;
/** A runner that has loaded so many is replaced: ES modules never unload. Starting one and loading a bundle again costs more than most tasks. */
const BUNDLES_PER_RUNNER = 100;

/** Warm runner processes. A try takes one that stands ready; a new one is started beside it, never before it. */
export class RunnerPool {
  private readonly all = new Set<RunnerProcess>();
  private readonly idle: RunnerProcess[] = [];
  private readonly waiters: { bundleFile: string; resolve: (runner: RunnerProcess) => void }[] = [];
  private starting = 0;
  private tickedAt = performance.now();
  private startFailures = 0;
  private timer: NodeJS.Timeout | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private lastBundle: string | undefined;
  private stopped = false;

  private readonly guardian: Guardian;

  constructor(private readonly options: RunnerPoolOptions) {
    this.guardian = new Guardian({ ...options, entry: options.entries.guardian, fenceMs: options.settings.selfFenceMs });
  }

  /** Resolves when runners are guarded; warm ones come up meanwhile. */
  async start(): Promise<void> {
    this.stopped = false;
    this.tickedAt = performance.now();
    const guarded = this.guardian.start();
    this.fill();
    this.timer = setInterval(() => this.tick(), Math.max(10, Math.floor(this.options.settings.selfFenceMs / PINGS_PER_FENCE)));
    await guarded;
  }

  get size(): number {
    return this.all.size;
  }

  pids(): number[] {
    return [...this.all].map((runner) => runner.pid);
  }

  /** A ready runner: one that knows the bundle if possible. Without one the caller is called when the next is free. */
  take(bundleFile: string): RunnerProcess | Promise<RunnerProcess> {
    this.mistrustAfterSilence();
    this.lastBundle = bundleFile;
    const runner = this.takeIdle(bundleFile);
    if (runner !== undefined) {
      if (this.idle.length === 0) this.fill();
      return runner;
    }
    return new Promise((resolve) => {
      this.waiters.push({ bundleFile, resolve });
      this.fill();
    });
  }

  /** Gives a runner back after its try. */
  giveBack(runner: RunnerProcess): void {
    if (runner.isGone) return;
    if (this.stopped || runner.tasksRun >= this.options.tasksPerRunner || runner.bundles.size >= BUNDLES_PER_RUNNER) {
      this.all.delete(runner);
      runner.retire();
      this.fill();
      return;
    }
    this.offer(runner);
  }

  /** Takes a runner out for good: its place is free at once, its processes end in the background. */
  async kill(runner: RunnerProcess, graceMs: number, reason: string): Promise<void> {
    this.all.delete(runner);
    const ended = runner.kill(graceMs, reason);
    this.fill();
    await ended;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    clearTimeout(this.retryTimer);
    this.waiters.length = 0;
    this.idle.length = 0;
    const runners = [...this.all];
    this.all.clear();
    await Promise.all(runners.map((runner) => runner.kill(runner.isBusy ? 1_000 : 0, 'the worker stops')));
    await this.guardian.stop();
  }

  /**
   * This process stood still (frozen, or its event loop was held): runners that heard nothing of it may have ended themselves, and the
   * news of it comes after what woke us. A try handed to one of them would fail through no fault of its own.
   */
  private mistrustAfterSilence(): void {
    const { selfFenceMs } = this.options.settings;
    if (performance.now() - this.tickedAt < selfFenceMs * MISTRUST_OF_FENCE) return;
    this.tickedAt = performance.now();
    for (const runner of this.idle.splice(0)) {
      this.all.delete(runner);
      runner.retire();
    }
  }

  private takeIdle(bundleFile: string): RunnerProcess | undefined {
    for (let i = this.idle.length - 1; i >= 0; i--) {
      const runner = this.idle[i] as RunnerProcess;
      if (runner.isGone) this.idle.splice(i, 1);
      else if (runner.bundles.has(bundleFile)) return this.idle.splice(i, 1)[0];
    }
    return this.idle.pop();
  }

  private offer(runner: RunnerProcess): void {
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.idle.push(runner);
    else waiter.resolve(runner);
  }

  /** Starts what is missing: the warm ones, one for each who waits, and one spare when all are busy. */
  private fill(): void {
    if (this.stopped || this.retryTimer !== undefined) return;
    const spare = this.idle.length === 0 && this.options.warm > 0 ? 1 : 0;
    const missing = Math.max(this.options.warm - this.all.size, spare - this.starting);
    for (let i = 0; i < missing && this.all.size < this.options.concurrency; i++) this.startOne();
    while (this.waiters.length > this.starting && this.all.size < this.options.concurrency + this.options.extra) this.startOne();
  }

  private startOne(): void {
    this.starting++;
    this.options.onStarted?.();
    let ready = false;
    const runner = new RunnerProcess({
      ...this.options,
      entry: this.options.entries.runner,
      onReady: () => {
        ready = true;
        this.starting--;
        this.startFailures = 0;
        if (this.lastBundle !== undefined) runner.preload(this.lastBundle);
        this.offer(runner);
      },
      onGone: () => {
        this.all.delete(runner);
        void runner.ended.finally(() => this.guardian.ended(runner.id));
        const at = this.idle.indexOf(runner);
        if (at >= 0) this.idle.splice(at, 1);
        if (ready) return this.fill();
        this.starting--;
        this.startFailures++;
        if (this.stopped) return;
        const pauseMs = backoffMs(this.startFailures);
        this.options.logger.error('a runner ended before it was ready', { runner_pid: runner.pid, again_in_ms: pauseMs });
        this.retryTimer ??= setTimeout(() => {
          this.retryTimer = undefined;
          this.fill();
        }, pauseMs);
      },
    });
    this.all.add(runner);
    this.guardian.guard(runner.pid, runner.id);
  }

  private tick(): void {
    this.mistrustAfterSilence();
    this.tickedAt = performance.now();
    this.guardian.ping();
    for (const runner of this.all) runner.ping();
    const surplus = this.idle.filter((runner) => performance.now() - runner.idleSince > IDLE_MAX_MS).slice(0, Math.max(0, this.all.size - Math.max(1, this.options.warm)));
    for (const runner of surplus) {
      this.idle.splice(this.idle.indexOf(runner), 1);
      this.all.delete(runner);
      runner.retire();
    }
  }
}
