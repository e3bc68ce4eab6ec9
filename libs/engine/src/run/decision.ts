import type { AttemptId, InstanceId, RunState } from '@millrace/vocabulary';
import type { Instance } from './run.js';

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
}

export type Effect =
  /** Publish the attempt to its queue (after the commit), or hand it to a worker at once. In priority order. */
  | { readonly type: 'dispatch'; readonly instance: Instance; readonly attemptId: AttemptId }
  | { readonly type: 'cancel'; readonly instanceId: InstanceId; readonly attemptId: AttemptId; readonly reason: string }
  | { readonly type: 'timer'; readonly kind: 'retry' | 'resume' | 'run_timeout'; readonly instanceId: InstanceId | null; readonly attemptSeq: number; readonly dueAtMs: number }
  | { readonly type: 'run_finished'; readonly state: 'success' | 'failed' };
