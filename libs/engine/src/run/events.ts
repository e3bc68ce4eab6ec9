import type { AttemptId, InstanceId, Outcome, RunState } from '@millrace/vocabulary';

/** What can happen to a run. Plain data: stored with each decision, and replayable. Late or unknown ones are ignored with a reason. */
export type RunEvent =
  /** The run may begin: instances come into being, roots are queued. */
  | { readonly type: 'started' }
  | FinishedEvent
  /**
   * An attempt was claimed: queued -> running. Claims are rows of their own and no version of the run, so this is only needed in
   * front of events whose meaning depends on it (lost, cleared, marks), and makes their replay exact.
   */
  | { readonly type: 'claimed'; readonly instanceId: InstanceId; readonly attemptId: AttemptId }
  /**
   * The worker was not heard of for a full lease; it may still be running. `started`: the attempt is known to have been claimed,
   * whatever the run in memory knows of it.
   */
  | { readonly type: 'lost'; readonly instanceId: InstanceId; readonly attemptId: AttemptId; readonly reason: string; readonly started?: boolean }
  | { readonly type: 'timer'; readonly kind: 'retry' | 'resume'; readonly instanceId: InstanceId; readonly attemptSeq: number }
  | { readonly type: 'timer'; readonly kind: 'run_timeout' }
  /** Somebody reported a deferred instance's correlation key. */
  | { readonly type: 'resumed'; readonly instanceId: InstanceId; readonly payload: unknown }
  /** Run these again; the instances are already chosen (upstream, downstream, only failed …) by who asks. */
  | { readonly type: 'cleared'; readonly instanceIds: readonly InstanceId[]; readonly by: string }
  | { readonly type: 'marked'; readonly instanceIds: readonly InstanceId[]; readonly state: 'success' | 'failed' | 'skipped'; readonly by: string }
  | { readonly type: 'run_marked'; readonly state: 'success' | 'failed' | 'queued'; readonly by: string }
  /** The dag was paused or unpaused: a paused dag queues nothing new and lets what runs finish. */
  | { readonly type: 'paused'; readonly paused: boolean };

export interface FinishedEvent {
  readonly type: 'finished';
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly outcome: Outcome;
  /** false: fail without retry. */
  readonly retryable: boolean;
  readonly error: string;
  /** deferred, rescheduled: when to go on; null: only when resumed. */
  readonly resumeAtMs: number | null;
  /** Task ids a branch chose; null when the task is no branch. */
  readonly branch: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
}

export type RunEndState = Extract<RunState, 'success' | 'failed'>;
