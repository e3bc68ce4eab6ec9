import type { MaintenanceCommands } from './maintenance-commands.js';
import type { WaitingCommands } from './waiting-commands.js';
import type { BackfillException } from '@millrace/persistence';
import type { IndexPath, InstanceId, InstanceState, ReprocessBehavior, RunId, RunState, RunType, TriggeredBy } from '@millrace/vocabulary';

/**
 * What people and programs ask of runs. Each call is one transaction under the run's version check, applied when it returns
 * (read your writes); any process with the database may make it. Refusals are MillraceError with the code to show.
 */
export interface Commands {
  /** A pool was made, changed or deleted: schedulers look again at who waits for slots. Losing this costs a sweep. */
  poolsChanged(): void;
  /** What people and platforms say to instances that wait. */
  readonly waiting: WaitingCommands;
  /** Holding everything for a while, and emptying single workers. */
  readonly maintenance: Pick<MaintenanceCommands, 'set' | 'drain'>;
  /** Inserts the run and rings the doorbell. The run is committed before this returns. 404 dag, 409 run id or logical date exists, 422 bad conf. */
  trigger(input: TriggerInput): Promise<{ readonly id: RunId; readonly runId: string }>;
  /** Pauses or unpauses a dag; unpausing never floods. */
  setPaused(dagId: string, paused: boolean, actor: string): Promise<void>;
  /** Resolves Airflow's clear/mark selection to instances, newest state first read; changes nothing. */
  selectInstances(selection: InstanceSelection): Promise<readonly SelectedInstance[]>;
  /** They run again. 409 when `latest` is asked for a run that has not ended. */
  clearInstances(instanceIds: readonly InstanceId[], actor: string, options?: ClearOptions): Promise<void>;
  markInstances(instanceIds: readonly InstanceId[], state: 'success' | 'failed' | 'skipped', actor: string): Promise<void>;
  /** All of a run again, in line with the others. */
  clearRun(id: RunId, actor: string, options?: Pick<ClearOptions, 'latest'>): Promise<void>;
  /** Stores the instances of runs that have not started yet, so that they can be marked. */
  makeInstances(ids: readonly RunId[]): Promise<void>;
  /** Of a run that has ended; 409 otherwise. */
  deleteInstances(id: RunId, instanceIds: readonly InstanceId[], actor: string): Promise<void>;
  /** queued: a run that ended goes back in line; its instances stay as they are, as in Airflow. */
  markRun(id: RunId, state: 'success' | 'failed' | 'queued', actor: string): Promise<void>;
  /** Effects are owed: schedulers are told to look. Lost, it costs a sweep. */
  pokeEffects(): void;
  /** What runs is stopped, the rest skipped, the run failed with "cancelled by". 409 when it has ended. */
  cancelRun(id: RunId, actor: string): Promise<void>;
  deleteRun(id: RunId, actor: string): Promise<void>;
  /** A task that is off is skipped when its turn comes, in every version of the dag, until it is switched on. 404 dag or task. */
  switchTask(input: SwitchInput): Promise<{ readonly changed: boolean }>;
  /** Lets a dag that holds after a failed run go on. */
  releaseDag(dagId: string, actor: string): Promise<{ readonly heldBy: RunId | null }>;
  /** Lists what a backfill would create (`dryRun`), or creates it with its runs. */
  createBackfill(input: BackfillInput, dryRun: boolean): Promise<BackfillPlan>;
  setBackfillPaused(backfillId: number, paused: boolean, actor: string): Promise<void>;
  /** Something happened to an asset outside: recorded, and what waits for it is looked at. Returns the event's id. */
  recordAssetEvent(input: AssetEventInput): Promise<number>;
  cancelBackfill(backfillId: number, actor: string): Promise<void>;
}

export interface ClearOptions {
  /** Runs that ended stay ended (Airflow's `reset_dag_runs: false`). */
  readonly keepRuns?: boolean | undefined;
  /** Runs that ended are moved to the newest version of their dag first. */
  readonly latest?: boolean | undefined;
}

export interface SwitchInput {
  readonly dagId: string;
  readonly taskId: string;
  readonly off: boolean;
  readonly note?: string | null | undefined;
  readonly actor: string;
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
  /** W3C trace context of the caller; the run's spans join it. */
  readonly traceparent?: string | null | undefined;
  readonly runType?: RunType | undefined;
  readonly triggeredBy: TriggeredBy;
  readonly actor: string;
  /** Only these tasks exist in the run. */
  readonly taskSelection?: readonly string[] | undefined;
}

export interface AssetEventInput {
  readonly name: string;
  readonly uri: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly partitionKey: string | null;
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
  /** Only what is named: a mark says nothing of setups and teardowns, a clear needs them. */
  readonly withoutSetups?: boolean | undefined;
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
  /** Runs that are run again take the dag's current version instead of their own. Default true. */
  readonly runOnLatestVersion?: boolean | undefined;
  readonly actor: string;
}

export interface BackfillPlan {
  /** null in a dry run. */
  readonly backfillId: number | null;
  readonly runs: readonly {
    readonly logicalDate: Date;
    readonly dataIntervalStart: Date;
    readonly dataIntervalEnd: Date;
    readonly runAfter: Date;
    /** Of a schedule of partitions; its runs have no logical date. */
    readonly partition: { readonly key: string; readonly date: Date } | null;
    /** The run of this date or partition that is there; null: none. */
    readonly existing: RunId | null;
    /** create, clear (exists and is to be run again), skip (exists and stays; `why` says so). */
    readonly action: 'create' | 'clear' | 'skip';
    readonly existingState: RunState | null;
    /** Airflow's word for why a date is skipped. */
    readonly exceptionReason: BackfillException | null;
    readonly why: string;
  }[];
}
