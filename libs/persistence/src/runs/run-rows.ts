import type { AttemptId, BundleHash, DagVersionId, IndexPath, InstanceId, InstanceState, RunId, RunState, RunType } from '@millrace/vocabulary';

/** A run as the scheduler loads it: what it decides on, and what every task of it is told. Times in milliseconds since 1970 UTC. */
export interface RunRow {
  readonly id: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly dagVersionId: DagVersionId;
  readonly bundleHash: BundleHash | null;
  readonly state: RunState;
  readonly version: number;
  readonly runType: RunType;
  readonly logicalDateMs: number | null;
  readonly intervalStartMs: number | null;
  readonly intervalEndMs: number | null;
  readonly runAfterMs: number;
  readonly queuedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  readonly confJson: string;
  readonly paramsJson: string;
  readonly partitionKey: string | null;
  readonly taskSelection: readonly string[] | null;
  readonly backfillId: number | null;
  readonly traceparent: string | null;
  readonly paused: boolean;
  readonly switchedOff: readonly string[];
  readonly retriesUsed: number;
  readonly retryAtMs: number | null;
  readonly watched: boolean;
  /** Whose the dag is; empty: nobody's. */
  readonly team: string;
}

export interface InstanceRow {
  readonly id: InstanceId;
  readonly dagRunId: RunId;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly state: InstanceState;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly freeTries: number;
  readonly attemptId: AttemptId | null;
  readonly attemptSeq: number;
  readonly scheduledAtMs: number | null;
  readonly queuedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  readonly expandedTo: number | null;
  readonly lengths: Readonly<Record<string, number>> | null;
}

/** A queued run with the limits over its start. */
export interface StartableRun extends RunRow {
  /** Somebody waits for a run of this dag and date, and may not have found it. */
  readonly isAwaited: boolean;
  readonly dagLimit: number;
  readonly dagRunning: number;
  readonly backfillLimit: number | null;
  readonly backfillRunning: number;
  readonly waitedMs: number;
}
