/** What an unfinished instance or run can wait for, with the data of each. Times are milliseconds since 1970 UTC. */
export interface ReasonData {
  /** It has ended, and waits for nothing. */
  finished: { readonly state: string };
  /** Its run waits in line; the reasons of the run follow. */
  run_queued: { readonly runId: string };
  run_quarantined: { readonly reason: string };
  /** The scheduler has not looked at it yet, or looks right now. */
  to_be_decided: Record<string, never>;
  upstream: { readonly rule: string; readonly unfinished: number; readonly total: number; readonly tasks: readonly UpstreamTask[] };
  setups: { readonly tasks: readonly UpstreamTask[] };
  /** A mapped task or group whose length is not known yet. */
  length: { readonly tasks: readonly UpstreamTask[] };
  past: { readonly runId: string };
  /** Somebody holds the whole installation. */
  maintenance: { readonly by: string; readonly sinceMs: number; readonly reason: string | null };
  dag_paused: { readonly dagId: string };
  /** The run has as many tasks queued or running as `maxActiveTasks` allows. */
  max_active_tasks: { readonly limit: number; readonly active: number; readonly ahead: number };
  /** Workers have enough in their queue: it is queued when they can take it soon. */
  workers_full: { readonly queue: string; readonly workers: number; readonly freeSlots: number; readonly ahead: number };
  no_worker: { readonly queue: string };
  /** Queued; which place it has in the broker's queue is not known. */
  in_queue: { readonly queue: string; readonly sinceMs: number | null; readonly workers: number; readonly freeSlots: number };
  pool: { readonly pool: string; readonly slots: number; readonly used: number; readonly needs: number; readonly holders: readonly string[] };
  /** It asked for slots that are counted over all runs, and nothing is known to be full: others come first. */
  slots: { readonly sinceMs: number; readonly pool: string };
  task_limit: { readonly scope: 'dag' | 'run'; readonly limit: number; readonly active: number };
  running: { readonly worker: string | null; readonly sinceMs: number | null; readonly heardMs: number | null };
  stopping: { readonly worker: string | null; readonly reason: string };
  retry_at: { readonly atMs: number | null; readonly tryNumber: number; readonly maxTries: number };
  run_retry_at: { readonly atMs: number };
  time: { readonly atMs: number };
  signal: { readonly key: string };
  other_run: { readonly dagId: string; readonly runId: string | null; readonly logicalDateMs: number | null };
  person: { readonly untilMs: number | null };
  /** Of a run. */
  max_active_runs: { readonly limit: number; readonly running: number };
  backfill_paused: { readonly backfillId: number };
  backfill_limit: { readonly backfillId: number; readonly limit: number; readonly running: number };
  held: { readonly byRunId: string };
  not_before: { readonly atMs: number };
  tasks: { readonly unfinished: number; readonly byState: Readonly<Record<string, number>> };
}

export type ReasonKind = keyof ReasonData;
export type Reason = { [K in ReasonKind]: { readonly kind: K; readonly data: ReasonData[K]; /** For a person. */ readonly sentence: string } }[ReasonKind];

export interface UpstreamTask {
  readonly taskId: string;
  /** Its unfinished instances by state. */
  readonly states: Readonly<Record<string, number>>;
}

export function reason<K extends ReasonKind>(kind: K, data: ReasonData[K], sentence: string): Reason {
  return { kind, data, sentence } as Reason;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

export function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
