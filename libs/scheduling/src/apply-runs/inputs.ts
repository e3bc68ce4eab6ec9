import type { RunEvent } from '@millrace/engine';
import type { AttemptFacts, QuestionWrite } from '@millrace/persistence';
import type { AttemptId, ClaimToken, InstanceId, SessionId } from '@millrace/vocabulary';
import type { executionProto } from '@millrace/contracts';

/** A completion's companions: what is written with it, and who may go on with a successor. */
export interface CompletionInput {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly claimToken: ClaimToken;
  /** This process granted the claim itself, so the token is known to be right without asking the database. */
  readonly claimKnown: boolean;
  readonly facts: AttemptFacts | null;
  /** What a person sees instead of the index of a mapped instance; null: nothing else. */
  readonly indexName: string | null;
  readonly xcoms: readonly { readonly key: string; readonly json: string }[];
  /** What the attempt asks a person; null: nothing. */
  readonly question: AskedQuestion | null;
  /** The worker that would take a successor in the slot this attempt leaves; null: it would not. */
  readonly taker: Taker | null;
  /** Other work waits at the worker: only what comes after this very task may take its slot. */
  readonly onlySuccessor: boolean;
}

export type AskedQuestion = Omit<QuestionWrite, 'runId' | 'instanceId' | 'tryNumber'>;

export interface Taker {
  readonly sessionId: SessionId;
  readonly workerName: string;
  readonly queues: ReadonlySet<string>;
}

/** One thing to apply to a run. */
export interface RunInput {
  readonly event: RunEvent;
  readonly completion?: CompletionInput | undefined;
  /** The timer row, or run_event row, that goes away with the decision. */
  readonly timerId?: string | undefined;
  readonly runEventId?: string | undefined;
  /** The signal a `resumed` hands over; it goes away with the decision that uses it, and stays when none does. */
  readonly signalId?: string | undefined;
  /** Decide on what is stored, not on what is remembered (claims are not versioned, so memory may not know who started). */
  readonly fresh?: boolean | undefined;
  /** Only a look at whether there is something to do: when there is not, nothing is written or read. */
  readonly hint?: boolean | undefined;
  /** Write a new version even when nothing of the run changed: something beside it did (its dag was paused), and who remembers it must read again. */
  readonly bump?: boolean | undefined;
  /** The person's action this is, for the audit log, in the same commit. */
  readonly audit?: { readonly event: string; readonly actor: string; readonly extra: string | null } | undefined;
}

export type InputResult =
  /** Committed. `next`: successors claimed for the worker in the same commit. */
  | { readonly kind: 'applied'; readonly next: readonly executionProto.Grant[] }
  /** Changed nothing, and why. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** Could not be decided now; nothing is written, or it is not known whether it is. Ask again. */
  | { readonly kind: 'later'; readonly reason: string };
