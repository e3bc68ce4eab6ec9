import type { LogLine } from '../options/run-options.js';
import { nameOf } from '../options/outcomes.js';

export type TaskState = 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'removed' | 'scheduled' | 'queued' | 'running' | 'up_for_retry' | 'up_for_reschedule' | 'deferred' | 'awaiting_input' | 'restarting' | null;

/** One try of a task, from its first start to its end, with the waits in between. */
export interface TestTry {
  readonly tryNumber: number;
  /** How it ended. */
  readonly state: string;
  /** Why it failed or was skipped; empty otherwise. */
  readonly error: string;
  /** By the clock of the test. */
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** Starts of its code: more than one when it waited in between (`defer`, `reschedule`, a question). */
  readonly looks: number;
}

/** What became of a task, or of one instance of a mapped task. */
export interface TestTask {
  readonly taskId: string;
  readonly indexPath: readonly number[];
  /** `load`, or `load[0]`. */
  readonly name: string;
  readonly state: TaskState;
  /** Why it is in this state, as the scheduler says it; null: nothing to say. */
  readonly reason: string | null;
  /** Tries it took; 0: it never ran. */
  readonly tryNumber: number;
  readonly tries: readonly TestTry[];
  /** XCom `return_value`; null when there is none. */
  readonly returnValue: unknown;
  readonly xcoms: Readonly<Record<string, unknown>>;
  /** Template fields as the last try saw them, secrets masked. */
  readonly rendered: Readonly<Record<string, unknown>>;
  /** Messages its tries logged. */
  readonly log: readonly string[];
  /** What people see instead of the index. */
  readonly indexName: string;
  /** What the last try threw; null: nothing. */
  readonly thrown: unknown;
}

/** A callback of the author's that was run. */
export interface TestCallback {
  readonly on: string;
  /** null: of the run. */
  readonly taskId: string | null;
  readonly reason: string;
  /** What it threw; null: nothing. */
  readonly error: unknown;
}

export interface TestAssetEvent {
  readonly asset: string;
  readonly uri: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly aliases: readonly string[];
  readonly partitionKey: string | null;
}

export interface TestRunFacts {
  readonly dagId: string;
  readonly runId: string;
  readonly state: 'success' | 'failed';
  /** Why it failed, as the scheduler says it. */
  readonly reason: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly tasks: readonly TestTask[];
  /** Names of instances in the order their code started, `load#2` for a second try. */
  readonly order: readonly string[];
  readonly log: readonly LogLine[];
  readonly callbacks: readonly TestCallback[];
  readonly assetEvents: readonly TestAssetEvent[];
  /** Runs of other dags that were asked for. */
  readonly triggered: readonly { readonly dagId: string; readonly runId: string; readonly conf: Readonly<Record<string, unknown>> }[];
  /** State stores after the run, by task id or `asset:name`. */
  readonly storedState: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A run that has ended. */
export class TestRun {
  /** @internal */
  constructor(private readonly facts: TestRunFacts) {}

  get dagId(): string {
    return this.facts.dagId;
  }
  get runId(): string {
    return this.facts.runId;
  }
  get state(): 'success' | 'failed' {
    return this.facts.state;
  }
  get reason(): string | null {
    return this.facts.reason;
  }
  /** By the clock of the test. */
  get startedAt(): Date {
    return this.facts.startedAt;
  }
  get endedAt(): Date {
    return this.facts.endedAt;
  }
  /** How long it would have taken: waits and retry delays, s. */
  get durationSeconds(): number {
    return (this.endedAt.getTime() - this.startedAt.getTime()) / 1_000;
  }
  /** Every instance, in the order of the dag. */
  get tasks(): readonly TestTask[] {
    return this.facts.tasks;
  }
  /** State by name: `{ extract: 'success', 'load[0]': 'success', 'load[1]': 'failed' }`. */
  get states(): Readonly<Record<string, TaskState>> {
    return Object.fromEntries(this.tasks.map(({ name, state }) => [name, state]));
  }
  get order(): readonly string[] {
    return this.facts.order;
  }
  get log(): readonly LogLine[] {
    return this.facts.log;
  }
  get callbacks(): readonly TestCallback[] {
    return this.facts.callbacks;
  }
  get assetEvents(): readonly TestAssetEvent[] {
    return this.facts.assetEvents;
  }
  get triggered(): TestRunFacts['triggered'] {
    return this.facts.triggered;
  }
  get storedState(): TestRunFacts['storedState'] {
    return this.facts.storedState;
  }

  /** @param indexPath of a mapped task: `task('load', 0)` @throws RangeError naming the instances there are */
  task(taskId: string, ...indexPath: number[]): TestTask {
    const name = nameOf(taskId, indexPath);
    const found = this.tasks.find((task) => task.name === name);
    if (found !== undefined) return found;
    const own = this.tasks.filter((task) => task.taskId === taskId);
    throw new RangeError(own.length > 0 ? `task "${taskId}" is mapped; it has the instances ${own.map((task) => task.name).join(', ')}` : `the run has no task "${name}"; it has ${this.tasks.map((task) => task.name).join(', ')}`);
  }

  /** What a task pushed; of a mapped task without an index the list of its instances' values. null: nothing. */
  xcom<T = unknown>(taskId: string, key = 'return_value', ...indexPath: number[]): T | null {
    const own = this.tasks.filter((task) => task.taskId === taskId);
    if (indexPath.length === 0 && own.some((task) => task.indexPath.length > 0)) return own.flatMap((task) => (key in task.xcoms ? [task.xcoms[key]] : [])) as T;
    return (this.task(taskId, ...indexPath).xcoms[key] ?? null) as T | null;
  }

  /** Template fields of a task as its last try saw them. */
  rendered(taskId: string, ...indexPath: number[]): Readonly<Record<string, unknown>> {
    return this.task(taskId, ...indexPath).rendered;
  }

  /** The run as a table, for a failing test. */
  toString(): string {
    const width = Math.max(4, ...this.tasks.map(({ name }) => name.length));
    const lines = this.tasks.map(({ name, state, tryNumber, reason, tries }) => `  ${name.padEnd(width)}  ${(state ?? 'none').padEnd(15)}  ${tryNumber > 1 ? `${tryNumber} tries  ` : ''}${tries.at(-1)?.error || reason || ''}`.trimEnd());
    return [`${this.dagId} ${this.runId}: ${this.state}${this.reason === null ? '' : ` (${this.reason})`}, ${this.durationSeconds} s by its own clock`, ...lines].join('\n');
  }
}
