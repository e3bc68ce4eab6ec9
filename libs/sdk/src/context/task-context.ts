/** What a running task sees. Handed as last argument to task functions and to `Operator.execute`. */
export interface TaskContext<P extends object = Readonly<Record<string, unknown>>> {
  readonly dagId: string;
  /** Airflow's `run_id`, e.g. `manual__2026-05-23T04:48:14.310347+00:00`. */
  readonly runId: string;
  readonly taskId: string;
  /** `[]` unmapped, `[3]` mapped, `[2, 5]` nested. */
  readonly indexPath: readonly number[];
  /** -1 when unmapped, as in Airflow. */
  readonly mapIndex: number;
  /** Starts at 1 and grows for ever, through clears. */
  readonly tryNumber: number;
  readonly maxTries: number;
  /** Unique per dispatch. Use it as a fence in effects outside: a task may run again after its worker was lost. */
  readonly attemptId: string;
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
  /** What `defer({ resume })` kept; null at the first start. */
  readonly resume: unknown;
  readonly partitionKey: string | null;
  /** Hides a value in everything this try logs from now on. Passwords of connections are hidden by themselves. */
  maskSecret(value: string): void;
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

export interface TaskInstanceAccess {
  /** The value another task pushed; null when there is none. */
  xcomPull<T = unknown>(options: XComPullOptions & { readonly taskIds: string }): Promise<T | null>;
  xcomPull<T = unknown>(options: XComPullOptions & { readonly taskIds: readonly string[] }): Promise<(T | null)[]>;
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
