import { mkdirSync } from 'node:fs';
import { format, inspect } from 'node:util';
import type { RunRequest, RunnerQuestion } from '@millrace/contracts';
import type { Answer } from '@millrace/sdk';
import type { LogLevel, SecretMask } from '@millrace/task-logs';
import { OutletEvents, inletEvents, triggeringAssetEvents } from './asset-events.js';
import type { AssetEvent, InletEventsOptions, NamedAsset, OutletEventHandle } from './asset-events.js';
import type { DagLike, LogLines } from './dag-contract.js';
import { connectionOf, noConnection, type Connection } from './connection.js';
import { ExternalWork } from './external-work.js';
import { OtherRuns } from './other-runs.js';
import { PendingXComs } from './pending-xcoms.js';
import { isSensitiveName, maskSensitiveFields } from './sensitive-names.js';
import { StoredStates } from './stored-states.js';
import type { Ask } from './supervisor-questions.js';

export interface XComPullOptions {
  /** One id gives one value (or the list of a mapped task's values), a list of ids a list. Default: this task. */
  readonly taskIds?: string | readonly string[];
  readonly key?: string;
  readonly dagId?: string;
  readonly runId?: string;
  /** This instance only; null for all of a mapped task. */
  readonly indexPath?: readonly number[] | null;
  /** Airflow's way to say it: one index gives one value, a list a list. */
  readonly mapIndexes?: number | readonly number[];
  readonly includePriorDates?: boolean;
}

/** What `execute(context)` is given. Parts that cost something are made when first read. */
export class TaskContext {
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly mapIndex: number;
  readonly indexPath: readonly number[];
  readonly runType: string;
  readonly attemptId: string;
  readonly owner: string;
  readonly queue: string;
  readonly partitionKey: string | null;
  readonly ti: TaskInstanceHandle;
  readonly log: TaskLogger;
  #outlets: OutletEvents | undefined;
  readonly #request: RunRequest;
  readonly #secrets: SecretMask;
  readonly #ask: Ask;
  #abort: AbortController | undefined;
  readonly #startedAt = performance.now();
  readonly #clock: (() => number) | null;
  #scratchMade = false;
  #params: Record<string, unknown> | undefined;
  #conf: Record<string, unknown> | undefined;

  /** @param clock another time than this machine's, ms since 1970: that of a test */
  constructor(request: RunRequest, log: LogLines, secrets: SecretMask, ask: Ask, clock: (() => number) | null = null) {
    this.#clock = clock;
    this.#request = request;
    this.#secrets = secrets;
    this.#ask = ask;
    this.dagId = request.dagId;
    this.runId = request.runId;
    this.taskId = request.taskId;
    this.tryNumber = request.tryNumber;
    this.maxTries = request.maxTries;
    this.indexPath = request.indexPath;
    this.mapIndex = (request.indexPath.at(-1) ?? -1);
    this.runType = request.runType;
    this.attemptId = request.attemptId;
    this.owner = request.owner;
    this.queue = request.queue;
    this.partitionKey = request.partitionKey;
    this.ti = new TaskInstanceHandle(request, ask);
    this.log = new TaskLogger(log, 'task');
  }

