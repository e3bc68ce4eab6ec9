import type pg from 'pg';
import { groupBy } from './group-by.js';
import type { JournalEntry } from './journal.js';
import type { LedgerLine } from './ledger.js';
import type { ExpectedTicks, Observed, ObservedDecision, ObservedDocument, ObservedRun, ObservedSession, ObservedTry } from './observed.js';

export interface ObserveOptions {
  readonly ledger: readonly LedgerLine[];
  readonly journal: readonly JournalEntry[];
  readonly ticks?: readonly ExpectedTicks[];
  readonly liveWorkerPids: ReadonlySet<number>;
  /** Ready messages in the dead-letter queue and in the task queues; the broker's part of promise 12. */
  readonly deadLetters: number;
  readonly queuedMessages: number;
}

const TRY_COLUMNS = `dag_run_id as "dagRunId", dag_id as "dagId", run_id as "runId", task_id as "taskId", index_path as "indexPath", state, reason,
  try_number as "tryNumber", max_tries as "maxTries", attempt_id as "attemptId", claim_token as "claimToken", session_id as "sessionId",
  ${ms('queued_at', 'queuedAt')}, ${ms('start_date', 'startDate')}, ${ms('end_date', 'endDate')}, coalesce(pool, '') as pool, coalesce(pool_slots, 1) as "poolSlots"`;

/** Reads what the database says, to be compared with what tasks and clients saw. One snapshot. */
export async function observe(database: pg.Client, options: ObserveOptions): Promise<Observed> {
  await database.query('begin isolation level repeatable read read only');
  try {
    const runs = await rows<ObservedRun>(database, `select id, dag_id as "dagId", run_id as "runId", dag_version_id as "versionId", state, run_type as "runType",
      version::float8 as version, ${ms('queued_at', 'createdAt')}, ${ms('logical_date', 'logicalDate')}, task_selection as "taskSelection", quarantined_at is not null as quarantined, clear_number as "clearNumber", reason from dag_run`);
    const instances = await rows<ObservedTry>(database, `select id as "instanceId", ${TRY_COLUMNS}, null as "recordedAt" from task_instance`);
    const history = await rows<ObservedTry>(database, `select instance_id as "instanceId", ${TRY_COLUMNS}, ${ms('recorded_at', 'recordedAt')} from task_instance_history`);
    const versions = await rows<{ id: string; document: StoredDocument }>(database, 'select id, document from dag_version');
    const sessions = await rows<ObservedSession>(database, `select id, worker_name as "workerName", pid, slots, state, lease_expires_at < now() as "leaseExpired" from worker_session`);
    const pools = await rows<{ name: string; slots: number }>(database, 'select name, slots from pool');
    const decisions = await rows<ObservedDecision & { run: string }>(database, `select dag_run_id as run, version::float8 as version, (events ->> 'now')::float8 as now, (events ->> 'window')::int as window, events -> 'events' as events
      from run_decision order by dag_run_id, version`);
    const [left] = await rows<{ events: string; timers: string }>(database, `select (select count(*) from run_event) as events,
      (select count(*) from timer t join dag_run r on r.id = t.dag_run_id where r.state in ('success', 'failed')) as timers`);
    return {
      ledger: options.ledger, journal: options.journal, runs, instances, history, sessions, pools,
      sources: new Map(versions.map(({ id, document }) => [id, document])),
      decisions: groupBy(decisions, (decision) => decision.run),
      documents: new Map(versions.map(({ id, document }) => [id, documentOf(document)])),
      leftovers: { unappliedEvents: Number(left?.events), staleTimers: Number(left?.timers), deadLetters: options.deadLetters, queuedMessages: options.queuedMessages },
      liveWorkerPids: options.liveWorkerPids, ticks: options.ticks ?? [],
    };
  } finally {
    await database.query('rollback');
  }
}

interface StoredDocument {
  readonly maxActiveTasks: number;
  readonly tasks: readonly { readonly taskId: string; readonly upstream: readonly string[]; readonly triggerRule: string; readonly retries: number; readonly expand: unknown }[];
}

function documentOf({ maxActiveTasks, tasks }: StoredDocument): ObservedDocument {
  return { maxActiveTasks, tasks: tasks.map(({ taskId, upstream, triggerRule, retries, expand }) => ({ taskId, upstream, triggerRule, retries, mapped: expand !== null && expand !== undefined })) };
}

async function rows<Row>(database: pg.Client, sql: string): Promise<Row[]> {
  return (await database.query(sql)).rows as Row[];
}

function ms(column: string, name: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8 as "${name}"`;
}
