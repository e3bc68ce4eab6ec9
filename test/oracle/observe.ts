import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';
import type pg from 'pg';
import { groupBy } from './group-by.js';
import type { JournalEntry } from './journal.js';
import type { LedgerLine } from './ledger.js';
import type { ExpectedTicks, Observed, ObservedAssetEvent, ObservedCallback, ToldLine, ObservedDecision, ObservedDocument, ObservedRun, ObservedSession, ObservedTry } from './observed.js';

export interface ObserveOptions {
  readonly ledger: readonly LedgerLine[];
  readonly journal: readonly JournalEntry[];
  readonly told?: readonly ToldLine[];
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
    const versions = await rows<{ id: string; document: unknown }>(database, 'select id, document from dag_version').then((found) => found.map(({ id, document }) => ({ id, document: dagDocumentSchema.parse(document) })));
    const sessions = await rows<ObservedSession>(database, `select id, worker_name as "workerName", pid, slots, state, lease_expires_at < now() as "leaseExpired" from worker_session`);
    const pools = await rows<{ name: string; slots: number }>(database, 'select name, slots from pool');
    const decisions = await rows<ObservedDecision & { run: string }>(database, `select dag_run_id as run, version::float8 as version, (events ->> 'now')::float8 as now, events -> 'window' as window, events ->> 'counted' as counted, (events ->> 'maxMapLength')::int as "maxMapLength", (events ->> 'refitted')::boolean as refitted, events -> 'events' as events
      from run_decision order by dag_run_id, version`);
    const audits = await rows<{ dagId: string; runId: string; event: string }>(database, `select dag_id as "dagId", run_id as "runId", event from audit_log where run_id is not null`);
    const assetEvents = await rows<ObservedAssetEvent>(database, `select e.id::text as id, a.name as asset, e.source_dag_id as "dagId", e.source_run_id as "runId", e.source_task_id as "taskId", coalesce(e.source_index_path, '{}') as "indexPath",
      array(select r.dag_id from dag_run_asset_event x join dag_run r on r.id = x.dag_run_id where x.event_id = e.id) as "consumedBy" from asset_event e join asset a on a.id = e.asset_id`);
    const callbacks = await rows<ObservedCallback>(database, `select c.id, c.dag_id as "dagId", r.run_id as "runId", c.task_id as "taskId", c.index_path as "indexPath", c.try_number as "tryNumber", c.kind, c.state, c.tries from callback c left join dag_run r on r.id = c.dag_run_id`);
    const [left] = await rows<{ events: string; timers: string; effects: string; callbacks: string }>(database, `select (select count(*) from run_event) as events, (select count(*) from outbox) as effects, (select count(*) from callback where state in ('pending', 'running')) as callbacks,
      (select count(*) from timer t join dag_run r on r.id = t.dag_run_id where r.state in ('success', 'failed')) as timers`);
    return {
      ledger: options.ledger, journal: options.journal, runs, instances, history, sessions, pools, audits, assetEvents, callbacks, told: options.told ?? [],
      sources: new Map(versions.map(({ id, document }) => [id, document])),
      decisions: groupBy(decisions, (decision) => decision.run),
      documents: new Map(versions.map(({ id, document }) => [id, documentOf(document)])),
      leftovers: { unappliedEvents: Number(left?.events), owedEffects: Number(left?.effects), openCallbacks: Number(left?.callbacks), staleTimers: Number(left?.timers), deadLetters: options.deadLetters, queuedMessages: options.queuedMessages },
      liveWorkerPids: options.liveWorkerPids, ticks: options.ticks ?? [],
    };
  } finally {
    await database.query('rollback');
  }
}

function documentOf({ maxActiveTasks, callbacks, schedule, tasks, groups }: DagDocument): ObservedDocument {
  const byId = new Map(groups.map((group) => [group.groupId, group]));
  const repeats = (groupId: string | null): boolean => {
    const group = groupId === null ? undefined : byId.get(groupId);
    return group !== undefined && (group.expand !== null || group.loop !== null || repeats(group.parent));
  };
  return {
    maxActiveTasks, callbacks, anyOf: schedule?.kind === 'assets' ? anyOf(schedule.condition) : [],
    tasks: tasks.map((task) => ({
      taskId: task.taskId, upstream: task.upstream, triggerRule: task.triggerRule, retries: task.retries, mapped: task.expand !== null || repeats(task.group), callbacks: task.callbacks,
      outlets: task.outlets.flatMap((outlet) => ('name' in outlet && 'uri' in outlet ? [outlet.name] : [])),
    })),
  };
}

/** Names, when the condition is one asset or any of some. */
function anyOf(condition: unknown): string[] {
  const { asset, any } = condition as { asset?: { name: string }; any?: readonly unknown[] };
  return asset === undefined ? (any ?? []).flatMap(anyOf) : [asset.name];
}

async function rows<Row>(database: pg.Client, sql: string): Promise<Row[]> {
  return (await database.query(sql)).rows as Row[];
}

function ms(column: string, name: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8 as "${name}"`;
}
