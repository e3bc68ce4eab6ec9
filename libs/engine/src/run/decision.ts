import type { AttemptId, InstanceId, RunState } from '@millrace/vocabulary';
import type { WaitTimerKind } from './events.js';
import type { OutboxEffect } from './outbox-kinds.js';
import type { Instance } from './run.js';

export type SlotsWish = 'ask' | 'keep' | 'give_back';

/** What `decide` says: the rows that are now different, and what to do after the commit. */
export interface Decision {
  /** Instances that came into being with this decision; write whole rows. */
  readonly created: readonly Instance[];
  /** Instances whose row is different now (never also in `created`). */
  readonly changed: readonly InstanceChange[];
  readonly run: RunChange;
  readonly effects: readonly Effect[];
  /** Events that changed nothing, by their index, and why. Late results are data, not errors. */
  readonly ignored: readonly { readonly event: number; readonly reason: string }[];
}

export interface InstanceChange {
  readonly instance: Instance;
  /**
   * The attempt that became history with this decision: it had started, and the instance will try again (or may: cleared).
   * From then on `instance.attemptId` is another one or null until the next dispatch. Else null: a resumed or never started
   * attempt is the same try. `endedAs`: its final word in history (failed, lost, success, skipped …).
   */
  readonly superseded: { readonly attemptId: AttemptId; readonly endedAs: string; readonly reason: string } | null;
}

export interface RunChange {
  readonly state: RunState;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  /** queued + running + restarting instances. */
  readonly activeInstances: number;
  /** What else is stored of the run, when it is different now; null: it is not. */
  readonly control: { readonly retriesUsed: number; readonly retryAtMs: number | null; readonly watched: boolean } | null;
}

export type Effect =
  /** Publish the attempt to its queue (after the commit), or hand it to a worker at once. In priority order. */
  | { readonly type: 'dispatch'; readonly instance: Instance; readonly attemptId: AttemptId }
  | { readonly type: 'cancel'; readonly instanceId: InstanceId; readonly attemptId: AttemptId; readonly reason: string }
  | { readonly type: 'timer'; readonly kind: 'retry' | WaitTimerKind | 'run_timeout' | 'run_retry'; readonly instanceId: InstanceId | null; readonly attemptSeq: number; readonly dueAtMs: number }
  /** The instance does not wait any more: its other timers mean nothing. */
  | { readonly type: 'wait_over'; readonly instanceId: InstanceId }
  | OutboxEffect
  /**
   * Slots counted over all runs. `ask`: from now on it waits for them (again, if it had any). `keep`: it was deferred, and pools that count deferred
   * instances go on counting it. `give_back`: it neither waits for nor holds any.
   */
  | { readonly type: 'slots'; readonly instance: Instance; readonly wish: SlotsWish }
  | { readonly type: 'run_finished'; readonly state: 'success' | 'failed' };
