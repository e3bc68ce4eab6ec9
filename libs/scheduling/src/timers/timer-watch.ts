import type { DueTimer, TimerWrite } from '@millrace/persistence';
import type { RunEvent } from '@millrace/engine';
import type { DatabaseClock } from '../clock/database-clock.js';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';

/** Longest delay held in memory; a timer further away is found by the sweeper, which looks every second anyway. */
const HORIZON_MS = 3_600_000;

/**
 * Rings timers at their moment. The row in the database is the timer; what is held here only saves waiting for the next sweep.
 */
export class TimerWatch {
  readonly #pending = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly apply: ApplyRuns,
    private readonly clock: DatabaseClock,
  ) {}

  watch(timer: TimerWrite): void {
    const delayMs = timer.dueAtMs - this.clock.now();
    if (delayMs > HORIZON_MS) return;
    const handle = setTimeout(() => {
      this.#pending.delete(timer.id);
      this.ring({ id: timer.id, runId: timer.runId, instanceId: timer.instanceId, kind: timer.kind as DueTimer['kind'], attemptSeq: timer.attemptSeq });
    }, Math.max(0, delayMs) + 1);
    this.#pending.set(timer.id, handle);
  }

  ring(timer: DueTimer): void {
    const event: RunEvent = timer.kind === 'run_timeout' || timer.instanceId === null ? { type: 'timer', kind: 'run_timeout' } : { type: 'timer', kind: timer.kind, instanceId: timer.instanceId, attemptSeq: timer.attemptSeq };
    void this.apply.submit(timer.runId, { event, timerId: timer.id });
  }

  stop(): void {
    for (const handle of this.#pending.values()) clearTimeout(handle);
    this.#pending.clear();
  }
}
