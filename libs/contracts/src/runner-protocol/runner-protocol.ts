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
  /** Of an attempt that follows a wait; null otherwise. */
  readonly wait: RunWait | null;
  readonly partitionKey: string | null;
  readonly owner: string;
  readonly queue: string;
  readonly traceparent: string;
  /** A folder of this try's own, removed when it ends. */
  readonly scratchDir: string;
  /** A folder all tasks of the run share; null: the run is for any worker. */
  readonly runScratchDir: string | null;
  /** Workers the run has had, this one included; 0: it is for any. */
  readonly placementGeneration: number;
  readonly xcomMaxBytes: number;
  /** Not the task is run, but what its author wants to be told of a change. */
  readonly callback?: CallbackRequest;
}

export interface CallbackRequest {
  readonly id: string;
  readonly on: 'success' | 'failure' | 'retry' | 'skipped' | 'deadline';
  readonly reason: string;
  readonly state: string;
  /** The deadline's name; null otherwise. */
  readonly deadline: string | null;
}

/** What an attempt that follows a wait is told of it. */
export interface RunWait {
  /** When the first try since the instance was made or cleared began. */
  readonly firstStartDate: string;
  /** Attempts that ended in waiting since then. */
  readonly looks: number;
  /** Empty: it was an earlier try that waited. */
  readonly resumedBy: string;
  readonly payloadJson: string;
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
  | { readonly ask: 'xcom'; readonly dagId: string | null; readonly runId: string | null; readonly taskIds: readonly string[]; readonly key: string; readonly indexPath: readonly number[] | null; readonly includePriorDates: boolean; readonly page?: XComPage }
  | { readonly ask: 'variable'; readonly key: string }
  | { readonly ask: 'connection'; readonly connectionId: string }
  /** Whether this run is the newest its schedule has asked for; `true` or `false`. */
  | { readonly ask: 'latestRun' }
  | StateQuestion
  | ExternalQuestion
  /** The answer a person gave to this try's question; `takeDefaults`: nobody did in time. */
  | { readonly ask: 'answer'; readonly takeDefaults: boolean }
  | OtherRunQuestion
  | AssetEventsQuestion;

/** A value that outlives the try: of this task, or of an asset. */
export interface StateQuestion {
  readonly ask: 'state';
  readonly operation: 'get' | 'set' | 'delete' | 'list';
  /** Name of the asset; empty: the task's own. */
  readonly asset: string;
  readonly key: string;
  readonly json: string;
  /** The version it must have; 0: none may be there; null: whatever is there. */
  readonly expectedVersion: number | null;
  readonly operationId: string;
}

/** Runs of other dags: make one, or look how they stand. Answered by JSON. */
export interface OtherRunQuestion {
  readonly ask: 'otherRun';
  readonly operation: 'trigger' | 'look';
  readonly json: string;
}

/** Work on another platform. */
export interface ExternalQuestion {
  readonly ask: 'external';
  readonly operation: 'begin' | 'submitted' | 'report' | 'get';
  readonly externalId: string;
  readonly cancelJson: string;
  readonly state: string;
  readonly resultJson: string;
  readonly progressJson: string;
  readonly reason: string;
}

/** Events of an asset (`name`, and `uri` unless any will do) or of an alias, or those that triggered the run. Answered by a JSON list. */
export interface AssetEventsQuestion {
  readonly ask: 'assetEvents';
  readonly triggering: boolean;
  readonly name: string;
  readonly uri: string;
  readonly alias: string;
  readonly after: string;
  readonly before: string;
  readonly limit: number;
  readonly ascending: boolean;
}

/** What a task told of an asset it wrote. */
export interface ToldOutletEvent {
  readonly name: string;
  /** Empty: that of the declared outlet. */
  readonly uri: string;
  readonly group: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
  /** null: not through an alias. */
  readonly alias: string | null;
  readonly partitionKeys: readonly string[];
}

/** Some of the values of one task's instances (those under a path), in index order; or, with `elements`, of the elements of the one value at the index path. */
export interface XComPage {
  readonly under: readonly number[];
  readonly offset: number;
  readonly limit: number;
  readonly elements: boolean;
}

export type RunnerAnswer =
  /** `total`: of a page, how many there are altogether; -1: neither a list nor an object. */
  | { readonly xcoms: readonly { readonly taskId: string; readonly indexPath: readonly number[]; readonly json: string }[]; readonly total?: number }
  /** Variable value as text, connection as JSON; null when there is none. */
  | { readonly json: string | null }
  | { readonly stored: { readonly json: string | null; readonly version: number; readonly conflict: boolean } };

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
  /** When the wait is given up, and what then; null: never. */
  readonly giveUp: { readonly at: string; readonly as: string } | null;
  /** Names of the error that failed the try, the nearest first. */
  readonly errorNames: readonly string[];
  /** What the try asks a person; null: nothing. */
  readonly question: RunQuestion | null;
  readonly renderedFieldsJson: string;
  /** Task ids a branch chose; null when the task is no branch. */
  readonly branchTaskIds: readonly string[] | null;
  readonly skipDownstream: '' | 'all' | 'direct';
  /** What the condition of a loop said; left out: it is none. */
  readonly loop?: 'again' | 'stop';
  /** What people see instead of the index of a mapped instance. */
  readonly indexName?: string;
  /** JSON list of {@link ToldOutletEvent}; empty: nothing. */
  readonly outletEventsJson: string;
}

export interface RunQuestion {
  readonly subject: string;
  readonly body: string;
  readonly options: readonly string[];
  readonly defaults: readonly string[] | null;
  readonly multiple: boolean;
  readonly paramsJson: string;
  readonly assigneesJson: string;
}

export type FromRunner =
  | { readonly type: 'ready'; readonly pid: number }
  | { readonly type: 'preloaded'; readonly bundleFile: string; readonly error: string | null }
  | { readonly type: 'question'; readonly requestId: number; readonly attemptId: string; readonly question: RunnerQuestion }
  | RunResult;
