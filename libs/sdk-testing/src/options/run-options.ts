import type { Duration, Plugin, TaskContext } from '@millrace/sdk';

/** What becomes of one try of a task, instead of running its code. */
export type Outcome =
  /** `run`: the task's own code, as if nothing was chosen. */
  | 'run'
  | 'success'
  | 'failed'
  | 'skipped'
  /** Succeeds with this as XCom `return_value`, and these besides. */
  | { readonly returns: unknown; readonly xcoms?: Readonly<Record<string, unknown>>; readonly takes?: Duration }
  /** Fails; with a text an `Error` of it, an error as it is (its class and code count for retry policies). `forGood`: no retry follows. */
  | { readonly fails: string | Error; readonly forGood?: boolean; readonly takes?: Duration }
  | { readonly skips: string; readonly takes?: Duration }
  /** A branch that chooses these. */
  | { readonly chooses: string | readonly string[]; readonly takes?: Duration }
  /** Run instead of the task's code, with the same context: return, throw, `skip()`, `fail()`, `defer()`. */
  | ((context: TaskContext) => unknown);

/** Fields of a connection; what is left out is null. Or a URI: `postgres://me:secret@host:5432/flights?sslmode=require`. */
export type FakeConnection = string | {
  readonly connType?: string;
  readonly host?: string | null;
  readonly port?: number | null;
  readonly login?: string | null;
  readonly password?: string | null;
  readonly schema?: string | null;
  readonly extra?: Readonly<Record<string, unknown>>;
};

/** What an external event brings to the task that waits for it. */
export interface FakeEvent {
  readonly payload?: unknown;
  /** After the task began to wait for it. @default at once */
  readonly after?: Duration;
}

/** What another platform reports of the work a task has submitted. */
export interface PlatformReport {
  readonly state: 'running' | 'success' | 'failed';
  /** After it was submitted. @default at once */
  readonly after?: Duration;
  readonly result?: unknown;
  readonly progress?: unknown;
  readonly reason?: string;
}

/** What a person answers to a task that asks: the option that is chosen, or more. */
export type FakeAnswer = string | {
  readonly chosenOptions: readonly string[];
  readonly paramsInput?: Readonly<Record<string, unknown>>;
  readonly respondedBy?: string;
  /** After the question was asked. @default at once */
  readonly after?: Duration;
};

export interface FakeAssetEvent {
  readonly asset: string;
  readonly uri?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly timestamp?: Date | string;
  readonly partitionKey?: string;
}

export interface RunDagOptions {
  /** What the run is triggered with; overlays the dag's params, and is checked against their schemas. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** A date, ISO text, or null for a run without one. @default 2026-01-01T00:00:00Z */
  readonly logicalDate?: Date | string | null;
  /** @default what the dag's timetable says of the logical date */
  readonly dataInterval?: { readonly start: Date | string; readonly end: Date | string };
  /** @default made from type and date, as `manual__2026-01-01T00:00:00+00:00` */
  readonly runId?: string;
  /** @default 'manual' */
  readonly runType?: 'manual' | 'scheduled' | 'backfill' | 'asset_triggered' | 'asset_materialization';
  readonly partitionKey?: string;
  /** What the clock shows when the run starts. Waits and retry delays move it and take no time. @default the logical date, or 2026-01-01T00:00:00Z */
  readonly now?: Date | string;
  /** Only these tasks exist in the run. @default all */
  readonly tasks?: readonly string[];
  /**
   * By task id, or `id[0]` for one instance of a mapped task: what becomes of it. A list: one for each try, after its end the task's own code.
   * @example { extract: { returns: [1, 2] }, load: [{ fails: 'down' }, 'run'] }
   */
  readonly outcomes?: Readonly<Record<string, Outcome | readonly Outcome[]>>;
  readonly connections?: Readonly<Record<string, FakeConnection>>;
  /** Texts; other values as their JSON. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** By correlation key: events that tasks wait for with `defer({ correlationKey })`. */
  readonly events?: Readonly<Record<string, FakeEvent>>;
  /** By task id: what the platform reports of the work an `ExternalOperator` has submitted. */
  readonly platform?: Readonly<Record<string, PlatformReport | readonly PlatformReport[]>>;
  /** By task id: what is answered to a task that asks a person. */
  readonly answers?: Readonly<Record<string, FakeAnswer>>;
  /** By dag id: the state of runs of other dags. @default 'success' */
  readonly otherRuns?: Readonly<Record<string, 'queued' | 'running' | 'success' | 'failed'>>;
  /** XComs of other dags and runs: `{ 'other_dag.task': value }`. */
  readonly otherXComs?: Readonly<Record<string, unknown>>;
  /** Values of task state stores before the run, by task id, and of assets by `asset:name`. */
  readonly state?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Events that `inletEvents` finds. */
  readonly assetEvents?: readonly FakeAssetEvent[];
  /** Events that asked for the run. */
  readonly triggeringAssetEvents?: readonly FakeAssetEvent[];
  /** @default true */
  readonly isLatestRun?: boolean;
  /** Plugins whose listeners, links and macros the dag has, as the dags of an installation with them. */
  readonly plugins?: readonly (Plugin | { readonly default: Plugin })[];
  /** Sees the log of the tasks as it is written. @default nobody; `run.task(…).log` has it */
  readonly onLog?: (line: LogLine) => void;
}

export interface LogLine {
  readonly taskId: string;
  readonly indexPath: readonly number[];
  readonly tryNumber: number;
  readonly level: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';
  readonly message: string;
  readonly at: Date;
}

