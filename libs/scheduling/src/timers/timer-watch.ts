import type { RunEvent, WaitTimerKind } from '@millrace/engine';
import type { DueTimer, TimerWrite, Timers } from '@millrace/persistence';
import { wakePartition } from '@millrace/contracts';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { DatabaseClock } from '../clock/database-clock.js';

/** What is further away is not held in memory: a sweep finds it before its moment. */
const HORIZON_MS = 5_000;
/** A sweep brings in what is due before the next two. */
const AHEAD_MS = 2_500;
/** Another scheduler's timers are left to it this long. */
const OTHERS_AFTER_MS = 1_000;
/** Timers read, and rung, at once. */
const PAGE = 1_000;

/**
 * Rings timers at their moment. The row in the database is the timer; what is held here is only what is due soon, so that a hundred
 * thousand waits cost no memory, and one look a second finds those that are next.
 */
export class TimerWatch {
  /** Held until its moment, or rung and not answered yet. */
  readonly #held = new Map<string, NodeJS.Timeout | null>();
  #isMine: (partition: number) => boolean = () => true;
  #draining: Promise<number> | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly apply: ApplyRuns,
    private readonly clock: DatabaseClock,
  ) {}

  /** Whose timers are rung at their moment here; the others' only when nobody else did. */
  own(isMine: (partition: number) => boolean): void {
    this.#isMine = isMine;
  }

  watch(timer: TimerWrite): void {
    this.#hold(timer, timer.dueAtMs - this.clock.now());
  }

  /** Brings in what is due soon and rings what is overdue; while there is more than a page of it, goes on by itself. @returns how many were rung of the first page. */
  sweep(): Promise<number> {
    return (this.#draining ??= this.#drain().finally(() => (this.#draining = undefined)));
  }

  async #drain(): Promise<number> {
    const first = await this.#page(null);
    if (first.next !== null) {
      void (async () => {
        for (let at = first.next; at !== null; at = (await this.#page(at)).next);
      })().catch(() => undefined);
    }
    return first.rung;
  }

  async #page(after: DueTimer | null): Promise<{ rung: number; next: DueTimer | null }> {
    const due = await this.timers.upcoming(AHEAD_MS, PAGE, after);
    const rung: Promise<void>[] = [];
    for (const timer of due) {
      if (this.#held.has(timer.id)) continue;
      const isMine = this.#isMine(wakePartition(timer.runId));
      if (timer.inMs <= (isMine ? 0 : -OTHERS_AFTER_MS)) rung.push(this.#ring(timer));
      else if (isMine) this.#hold(timer, timer.inMs);
    }
    await Promise.all(rung);
    return { rung: rung.length, next: due.length < PAGE ? null : due.at(-1)! };
  }

  #hold(timer: Omit<DueTimer, 'inMs' | 'dueAt'>, inMs: number): void {
    if (inMs > HORIZON_MS || this.#held.has(timer.id)) return;
    this.#held.set(timer.id, setTimeout(() => void this.#ring(timer), Math.max(0, inMs) + 1));
  }

  async #ring(timer: Omit<DueTimer, 'inMs' | 'dueAt'>): Promise<void> {
    this.#held.set(timer.id, null);
    await this.apply.submit(timer.runId, { event: eventOf(timer), timerId: timer.id });
    this.#held.delete(timer.id);
  }

  stop(): void {
    for (const handle of this.#held.values()) clearTimeout(handle ?? undefined);
    this.#held.clear();
  }
}

function eventOf({ kind, instanceId, attemptSeq }: Omit<DueTimer, 'inMs' | 'dueAt'>): RunEvent {
  if (kind === 'run_retry') return { type: 'timer', kind };
  return kind === 'run_timeout' || instanceId === null ? { type: 'timer', kind: 'run_timeout' } : { type: 'timer', kind: kind as 'retry' | WaitTimerKind, instanceId, attemptSeq };
}
