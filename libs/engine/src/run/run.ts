import type { AttemptId, IndexPath, InstanceId, InstanceState, RunId, RunState } from '@millrace/vocabulary';
import type { Plan } from '../graph/plan.js';
import type { TaskTree } from '../mapping/instance-tree.js';
import type { ReadyLines } from './ready-lines.js';

/**
 * One task of one run, as the engine holds it in memory. Owned by the engine: only `decide` (through evolve) writes it.
 * The stored row has these fields too; times are milliseconds since 1970 UTC.
 */
export interface Instance {
  readonly id: InstanceId;
  /** Position of the task in `plan.tasks`. */
  readonly task: number;
  readonly indexPath: IndexPath;
  state: InstanceState;
  /** 0 before the first try. Grows for ever, through clears. */
  tryNumber: number;
  /** Try number up to which failures are retried: retries + tries that cost nothing. */
  maxTries: number;
  freeTries: number;
  /**
   * The attempt that is under way, or that brought the instance to its end. null: no try yet, or the last one is history
   * and the next dispatch begins a new try. Not null in `scheduled`: the same try goes on with a new attempt.
   */
  attemptId: AttemptId | null;
  /** Counts dispatches; attempt ids are derived from it, so that a replay finds the same. */
  attemptSeq: number;
  scheduledAtMs: number | null;
  queuedAtMs: number | null;
  endedAtMs: number | null;
  reason: string | null;
  /** Of a stand-in that was expanded: the number of instances below it. null: no stand-in, or its length is not known. */
  expandedTo: number | null;
  /** Of a success somebody maps over: how long its XComs are, by key; -1 for what is no list. null: nobody maps over it. */
  lengths: Readonly<Record<string, number>> | null;
  /** When it asked for the slots it waits for or holds (ms, the time of that decision); null: it asks for none and holds none. */
  slotsAskedAtMs: number | null;
  /** Upstream instances by state, kept up to date at every change, so that an event costs O(affected). Not stored. */
  readonly upstream: UpstreamCounts;
  /** The same of the setups it stands under; null when there are none. Not stored. */
  readonly setups: UpstreamCounts | null;
}

export interface UpstreamCounts {
  total: number;
  success: number;
  failed: number;
  skipped: number;
  upstreamFailed: number;
  removed: number;
}

export type EndClass = Exclude<keyof UpstreamCounts, 'total'>;

export interface Run {
  readonly id: RunId;
  readonly plan: Plan;
  state: RunState;
  paused: boolean;
  startedAtMs: number | null;
  endedAtMs: number | null;
  reason: string | null;
  readonly instances: Map<InstanceId, Instance>;
  readonly book: RunBook;
  readonly control: RunControl;
}

/** What the engine keeps beside the rows so that an event costs O(affected). Derived: `loadRun` makes it anew. Not stored. */
export interface RunBook {
  readonly createdAtMs: number;
  /** Positions of the tasks that exist in this run; null: all. */
  readonly selection: ReadonlySet<number> | null;
  /** Instances by position of their task. */
  readonly byTask: Instance[][];
  /** The same of tasks with an index path, by path; null: none. By position. */
  readonly trees: readonly (TaskTree | null)[];
  /** Tasks that make the run's state, by position. */
  readonly leaves: readonly number[];
  /** Scheduled instances that wait for room. */
  readonly ready: ReadyLines;
  /** queued + running + restarting. */
  active: number;
  unfinished: number;
  /** In state none. */
  undecided: number;
}

/** What people and other runs have to do with this one. */
export interface RunControl {
  /** Positions of tasks that somebody switched off: skipped when their turn comes. */
  off: ReadonlySet<number>;
  /** Run retries that were made, and when the next one is due; stored. */
  retriesUsed: number;
  retryAtMs: number | null;
  /** Something outside waits for this run or for tasks of it: its ends are told. Stored. */
  watched: boolean;
}

/** What is known of a run when it is made or loaded. */
export interface RunFacts {
  readonly id: RunId;
  readonly createdAtMs: number;
  readonly state: RunState;
  readonly paused: boolean;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  /** null: every task of the plan; else only these exist in the run. */
  readonly taskSelection: readonly string[] | null;
  readonly control?: RunControlFacts | undefined;
}

export interface RunControlFacts {
  readonly switchedOff: readonly string[];
  readonly retriesUsed: number;
  readonly retryAtMs: number | null;
  readonly watched: boolean;
}

/** A stored instance, as loading gives it back. */
export interface StoredInstance {
  readonly id: InstanceId;
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
  /** As in `Instance`; left out: null. */
  readonly slotsAskedAtMs?: number | null;
}
