import type { JournalEntry } from './journal.js';
import type { LedgerLine } from './ledger.js';

/** Everything the checker compares. Plain data, so that a spec can plant any violation. Times of the database are ms since 1970. */
export interface Observed {
  readonly ledger: readonly LedgerLine[];
  readonly journal: readonly JournalEntry[];
  readonly runs: readonly ObservedRun[];
  readonly instances: readonly ObservedTry[];
  /** Earlier tries. */
  readonly history: readonly ObservedTry[];
  readonly documents: ReadonlyMap<string, ObservedDocument>;
  /** Dag documents as stored, by version id: what the engine plans from. */
  readonly sources: ReadonlyMap<string, unknown>;
  /** By run id, in the order of their versions. */
  readonly decisions: ReadonlyMap<string, readonly ObservedDecision[]>;
  readonly sessions: readonly ObservedSession[];
  readonly pools: readonly { readonly name: string; readonly slots: number }[];
  readonly audits: readonly { readonly dagId: string; readonly runId: string; readonly event: string }[];
  readonly assetEvents: readonly ObservedAssetEvent[];
  readonly callbacks: readonly ObservedCallback[];
  /** What callbacks wrote outside PostgreSQL. */
  readonly told: readonly ToldLine[];
  readonly leftovers: Leftovers;
  /** Workers that are alive now, by process id. */
  readonly liveWorkerPids: ReadonlySet<number>;
  readonly ticks: readonly ExpectedTicks[];
}

export interface ObservedDecision {
  readonly version: number;
  readonly now: number;
  /** How much of the run could be queued at once; null: as much as the dag allows. */
  readonly window?: number | readonly number[] | null;
  readonly counted?: string | null;
  readonly maxMapLength?: number | null;
  readonly refitted?: boolean | null;
  readonly events: readonly unknown[];
}

export interface ObservedRun {
  readonly id: string;
  readonly dagId: string;
  readonly runId: string;
  readonly versionId: string;
  readonly state: string;
  readonly runType: string;
  readonly logicalDate: number | null;
  readonly taskSelection: readonly string[] | null;
  readonly quarantined: boolean;
  readonly clearNumber: number;
  readonly reason: string | null;
  readonly version: number;
  readonly createdAt: number;
}

export interface ObservedTry {
  readonly instanceId: string;
  readonly dagRunId: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: readonly number[];
  readonly state: string | null;
  readonly reason: string | null;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly attemptId: string | null;
  readonly claimToken: string | null;
  readonly sessionId: string | null;
  readonly queuedAt: number | null;
  readonly startDate: number | null;
  readonly endDate: number | null;
  /** History only: when it was written. */
  readonly recordedAt: number | null;
  readonly pool: string;
  readonly poolSlots: number;
}

export interface ObservedDocument {
  readonly maxActiveTasks: number;
  /** Ends of a run that are told of. */
  readonly callbacks: readonly string[];
  readonly tasks: readonly {
    readonly taskId: string;
    readonly upstream: readonly string[];
    readonly triggerRule: string;
    readonly retries: number;
    readonly mapped: boolean;
    /** Changes that are told of. */
    readonly callbacks: readonly string[];
    /** Names of assets it updates. */
    readonly outlets: readonly string[];
  }[];
  /** Assets each event of which asks for a run; empty when the schedule is another one. */
  readonly anyOf: readonly string[];
}

export interface ObservedAssetEvent {
  readonly id: string;
  readonly asset: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: readonly number[];
  /** Dags with a run that carries it, once for each such run. */
  readonly consumedBy: readonly string[];
}

export interface ObservedCallback {
  readonly id: string;
  readonly dagId: string;
  readonly runId: string | null;
  readonly taskId: string | null;
  readonly indexPath: readonly number[];
  readonly tryNumber: number;
  readonly kind: string;
  readonly state: string;
  readonly tries: number;
}

export interface ToldLine {
  /** The callback's id. */
  readonly id: string;
  readonly on: string;
  readonly dag: string;
  readonly run: string;
  readonly task: string;
}

export interface ObservedSession {
  readonly id: string;
  readonly workerName: string;
  readonly pid: number | null;
  readonly slots: number;
  readonly state: string;
  readonly leaseExpired: boolean;
}

/** What must be nothing when all has settled. */
export interface Leftovers {
  readonly unappliedEvents: number;
  /** Rows of the outbox, parked ones too. */
  readonly owedEffects: number;
  /** Callbacks not told yet. */
  readonly openCallbacks: number;
  /** Timers of runs that are over. */
  readonly staleTimers: number;
  readonly deadLetters: number;
  /** Messages ready in task queues. */
  readonly queuedMessages: number;
}

/** A dag whose every tick must be there: at `from`, then each `everyMs`, up to and including `until`. Logical dates, ms. */
export interface ExpectedTicks {
  readonly dagId: string;
  readonly everyMs: number;
  readonly from: number;
  readonly until: number;
}

export interface Violation {
  readonly promise: number;
  readonly text: string;
}

export const FINISHED: ReadonlySet<string | null> = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed']);

export function nameOf(row: { readonly dagId: string; readonly runId: string; readonly taskId?: string; readonly indexPath?: readonly number[] }): string {
  const index = row.indexPath === undefined || row.indexPath.length === 0 ? '' : `[${row.indexPath.join(',')}]`;
  return `${row.dagId}/${row.runId}${row.taskId === undefined ? '' : `/${row.taskId}${index}`}`;
}
