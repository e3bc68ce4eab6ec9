import type { OtherRuns } from '../other-runs/other-runs.js';
import type { Asset, AssetAlias } from '../assets/asset.js';

/** What a running task sees. Handed as last argument to task functions and to `Operator.execute`. */
export interface TaskContext<P extends object = Readonly<Record<string, unknown>>> {
  readonly dagId: string;
  /** Airflow's `run_id`, e.g. `manual__2026-05-23T04:48:14.310347+00:00`. */
  readonly runId: string;
  readonly taskId: string;
  /** `[]` unmapped, `[3]` mapped, `[2, 5]` nested. */
  readonly indexPath: readonly number[];
  /** -1 when unmapped, as in Airflow; nested: the last of `indexPath`. */
  readonly mapIndex: number;
  /** Starts at 1 and grows for ever, through clears. */
  readonly tryNumber: number;
  readonly maxTries: number;
  /** Unique per dispatch. Use it as a fence in effects outside: a task may run again after its worker was lost. */
  readonly attemptId: string;
  /** W3C trace context to hand on to what the task calls; empty when the run is not traced. */
  readonly traceparent: string;
  /** Null for a manual run without one. */
  readonly logicalDate: Date | null;
  readonly dataIntervalStart: Date | null;
  readonly dataIntervalEnd: Date | null;
  readonly runAfter: Date;
  /** `manual`, `scheduled`, `backfill`, … */
  readonly runType: string;
  /** When this try started. */
  readonly startDate: Date;
  /** `YYYY-MM-DD` of the logical date; undefined when the run has none. */
  readonly ds: string | undefined;
  /** ISO 8601 of the logical date; undefined when the run has none. */
  readonly ts: string | undefined;
  readonly owner: string;
  readonly queue: string;
  /** Dag params, overlaid by the task's params and by the run's conf. */
  readonly params: P;
  /** What the run was triggered with. */
  readonly conf: Readonly<Record<string, unknown>>;
  readonly ti: TaskInstanceAccess;
  readonly variables: Variables;
  readonly connections: Connections;
  /** The log of this try. `console` and stdout go there too. */
  readonly log: TaskLog;
  /** Fires when the try is to stop: cancelled, marked by hand, or out of time. The process tree is killed after the grace. */
  readonly signal: AbortSignal;
  /** A folder of this try's own on the worker's disk, removed when the try ends. */
  readonly scratchDir: string;
  /**
   * A folder all tasks of this run share, on the worker's disk; only in a dag with `placement: 'single-worker'`, else reading it throws.
   * When the run goes to another worker it is new and empty: `placement.generation` counts that.
   */
  readonly runScratchDir: string;
  /** How many workers this run has had, this one included; null when it may run on any. */
  readonly placement: { readonly generation: number } | null;
  /** What `defer({ resume })` kept; null at the first start. */
  readonly resume: unknown;
  /** What ended the wait before this attempt, with what was reported; null when it did not wait. */
  readonly resumedBy: ResumedBy | null;
  /** When the first try since the instance was made or cleared began: what a sensor's time-out counts from. */
  readonly firstStartDate: Date;
  /** Attempts before this one that ended in waiting, since then. */
  readonly looks: number;
  /** Now by the database's clock, ms since 1970. */
  readonly nowMs: number;
  readonly partitionKey: string | null;
  /**
   * What this try tells of one of its outlets; sent with its result when it succeeds.
   * @example context.outletEvents(flights).extra['rows'] = 5
   * @throws TypeError when it is no outlet of the task
   */
  outletEvents(target: Asset | AssetAlias | string): OutletEvent;
  /** Events of an asset or alias, oldest first: the newest 100 unless asked otherwise. */
  inletEvents(target: Asset | AssetAlias | string, options?: InletEventsOptions): Promise<readonly AssetEvent[]>;
  /** The events that asked for this run, by the name of their asset; empty when none did. */
  triggeringAssetEvents(): Promise<Readonly<Record<string, readonly AssetEvent[]>>>;
  /** Whether this run is the newest its schedule has asked for; always true of runs made by hand or by assets. */
  isLatestRun(): Promise<boolean>;
  /** Values of this task that outlive the try and the run: watermarks, ids. Shared by all runs of the dag. */
  readonly state: StateStore;
  /** The same of an asset: shared by every task that names it. */
  assetState(asset: string | { readonly name: string }): StateStore;
  /** Work this instance started on another platform. See `ExternalOperator`. */
  readonly external: ExternalWork;
  /** Runs of other dags: make one, look how they stand. */
  readonly otherRuns: OtherRuns;
  /** What a person answered to this try's question; null: nobody did yet. `takeDefaults`: when nobody did, the defaults are the answer. */
  answer(takeDefaults?: boolean): Promise<Answer | null>;
  /** @internal sleeps in a time that is not the machine's: set by tests of dags */
  readonly pauseMs?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Hides a value in everything this try logs from now on. Passwords of connections are hidden by themselves. */
  maskSecret(value: string): void;
}

