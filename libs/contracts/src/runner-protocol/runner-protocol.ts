import type { Outcome } from '@millrace/vocabulary';

/**
 * Worker supervisor ↔ runner process, over the child's IPC channel, as JSON.
 * A runner runs one attempt at a time and is reused; it knows no address and no credential but what stands here.
 */
export interface RunRequest {
  readonly type: 'run';
  readonly attemptId: string;
  readonly instanceId: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: readonly number[];
  readonly tryNumber: number;
  readonly maxTries: number;
  /** Absolute path of the cached bundle, an ES module. */
  readonly bundleFile: string;
  /** Absolute path of the log file of this try; the runner appends to it. */
  readonly logFile: string;
  readonly logicalDate: string | null;
  readonly dataIntervalStart: string | null;
  readonly dataIntervalEnd: string | null;
  readonly runAfter: string;
  readonly runType: string;
  readonly startDate: string;
  /** JSON texts as the scheduler sent them. */
  readonly confJson: string;
  readonly paramsJson: string;
  readonly resumeJson: string;
  readonly partitionKey: string | null;
  readonly owner: string;
  readonly queue: string;
  readonly traceparent: string;
  /** A folder of this try's own, removed when it ends. */
  readonly scratchDir: string;
  readonly xcomMaxBytes: number;
}

export type ToRunner =
  | RunRequest
  /** Load a bundle before it is needed. */
  | { readonly type: 'preload'; readonly bundleFile: string }
  /** Stop: the context's abort signal fires; the supervisor kills the process tree after the grace. */
  | { readonly type: 'cancel'; readonly attemptId: string; readonly reason: string }
  | { readonly type: 'answer'; readonly requestId: number; readonly ok: true; readonly value: RunnerAnswer }
  | { readonly type: 'answer'; readonly requestId: number; readonly ok: false; readonly error: string }
  /** Proof that the supervisor lives; a runner that misses it for RUNNER_SELF_FENCE_MS ends itself. */
  | { readonly type: 'ping' };

export type RunnerQuestion =
  | { readonly ask: 'xcom'; readonly dagId: string | null; readonly runId: string | null; readonly taskIds: readonly string[]; readonly key: string; readonly indexPath: readonly number[] | null; readonly includePriorDates: boolean }
  | { readonly ask: 'variable'; readonly key: string }
  | { readonly ask: 'connection'; readonly connectionId: string };

export type RunnerAnswer =
  | { readonly xcoms: readonly { readonly taskId: string; readonly indexPath: readonly number[]; readonly json: string }[] }
  /** Variable value as text, connection as JSON; null when there is none. */
  | { readonly json: string | null };

export interface RunResult {
  readonly type: 'result';
  readonly attemptId: string;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  readonly error: string;
  readonly xcoms: readonly { readonly key: string; readonly json: string }[];
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly resumeAt: string | null;
  readonly resumeJson: string;
  readonly correlationKey: string;
  readonly renderedFieldsJson: string;
  /** Task ids a branch chose; null when the task is no branch. */
  readonly branchTaskIds: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
}

export type FromRunner =
  | { readonly type: 'ready'; readonly pid: number }
  | { readonly type: 'preloaded'; readonly bundleFile: string; readonly error: string | null }
  | { readonly type: 'question'; readonly requestId: number; readonly attemptId: string; readonly question: RunnerQuestion }
  | RunResult;
