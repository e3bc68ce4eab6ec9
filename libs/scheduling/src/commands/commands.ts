import type { IndexPath, InstanceId, InstanceState, ReprocessBehavior, RunId, RunState, RunType, TriggeredBy } from '@millrace/vocabulary';

/**
 * What people and programs ask of runs. Each call is one transaction under the run's version check, applied when it returns
 * (read your writes); any process with the database may make it. Refusals are MillraceError with the code to show.
 */
export interface Commands {
  /** Inserts the run and rings the doorbell. The run is committed before this returns. 404 dag, 409 run id or logical date exists, 422 bad conf. */
  trigger(input: TriggerInput): Promise<{ readonly id: RunId; readonly runId: string }>;
  /** Pauses or unpauses a dag; unpausing never floods. */
  setPaused(dagId: string, paused: boolean, actor: string): Promise<void>;
  /** Resolves Airflow's clear/mark selection to instances, newest state first read; changes nothing. */
  selectInstances(selection: InstanceSelection): Promise<readonly SelectedInstance[]>;
  clearInstances(instanceIds: readonly InstanceId[], actor: string): Promise<void>;
  markInstances(instanceIds: readonly InstanceId[], state: 'success' | 'failed' | 'skipped', actor: string): Promise<void>;
  /** queued: clears the whole run. */
  markRun(id: RunId, state: 'success' | 'failed' | 'queued', actor: string): Promise<void>;
  deleteRun(id: RunId, actor: string): Promise<void>;
  /** Lists what a backfill would create (`dryRun`), or creates it with its runs. */
  createBackfill(input: BackfillInput, dryRun: boolean): Promise<BackfillPlan>;
  setBackfillPaused(backfillId: number, paused: boolean, actor: string): Promise<void>;
  cancelBackfill(backfillId: number, actor: string): Promise<void>;
}

export interface TriggerInput {
  readonly dagId: string;
  /** Default: made from type and time, as Airflow does. */
  readonly runId?: string | undefined;
  readonly logicalDate?: Date | null | undefined;
  readonly dataIntervalStart?: Date | null | undefined;
  readonly dataIntervalEnd?: Date | null | undefined;
  readonly runAfter?: Date | null | undefined;
  readonly conf?: Readonly<Record<string, unknown>> | null | undefined;
  readonly note?: string | null | undefined;
  readonly partitionKey?: string | null | undefined;
  readonly runType?: RunType | undefined;
  readonly triggeredBy: TriggeredBy;
  readonly actor: string;
  /** Only these tasks exist in the run. */
  readonly taskSelection?: readonly string[] | undefined;
}

export interface InstanceSelection {
  readonly dagId: string;
  /** Airflow's run id; null: every run in the date range. */
  readonly runId: string | null;
  readonly startDate?: Date | null | undefined;
  readonly endDate?: Date | null | undefined;
  /** Task ids, or task id with map index; null: all tasks. */
  readonly tasks: readonly (string | readonly [taskId: string, mapIndex: number])[] | null;
  readonly includeUpstream?: boolean | undefined;
  readonly includeDownstream?: boolean | undefined;
  readonly includePast?: boolean | undefined;
  readonly includeFuture?: boolean | undefined;
  readonly onlyFailed?: boolean | undefined;
  readonly onlyRunning?: boolean | undefined;
}

export interface SelectedInstance {
  readonly id: InstanceId;
  readonly dagRunUuid: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly state: InstanceState;
}

export interface BackfillInput {
  readonly dagId: string;
  readonly fromDate: Date;
  readonly toDate: Date;
  readonly runBackwards?: boolean | undefined;
  readonly conf?: Readonly<Record<string, unknown>> | undefined;
  readonly reprocessBehavior?: ReprocessBehavior | undefined;
  /** Default 10. */
  readonly maxActiveRuns?: number | undefined;
  readonly actor: string;
}

export interface BackfillPlan {
  /** null in a dry run. */
  readonly backfillId: number | null;
  readonly runs: readonly {
    readonly logicalDate: Date;
    readonly dataIntervalStart: Date;
    readonly dataIntervalEnd: Date;
    /** create, clear (exists and is to be run again), skip (exists and stays; `why` says so). */
    readonly action: 'create' | 'clear' | 'skip';
    readonly existingState: RunState | null;
    readonly why: string;
  }[];
}
