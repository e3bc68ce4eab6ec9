import type { AttemptId, InstanceId, Outcome, RunState } from '@millrace/vocabulary';
import type { OutletEvent } from '../assets/outlet-events.js';

/** What can happen to a run. Plain data: stored with each decision, and replayable. Late or unknown ones are ignored with a reason. */
export type RunEvent =
  /** The run may begin: instances come into being, roots are queued. */
  | {
      readonly type: 'started';
      /** Tasks that are switched off as it starts. */
      readonly off?: readonly string[];
    }
  /** Instances come into being before the run starts, because somebody says something of them. */
  | { readonly type: 'made' }
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
  | { readonly type: 'timer'; readonly kind: 'retry' | WaitTimerKind; readonly instanceId: InstanceId; readonly attemptSeq: number }
  | { readonly type: 'timer'; readonly kind: 'run_timeout' }
  | { readonly type: 'timer'; readonly kind: 'run_retry' }
  /**
   * What a waiting instance waits for has come: its correlation key was reported, a person answered. `attemptSeq`: the wait that is
   * meant; left out, whatever wait it is in.
   */
  | { readonly type: 'resumed'; readonly instanceId: InstanceId; readonly payload: unknown; readonly attemptSeq?: number }
  /** Run these again; the instances are already chosen (upstream, downstream, only failed …) by who asks. */
  | { readonly type: 'cleared'; readonly instanceIds: readonly InstanceId[]; readonly by: string; /** A run that has ended stays ended: what is cleared runs when somebody puts the run back in line. */ readonly keepRun?: true }
  | { readonly type: 'marked'; readonly instanceIds: readonly InstanceId[]; readonly state: 'success' | 'failed' | 'skipped'; readonly by: string }
  | { readonly type: 'run_marked'; readonly state: 'success' | 'failed' | 'queued'; readonly by: string }
  /** Failed, because somebody does not want it any more. */
  | { readonly type: 'run_cancelled'; readonly by: string }
  /** The run before lets these tasks go (`dependsOnPast`), as of now. */
  | { readonly type: 'past'; readonly open: readonly string[] }
  /** Tasks of the dag that are switched off from now on; all others are on. */
  | { readonly type: 'switched'; readonly off: readonly string[] }
  /** Something outside waits for this run. */
  | { readonly type: 'watched' }
  /** An instance got the slots it asked for; `askedAtMs` says which time it asked. */
  | { readonly type: 'slots_granted'; readonly instanceId: InstanceId; readonly askedAtMs: number }
  /** What it asks for cannot be had: an unknown pool, more slots than there are. */
  | { readonly type: 'slots_refused'; readonly instanceId: InstanceId; readonly askedAtMs: number; readonly reason: string }
  /** There is room for more: what waits is looked at. */
  | { readonly type: 'room' }
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
  /** deferred, awaiting input: when the wait is given up, and what then. */
  readonly giveUp?: { readonly atMs: number; readonly as: GiveUp } | undefined;
  /** failed: names of the error, the nearest first: its own, its classes', its code. Retry policies look at them. */
  readonly errorNames?: readonly string[] | undefined;
  /** Task ids a branch chose; null when the task is no branch. */
  readonly branch: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
  /** What the try told of the assets it wrote; absent: nothing. Declared outlets are updated anyway. */
  readonly outletEvents?: readonly OutletEvent[];
  /** Of XComs that somebody maps over, by key: how many elements they have; -1: neither list nor object. Left out: nobody does. */
  readonly lengths?: Readonly<Record<string, number>>;
  /** What the condition of a loop said. */
  readonly loop?: 'again' | 'stop';
}

/** What becomes of a wait that took too long: the try fails, the task fails whatever retries are left, it is skipped, or it runs again and is told. */
export type GiveUp = 'fail' | 'fail_for_good' | 'skip' | 'resume';
/** Times an instance waits for: to go on, or to give up. */
export type WaitTimerKind = 'resume' | `give_up_${GiveUp}`;

export type RunEndState = Extract<RunState, 'success' | 'failed'>;