/** JSON values by key, at most 64 KiB each. A change is stored when its promise resolves, whatever becomes of the try. */
export interface StateStore {
  /** The value; the fallback when there is none. @param fallback @default null */
  get<T = unknown>(key: string, fallback?: T): Promise<T | null>;
  /** The value with its version; null when there is none. */
  read<T = unknown>(key: string): Promise<{ readonly value: T; readonly version: number } | null>;
  /** Stores a value whatever is there. @returns its version */
  set(key: string, value: unknown): Promise<number>;
  /** Stores a value only over this version (null: only when there is none). @returns the new version; null when somebody else was first */
  compareAndSet(key: string, expectedVersion: number | null, value: unknown): Promise<number | null>;
  /** Changes a value by what it is now; `change` is called again when somebody else was first. @returns the new value */
  update<T>(key: string, change: (value: T | null) => T): Promise<T>;
  delete(key: string): Promise<void>;
  /** All keys, in order. */
  keys(): Promise<string[]>;
}

export type ExternalEndState = 'success' | 'failed' | 'cancelled' | 'timed_out';

/** What is known of work on another platform. */
export interface ExternalJob {
  /** Ours, the same through retries of a try that was lost: hand it to the platform as idempotency key. */
  readonly id: string;
  /** submitting: the request may have been sent, or not. */
  readonly state: 'submitting' | 'submitted' | 'running' | ExternalEndState;
  /** The platform's. */
  readonly externalId: string | null;
  readonly result: unknown;
  readonly progress: unknown;
  readonly reason: string | null;
  /** ms since 1970, by the database's clock. */
  readonly createdAtMs: number;
  /** What a wait for it names: `defer({ correlationKey: job.correlationKey })`. */
  readonly correlationKey: string;
}

/** How the platform is told to stop, by the scheduler, when nobody waits any more. */
export interface CancelRequest {
  readonly url: string;
  /** @default 'POST' */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A connection whose login and password (or password alone, as Bearer token) authorise the request. */
  readonly connectionId?: string;
}

export interface ExternalWork {
  /** The work this instance goes on with, also one that an earlier try began; a new one when there is none. `callbackUrl`: where the platform reports; none when the work has ended. */
  begin(options?: { readonly cancel?: CancelRequest }): Promise<ExternalJob & { readonly isNew: boolean; readonly callbackUrl?: string }>;
  /** The platform took it. */
  submitted(options?: { readonly externalId?: string | null; readonly cancel?: CancelRequest }): Promise<ExternalJob>;
  /** What the task found out of it. The first end counts; `timed_out` and `cancelled` tell the platform to stop. */
  report(report: { readonly state: 'running' | ExternalEndState; readonly result?: unknown; readonly progress?: unknown; readonly reason?: string }): Promise<ExternalJob & { readonly counted: boolean }>;
  /** What is known of it; null: nothing was begun. */
  get(): Promise<ExternalJob | null>;
}

/** What a person answered. */
export interface Answer {
  readonly chosenOptions: readonly string[];
  readonly paramsInput: Readonly<Record<string, unknown>>;
  /** null: nobody answered in time, and the defaults count. */
  readonly respondedBy: { readonly id: string; readonly name: string } | null;
  readonly respondedAt: string;
}

