import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';

/**
 * What a task throws to end in another way than success or an ordinary failure. The runner looks at the property
 * `millrace` alone, because a bundle carries its own copy of these classes.
 */
export abstract class ControlFlow extends Error {
  abstract readonly millrace: 'skip' | 'fail' | 'defer' | 'reschedule';
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
}

export class TaskDeferred extends ControlFlow {
  override readonly name = 'TaskDeferred';
  /** ISO text, or null when only an event resumes the task. */
  readonly resumeAt: string | null;
  readonly resume: unknown;
  readonly correlationKey: string;
  constructor(readonly millrace: 'defer' | 'reschedule', options: DeferOptions<unknown>) {
    super(millrace === 'defer' ? 'deferred' : 'rescheduled');
    this.resumeAt = options.until === undefined ? null : moment(options.until).toISOString();
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
}
/** What a short-circuit returns to the runner when its condition is false. */
export interface ShortCircuit {
  readonly __millrace: 'short_circuit';
  readonly mode: 'all' | 'direct';
}

function moment(until: Date | Duration): Date {
  return until instanceof Date ? until : new Date(Date.now() + secondsOf(until, 'until') * 1_000);
}