  get logicalDate(): Date | null {
    return dateOf(this.#request.logicalDate);
  }
  get dataIntervalStart(): Date | null {
    return dateOf(this.#request.dataIntervalStart);
  }
  get dataIntervalEnd(): Date | null {
    return dateOf(this.#request.dataIntervalEnd);
  }
  get runAfter(): Date {
    return new Date(this.#request.runAfter);
  }
  get startDate(): Date {
    return new Date(this.#request.startDate);
  }
  get params(): Record<string, unknown> {
    return (this.#params ??= parseObject(this.#request.paramsJson));
  }
  get conf(): Record<string, unknown> {
    return (this.#conf ??= parseObject(this.#request.confJson));
  }
  /** What a deferred attempt asked to be resumed with; null on a first start. */
  get resume(): unknown {
    return this.#request.resumeJson === '' ? null : JSON.parse(this.#request.resumeJson);
  }
  /** When the first try since the instance was made or cleared began: what a sensor's time-out counts from. */
  get firstStartDate(): Date {
    return new Date(this.#request.wait?.firstStartDate ?? this.#request.startDate);
  }
  /** Attempts before this one that ended in waiting, since then. */
  get looks(): number {
    return this.#request.wait?.looks ?? 0;
  }
  /** What ended the wait before this attempt; null: there was none. */
  get resumedBy(): { readonly by: 'time' | 'event' | 'timeout'; readonly payload: unknown } | null {
    const { wait } = this.#request;
    return wait === null || wait.resumedBy === '' ? null : { by: wait.resumedBy as 'time', payload: wait.payloadJson === '' ? null : JSON.parse(wait.payloadJson) };
  }
  /** By the database's clock, so that times this task names mean the same everywhere: ms since 1970. */
  get nowMs(): number {
    return this.#clock === null ? Date.parse(this.#request.startDate) + (performance.now() - this.#startedAt) : this.#clock();
  }
  /** `YYYY-MM-DD` of the logical date; undefined when the run has none. */
  get ds(): string | undefined {
    return this.logicalDate?.toISOString().slice(0, 10);
  }
  /** ISO 8601 of the logical date; undefined when the run has none. */
  get ts(): string | undefined {
    return this.logicalDate?.toISOString().replace('Z', '+00:00');
  }
  get traceparent(): string {
    return this.#request.traceparent;
  }

  /** Fires when the task must stop: time-out, cancel, or its worker ends. A task that never reads it is ended at once. */
  get signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  /** A folder of this try's own, made when first read, removed when the try ends. */
  get scratchDir(): string {
    if (!this.#scratchMade) {
      mkdirSync(this.#request.scratchDir, { recursive: true });
      this.#scratchMade = true;
    }
    return this.#request.scratchDir;
  }

  /** The folder all tasks of the run share, made when first read. */
  get runScratchDir(): string {
    const folder = this.#request.runScratchDir;
    if (folder === null) throw new Error("runScratchDir is there only when all tasks of a run share one worker: give the dag placement: 'single-worker'. A folder of this try's own is scratchDir");
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  get placement(): { readonly generation: number } | null {
    return this.#request.placementGeneration === 0 ? null : { generation: this.#request.placementGeneration };
  }

  readonly variables = {
    /** Text of a variable; the fallback, or null, when there is none. */
    get: async (key: string, fallback: string | null = null): Promise<string | null> => {
      const text = await this.#readJson({ ask: 'variable', key });
      if (text !== null && isSensitiveName(key)) this.#secrets.add(text);
      return text ?? fallback;
    },
    /** The variable read as JSON; the fallback, or null, when there is none. */
    getJson: async <T = unknown>(key: string, fallback: T | null = null): Promise<T | null> => {
      const text = await this.variables.get(key);
      return text === null ? fallback : (JSON.parse(text) as T);
    },
  };

  readonly connections = {
    /** A connection's fields. Its password and the secrets of its extra are masked in the log from now on. Throws when there is none. */
    get: async (connectionId: string): Promise<Connection> => {
      const json = await this.#readJson({ ask: 'connection', connectionId });
      if (json === null) throw noConnection(connectionId);
      const connection = connectionOf(connectionId, json);
      maskSensitiveFields(this.#secrets, connection);
      return connection;
    },
  };

  /** What this try tells of one of its outlets: `outletEvents(flights).extra['rows'] = 5`. Made when first asked for. */
  get outletEvents(): (target: NamedAsset | string) => OutletEventHandle {
    // Functions of their own, here and below, because tasks take their context apart: `({ outletEvents }) => …`.
    return (target) => this.outlets.of(target);
  }
  get outlets(): OutletEvents {
    return (this.#outlets ??= new OutletEvents());
  }
  /** Empty: nothing was told. */
  outletEventsJson(): string {
    return this.#outlets?.toJson(this.#request.xcomMaxBytes) ?? '';
  }

  /** Events of an asset or alias, oldest first; the newest 100 unless asked otherwise. */
  get inletEvents(): (target: NamedAsset | string, options?: InletEventsOptions) => Promise<AssetEvent[]> {
    return (target, options = {}) => inletEvents(this.#ask, target, options);
  }

  /** The events that asked for this run, by the name of their asset; empty when none did. */
  get triggeringAssetEvents(): () => Promise<Record<string, AssetEvent[]>> {
    return () => triggeringAssetEvents(this.#ask);
  }

  /** Whether this run is the newest its schedule has asked for; always true of runs made by hand or by assets. */
  get isLatestRun(): () => Promise<boolean> {
    return async () => {
      const answer = await this.#ask({ ask: 'latestRun' });
      return 'json' in answer && answer.json === 'true';
    };
  }

  /** Values of this task that outlive the try and the run: watermarks, ids. */
  get state(): StoredStates {
    return new StoredStates(this.#ask, '');
  }
  /** The same of an asset, by its name: shared by every task that knows it. */
  get assetState(): (asset: string | { readonly name: string }) => StoredStates {
    return (asset) => new StoredStates(this.#ask, typeof asset === 'string' ? asset : asset.name);
  }
  /** Work this instance started on another platform. */
  get external(): ExternalWork {
    return new ExternalWork(this.#ask);
  }
  /** Runs of other dags: make one, look how they stand. */
  get otherRuns(): OtherRuns {
    return new OtherRuns(this.#ask);
  }
  /** The answer to what this try asked a person; null: there is none yet. `takeDefaults`: when there is none, the defaults are it. */
  get answer(): (takeDefaults?: boolean) => Promise<Answer | null> {
    return async (takeDefaults = false) => {
      const answer = await this.#ask({ ask: 'answer', takeDefaults });
      return 'json' in answer && answer.json !== null ? (JSON.parse(answer.json) as Answer) : null;
    };
  }

  /** Hides a value in everything this task logs from now on. */
  get maskSecret(): (value: string) => void {
    return (value) => this.#secrets.add(value);
  }

  /** Whether the task reads its abort signal, and so may end by itself. */
  get listensToSignal(): boolean {
    return this.#abort !== undefined;
  }
  get usesScratchDir(): boolean {
    return this.#scratchMade;
  }
  abort(reason: string): void {
    this.#abort?.abort(new Error(reason));
  }

  async #readJson(question: Extract<RunnerQuestion, { ask: 'variable' | 'connection' }>): Promise<string | null> {
    const answer = await this.#ask(question);
    return 'json' in answer ? answer.json : null;
  }
}

/** The running task instance: its names, and its way to pass values on. */
export class TaskInstanceHandle {
  readonly pushed: PendingXComs;
  private dag: DagLike | undefined;

  constructor(
    private readonly request: RunRequest,
    private readonly ask: Ask,
  ) {
    this.pushed = new PendingXComs(request.xcomMaxBytes);
  }

  get dagId(): string {
    return this.request.dagId;
  }
  get runId(): string {
    return this.request.runId;
  }
  get taskId(): string {
    return this.request.taskId;
  }
  get tryNumber(): number {
    return this.request.tryNumber;
  }
  get maxTries(): number {
    return this.request.maxTries;
  }
  get mapIndex(): number {
    return (this.request.indexPath.at(-1) ?? -1);
  }
  get indexPath(): readonly number[] {
    return this.request.indexPath;
  }
  /** Airflow's `task_instance_key_str`: dag, task and date without dashes (the run id when there is no date). */
  get taskInstanceKeyStr(): string {
    const day = this.request.logicalDate?.slice(0, 10).replaceAll('-', '') ?? this.request.runId;
    return `${this.request.dagId}__${this.request.taskId}__${day}`;
  }

  /** Values are sent with the result, so others see them when this try has ended. Throws when JSON cannot hold it or it is too large. */
  xcomPush(key: string, value: unknown): void {
    this.pushed.set(key, value);
  }

  /** The dag of the bundle: it knows which tasks share indexes. */
  relateTo(dag: DagLike | undefined): void {
    this.dag = dag;
  }

  /** Within a mapped group what is pulled from it is that of the own index, as in Airflow. null: no indexes in common. */
  ownPath(taskId: string, dagId: string | null, runId: string | null): { readonly path: readonly number[]; readonly isWhole: boolean } | null {
    if ((dagId !== null && dagId !== this.dagId) || (runId !== null && runId !== this.runId)) return null;
    const found = this.dag?.sharedPath?.(this.taskId, taskId);
    if (found === undefined || found.shared === 0) return null;
    return { path: this.indexPath.slice(0, found.shared), isWhole: found.shared === found.depth };
  }

  async xcomPage(asked: { readonly taskId: string; readonly key: string; readonly indexPath: readonly number[]; readonly offset: number; readonly limit: number; readonly elements: boolean }): Promise<{ values: { indexPath: readonly number[]; value: unknown }[]; total: number }> {
    const { taskId, key, indexPath, offset, limit, elements } = asked;
    const answer = await this.ask({
      ask: 'xcom', dagId: null, runId: null, taskIds: [taskId], key, indexPath: elements ? indexPath : null, includePriorDates: false, page: { under: indexPath, offset, limit, elements },
    });
    if (!('xcoms' in answer)) return { values: [], total: 0 };
    return { values: answer.xcoms.map((found) => ({ indexPath: found.indexPath, value: JSON.parse(found.json) as unknown })), total: answer.total ?? 0 };
  }

  async xcomPull(options: XComPullOptions | string = {}): Promise<unknown> {
    const given = typeof options === 'string' ? { taskIds: options } : options;
    const taskIds = given.taskIds ?? this.request.taskId;
    const many = typeof taskIds !== 'string';
    const question: { -readonly [Field in keyof XComQuestion]: XComQuestion[Field] } = {
      ask: 'xcom',
      dagId: given.dagId ?? null,
      runId: given.runId ?? null,
      taskIds: many ? taskIds : [taskIds],
      key: given.key ?? 'return_value',
      indexPath: given.indexPath ?? null,
      includePriorDates: given.includePriorDates ?? false,
    };
    if (typeof given.mapIndexes === 'object') {
      const each = await Promise.all(given.mapIndexes.map((index) => this.values({ ...question, indexPath: [index] })));
      return each.map((found) => found[0]?.value ?? null);
    }
    const own = !many && given.mapIndexes === undefined && given.indexPath === undefined ? this.ownPath(taskIds, question.dagId, question.runId) : null;
    if (own?.isWhole === true) question.indexPath = own.path;
    if (typeof given.mapIndexes === 'number') question.indexPath = given.mapIndexes < 0 ? [] : [given.mapIndexes];
    const all = await this.values(question);
    const found = own === null ? all : all.filter((one) => own.path.every((index, i) => one.indexPath[i] === index));
    const listsMapped = question.indexPath === null;
    return many ? taskIds.map((taskId) => valueOf(found, taskId, listsMapped)) : valueOf(found, taskIds, listsMapped);
  }

  private async values(question: RunnerQuestion): Promise<{ taskId: string; indexPath: readonly number[]; value: unknown }[]> {
    const answer = await this.ask(question);
    return 'xcoms' in answer ? answer.xcoms.map((found) => ({ taskId: found.taskId, indexPath: found.indexPath, value: JSON.parse(found.json) as unknown })) : [];
  }
}

/** The task's own log. Arguments are put together as console.log does. */
export class TaskLogger {
  constructor(
    private readonly log: LogLines,
    private readonly logger: string,
  ) {}
  debug(...args: unknown[]): void {
    this.write('DEBUG', args);
  }
  info(...args: unknown[]): void {
    this.write('INFO', args);
  }
  warn(...args: unknown[]): void {
    this.write('WARNING', args);
  }
  error(...args: unknown[]): void {
    this.write('ERROR', args);
  }
  private write(level: LogLevel, args: unknown[]): void {
    this.log.write(this.logger, level, args.length === 1 ? (typeof args[0] === 'string' ? args[0] : inspect(args[0])) : format(...args));
  }
}

type XComQuestion = Extract<RunnerQuestion, { ask: 'xcom' }>;

/** One task's value: the list in index order when the task is mapped and no index was asked for. */
function valueOf(found: readonly { taskId: string; indexPath: readonly number[]; value: unknown }[], taskId: string, listsMapped: boolean): unknown {
  const own = found.filter((one) => one.taskId === taskId);
  if (listsMapped && own.some((one) => one.indexPath.length > 0)) return own.map((one) => one.value);
  return own[0]?.value ?? null;
}

function dateOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

function parseObject(json: string): Record<string, unknown> {
  return json === '' ? {} : (JSON.parse(json) as Record<string, unknown>);
}