/** `time`: it was time to go on. `event`: its correlation key was reported. `timeout`: it waited too long, and asked to be told. */
export interface ResumedBy<Payload = unknown> {
  readonly by: 'time' | 'event' | 'timeout';
  /** What was reported with the event; null otherwise. */
  readonly payload: Payload;
}

export interface XComPullOptions {
  /** One id gives its value; a list gives a list in the same order. */
  readonly taskIds: string | readonly string[];
  /** @default 'return_value' */
  readonly key?: string;
  /** @default this dag */
  readonly dagId?: string;
  /** @default this run */
  readonly runId?: string;
  /** Null for all mapped instances. @default null */
  readonly indexPath?: readonly number[] | null;
  /** Also look at earlier runs of the dag. @default false */
  readonly includePriorDates?: boolean;
}

export interface XComPageQuestion {
  readonly taskId: string;
  readonly key: string;
  /** What the instances' paths begin with; with `elements` the path of the one instance. */
  readonly indexPath: readonly number[];
  readonly offset: number;
  readonly limit: number;
  /** The elements of a list, or the entries of an object as [key, value], instead of whole values. */
  readonly elements: boolean;
}

export interface PagedXComs<T> {
  readonly values: readonly { readonly indexPath: readonly number[]; readonly value: T }[];
  /** How many there are altogether; -1: the value has no elements. */
  readonly total: number;
}

export interface TaskInstanceAccess {
  /** The value another task pushed; null when there is none. */
  xcomPull<T = unknown>(options: XComPullOptions & { readonly taskIds: string }): Promise<T | null>;
  xcomPull<T = unknown>(options: XComPullOptions & { readonly taskIds: readonly string[] }): Promise<(T | null)[]>;
  /** @internal some of the values of a mapped task's instances, or, with `elements`, of the parts of one value. */
  xcomPage<T = unknown>(question: XComPageQuestion): Promise<PagedXComs<T>>;
  /** Keeps a JSON value for other tasks; sent with the result of the try. @throws TypeError for a value JSON cannot carry */
  xcomPush(key: string, value: unknown): void | Promise<void>;
}

export interface Variables {
  /** The variable as text; the fallback when there is none. @param fallback @default null */
  get(key: string, fallback?: string | null): Promise<string | null>;
  /** The variable read as JSON; the fallback when there is none. @param fallback @default null */
  getJson<T = unknown>(key: string, fallback?: T): Promise<T | null>;
}

export interface Connection {
  readonly connectionId: string;
  /** e.g. `postgres`, `http`. */
  readonly connType: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly login: string | null;
  readonly password: string | null;
  /** Database name, for databases. */
  readonly schema: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

export interface Connections {
  /** @throws Error naming the id when there is no such connection */
  get(connectionId: string): Promise<Connection>;
}

/** Arguments are put together as `console.log` does. */
export interface TaskLog {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

export interface OutletEvent {
  /** Kept with the event. JSON values. */
  extra: Record<string, unknown>;
  /** Of an alias: updates this asset through it. One that is not known comes into being. */
  add(asset: Asset | string, extra?: Readonly<Record<string, unknown>>): void;
  /** Of an asset: one event for each of these keys, instead of one for the run's partition. */
  addPartitions(...keys: readonly (string | readonly string[])[]): void;
}

export interface InletEventsOptions {
  /** 1 to 10,000. @default 100 */
  readonly limit?: number;
  readonly after?: Date | string;
  readonly before?: Date | string;
  /** Oldest first. @default true */
  readonly ascending?: boolean;
}

/** An event of an asset. */
export interface AssetEvent {
  readonly assetName: string;
  readonly assetUri: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly timestamp: Date;
  /** Null, as the other sources: it was reported from outside. */
  readonly sourceDagId: string | null;
  readonly sourceRunId: string | null;
  readonly sourceTaskId: string | null;
  /** -1 when unmapped. */
  readonly sourceMapIndex: number | null;
  readonly partitionKey: string | null;
  /** Aliases it came through. */
  readonly aliases: readonly string[];
}
