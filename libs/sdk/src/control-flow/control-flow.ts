import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';

/**
 * What a task throws to end in another way than success or an ordinary failure. The runner looks at the property
 * `millrace` alone, because a bundle carries its own copy of these classes.
 */
export abstract class ControlFlow extends Error {
  abstract readonly millrace: 'skip' | 'fail' | 'defer' | 'reschedule' | 'ask';
}

export class TaskSkipped extends ControlFlow {
  override readonly name = 'TaskSkipped';
  readonly millrace = 'skip';
}

export class TaskFailedForGood extends ControlFlow {
  override readonly name = 'TaskFailedForGood';
  readonly millrace = 'fail';
}

export interface DeferOptions<R> {
  /** When to run again: a moment, or a length of time from now. Left out: only an external event resumes the task. */
  readonly until?: Date | Duration;
  /** Handed to the next run of `execute` as `context.resume`. JSON. */
  readonly resume?: R;
  /** Name under which an external event finds this task. */
  readonly correlationKey?: string;
  /** The longest it waits: a moment, or a length of time from now. @default for ever */
  readonly timeout?: Date | Duration;
  /**
   * What becomes of a wait that took too long: `fail` the try (it may be retried), `fail-for-good`, `skip`, or `resume`: `execute` runs
   * again and `context.resumedBy.by` is `timeout`. @default 'fail'
   */
  readonly onTimeout?: OnTimeout;
}

export type OnTimeout = 'fail' | 'fail-for-good' | 'skip' | 'resume';

export class TaskDeferred extends ControlFlow {
  override readonly name = 'TaskDeferred';
  /** ISO text of a moment; null: none was named. */
  readonly resumeAt: string | null;
  /** From now, by the runner's reckoning of the database's clock; null: none was named. */
  readonly resumeAfterMs: number | null;
  readonly giveUpAt: string | null;
  readonly giveUpAfterMs: number | null;
  readonly giveUpThen: string;
  readonly resume: unknown;
  readonly correlationKey: string;
  constructor(readonly millrace: 'defer' | 'reschedule' | 'ask', options: DeferOptions<unknown>) {
    super(millrace === 'defer' ? 'deferred' : millrace === 'ask' ? 'asked' : 'rescheduled');
    this.resumeAt = momentOf(options.until);
    this.resumeAfterMs = lengthOf(options.until, 'until');
    this.giveUpAt = momentOf(options.timeout);
    this.giveUpAfterMs = lengthOf(options.timeout, 'timeout');
    this.giveUpThen = (options.onTimeout ?? 'fail').replaceAll('-', '_');
    this.resume = options.resume ?? null;
    this.correlationKey = options.correlationKey ?? '';
  }
}

/** Ends the try as `skipped`; downstream tasks follow their trigger rules. */
export function skip(reason = 'skipped by the task'): never {
  throw new TaskSkipped(reason);
}

/** Ends the task as `failed` whatever retries are left. An ordinary throw fails only the try. */
export function fail(reason: string): never {
  throw new TaskFailedForGood(reason);
}

/**
 * Gives the slot back and waits, without any process, for a time or an external event; then `execute` runs again with `context.resume`.
 * @example defer({ until: '5m', resume: { jobId } })
 */
export function defer<R>(options: DeferOptions<R>): never {
  if (options.until === undefined && options.correlationKey === undefined) throw new RangeError('defer() needs `until` or `correlationKey`; without either nothing would ever resume the task');
  throw new TaskDeferred('defer', options);
}

/** Ends this look of a sensor and asks to be run again at that time; costs no retry. */
export function reschedule(until: Date | Duration): never {
  throw new TaskDeferred('reschedule', { until });
}

/** What a branch returns to the runner. */
export interface BranchChoice {
  readonly __millrace: 'branch';
  readonly taskIds: readonly string[];
  /** What the task returns. @default the task ids */
  readonly value?: unknown;
}
/** What a short-circuit returns to the runner when its condition is false. */
export interface ShortCircuit {
  readonly __millrace: 'short_circuit';
  readonly mode: 'all' | 'direct';
  /** What the task returns. @default nothing */
  readonly value?: unknown;
}

function momentOf(time: Date | Duration | undefined): string | null {
  return time instanceof Date ? time.toISOString() : null;
}

function lengthOf(time: Date | Duration | undefined, what: string): number | null {
  return time === undefined || time instanceof Date ? null : secondsOf(time, what) * 1_000;
}
