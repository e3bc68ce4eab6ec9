import type { AttemptId, ClaimToken, IndexPath, InstanceId, InstanceState, RunId, RunState, SessionId } from '@millrace/vocabulary';
import type { Queryable } from '../database/database.js';
import type { SlotWrites } from '../admission/slot-writes.js';
import { slotParts } from '../admission/slot-writes.js';
import { pathLiteral, plainArray } from '../database/array-literals.js';
import { waitParts } from '../waits/write-waits.js';
import type { WaitWrites } from '../waits/write-waits.js';

/** One run's next version. */
export interface RunWrite {
  readonly id: RunId;
  /** Written only where the run still has this version; it then has the next. */
  readonly expectedVersion: number;
  readonly state: RunState;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  readonly activeInstances: number;
  /** Run retries and whether its ends are told, when that changed. */
  readonly control: { readonly retriesUsed: number; readonly retryAtMs: number | null; readonly watched: boolean } | null;
  /** Somebody cleared instances of it with this decision. */
  readonly cleared: boolean;
  /** What it was decided on, for replay: `{ "now": ms, "events": [...] }`. */
  readonly decidedOnJson: string;
  /** What the task that makes the run's result returned with this decision; null: nothing new. */
  readonly resultJson: string | null;
}

/** 0: state only. 1: a new attempt waits in its queue. 2: a new attempt is claimed in this very commit. 3: set back, as if never tried. */
export type WriteKind = 0 | 1 | 2 | 3;

export interface InstanceWrite {
  readonly id: InstanceId;
  readonly runId: RunId;
  readonly kind: WriteKind;
  readonly state: InstanceState;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly freeTries: number;
  readonly attemptId: AttemptId | null;
  readonly attemptSeq: number;
  readonly scheduledAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  /** Of a task that is mapped, or that others are mapped over; else undefined, and the columns stay untouched. */
  readonly mapping: { readonly expandedTo: number | null; readonly lengthsJson: string | null; readonly indexName: string | null } | undefined;
  readonly claim: { readonly token: ClaimToken; readonly sessionId: SessionId; readonly workerName: string } | null;
  /** What the worker told of the attempt that ended; null when none ended, or it is replaced at once. */
  readonly facts: AttemptFacts | null;
}

export interface AttemptFacts {
  readonly pid: number | null;
  readonly renderedFieldsJson: string | null;
  /** Deferred and rescheduled: what the next dispatch goes on with. */
  readonly resumeJson: string | null;
  readonly correlationKey: string | null;
}

export interface CreatedInstanceWrite extends InstanceWrite {
  readonly dagId: string;
  readonly runName: string;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly queue: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly priorityWeight: number;
  readonly operator: string;
  readonly owner: string;
}

/** A value an attempt pushed. */
export interface XComWrite {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly tryNumber: number;
  readonly key: string;
  readonly json: string;
}

export interface SupersededWrite {
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly endedAs: string;
  readonly reason: string;
}

export interface TimerWrite {
  readonly id: string;
  readonly runId: RunId;
  readonly instanceId: InstanceId | null;
  readonly kind: string;
  readonly dueAtMs: number;
  readonly attemptSeq: number;
}

/** A person's action, told in the same commit that carries it out. */
export interface AuditWrite {
  readonly runId: RunId;
  readonly event: string;
  readonly actor: string;
  /** JSON text, secrets taken out. */
  readonly extra: string | null;
}

/** What must happen because of a decision, kept until it has. */
export interface OutboxWrite {
  readonly id: string;
  readonly runId: RunId;
  readonly instanceId: InstanceId | null;
  readonly kind: string;
  readonly payloadJson: string;
}

/** A completion whose claim this process did not see: the statement compares the token itself. */
export interface ClaimCheck {
  readonly runId: RunId;
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly claimToken: ClaimToken;
}

export interface DecisionWrites extends WaitWrites {
  readonly runs: readonly RunWrite[];
  readonly instances: readonly InstanceWrite[];
  readonly created: readonly CreatedInstanceWrite[];
  readonly xcoms: readonly XComWrite[];
  readonly superseded: readonly SupersededWrite[];
  readonly timers: readonly TimerWrite[];
  /** Timers and run events that these decisions used up. */
  readonly spentTimers: readonly { readonly id: string; readonly runId: RunId }[];
  readonly spentEvents: readonly { readonly id: string; readonly runId: RunId }[];
  /** Runs that ended and may have timers left; none of them means anything any more. */
  readonly timersOfEnded: readonly RunId[];
  readonly checks: readonly ClaimCheck[];
  readonly audits: readonly AuditWrite[];
  readonly outbox: readonly OutboxWrite[];
  readonly slots: SlotWrites;
}

export interface WrittenRun {
  readonly id: RunId;
  readonly version: number;
  /** The database's clock at the commit. */
  readonly nowMs: number;
}

/**
 * Writes decisions of many runs in one statement. `gate` is a compare-and-set on each run's version; every other write joins it,
 * so a run that moved on, or a completion under a claim that is not the current one, leaves nothing behind.
 * Returns the runs that were written; those missing must be read again and decided anew.
 *
 * Rows are found by `id = any($n)`: joins on unnest() alone can turn into scans when statistics are stale.
 */
export async function writeDecisions(on: Queryable, writes: DecisionWrites): Promise<WrittenRun[]> {
  const values: unknown[] = [];
  const p = (value: unknown): string => `$${values.push(value)}`;
  const plain = (items: readonly (string | number | null)[]): string => p(plainArray(items));
  let variant = '';
  const parts: string[] = [];
  const { runs, instances, created, xcoms, superseded, timers, spentTimers, spentEvents, timersOfEnded, checks, audits, outbox } = writes;

  const runIds = plain(runs.map((r) => r.id));
  let refused = '';
  if (checks.length > 0) {
    variant += 'k';
    const ids = plain(checks.map((c) => c.instanceId));
    parts.push(`refused as (
  select k.run_id from unnest(${plain(checks.map((c) => c.runId))}::uuid[], ${ids}::uuid[], ${plain(checks.map((c) => c.attemptId))}::uuid[], ${plain(checks.map((c) => c.claimToken))}::uuid[])
    as k(run_id, instance_id, attempt_id, token)
  left join task_instance t on t.id = k.instance_id and t.id = any(${ids}::uuid[])
  where t.attempt_id is distinct from k.attempt_id or t.claim_token is distinct from k.token
)`);
    refused = ' and not exists (select 1 from refused x where x.run_id = r.id)';
  }
  const cleared = runs.filter((r) => r.cleared).map((r) => r.id);
  if (cleared.length > 0) variant += 'r';
  const counted = cleared.length > 0 ? `, clear_number = r.clear_number + (r.id = any(${plain(cleared)}::uuid[]))::int` : '';
  const results = runs.filter((r) => r.resultJson !== null);
  if (results.length > 0) variant += 'z';
  const resulted = results.length === 0 ? '' : `, result = case when r.id = any(${plain(results.map((r) => r.id))}::uuid[]) then (select x.result::jsonb from unnest(${plain(results.map((r) => r.id))}::uuid[], ${p(results.map((r) => r.resultJson))}::text[]) as x(id, result) where x.id = r.id) else r.result end`;
  const versions = plain(runs.map((r) => r.expectedVersion));
  const controlled = runs.some((r) => r.control !== null);
  if (controlled) variant += 'w';
  const controlColumns = controlled
    ? `, ${plain(runs.map((r) => r.control?.retriesUsed ?? null))}::int2[], ${plain(runs.map((r) => r.control?.retryAtMs ?? null))}::float8[], ${plain(runs.map((r) => (r.control === null ? null : r.control.watched ? 1 : 0)))}::int2[]`
    : '';
  const control = controlled
    ? `, retries_used = coalesce(i.retries_used, r.retries_used), retry_at = case when i.watched is null then r.retry_at else to_timestamp(i.retry_at / 1000) end, watched = coalesce(i.watched = 1, r.watched)`
    : '';
  parts.push(`gate as (
  update dag_run r set version = r.version + 1, state = i.state, start_date = to_timestamp(i.started / 1000),
    end_date = case when i.ended is not null then coalesce(r.end_date, now()) end, quarantined_at = null,
    reason = i.reason, active_instances = i.active, last_scheduling_decision = now()${counted}${resulted}${control}
  from unnest(${runIds}::uuid[], ${versions}::int8[], ${plain(runs.map((r) => r.state))}::text[], ${plain(runs.map((r) => r.startedAtMs))}::float8[],
    ${plain(runs.map((r) => r.endedAtMs))}::float8[], ${p(runs.map((r) => r.reason))}::text[], ${plain(runs.map((r) => r.activeInstances))}::int[]${controlColumns})
    as i(id, version, state, started, ended, reason, active${controlled ? ', retries_used, retry_at, watched' : ''})
  where r.id = any(${runIds}::uuid[]) and r.id = i.id and r.version = i.version${refused}
  returning r.id, r.version
)`);
  parts.push(`decided as (
  insert into run_decision (dag_run_id, version, decided_at, events)
  select g.id, g.version, now(), i.events::jsonb
  from unnest(${runIds}::uuid[], ${p(runs.map((r) => r.decidedOnJson))}::text[]) as i(id, events) join gate g on g.id = i.id
)`);

  if (superseded.length > 0) {
    variant += 's';
    const ids = plain(superseded.map((s) => s.instanceId));
    parts.push(`history as (
  insert into task_instance_history (instance_id, dag_run_id, dag_id, run_id, task_id, index_path, try_number, attempt_id, claim_token, session_id, state, reason,
    max_tries, scheduled_at, queued_at, start_date, end_date, queue, pool, pool_slots, priority_weight, operator, hostname, pid, unixname, rendered_fields, note)
  select t.id, t.dag_run_id, t.dag_id, t.run_id, t.task_id, t.index_path, t.try_number, t.attempt_id, t.claim_token, t.session_id, s.ended_as, nullif(s.reason, ''),
    t.max_tries, t.scheduled_at, t.queued_at, t.start_date, coalesce(t.end_date, now()), t.queue, t.pool, t.pool_slots, t.priority_weight, t.operator, t.hostname, t.pid,
    t.unixname, t.rendered_fields, t.note
  from task_instance t
  join unnest(${ids}::uuid[], ${p(superseded.map((s) => s.endedAs))}::text[], ${p(superseded.map((s) => s.reason))}::text[]) as s(id, ended_as, reason) on s.id = t.id
  join gate g on g.id = t.dag_run_id
  where t.id = any(${ids}::uuid[])
)`);
  }

  if (instances.length > 0) {
    variant += 'i';
    const ids = plain(instances.map((c) => c.id));
    const claims = instances.some((c) => c.claim !== null);
    if (claims) variant += 'c';
    const facts = instances.some((c) => c.facts !== null);
    if (facts) variant += 'f';
    // Most attempts only tell their process id; the texts cost more than all the rest.
    const texts = facts && instances.some((c) => c.facts !== null && (c.facts.renderedFieldsJson !== null || c.facts.resumeJson !== null || c.facts.correlationKey !== null));
    if (texts) variant += 'g';
    const factColumns = facts
      ? `, ${plain(instances.map((c) => (c.facts === null ? 0 : 1)))}::int2[], ${plain(instances.map((c) => c.facts?.pid ?? null))}::int[]`
      : '';
    const textColumns = texts
      ? `, ${p(instances.map((c) => c.facts?.renderedFieldsJson ?? null))}::text[], ${p(instances.map((c) => c.facts?.resumeJson ?? null))}::text[], ${p(instances.map((c) => c.facts?.correlationKey ?? null))}::text[]`
      : '';
    const claimColumns = claims
      ? `, ${plain(instances.map((c) => c.claim?.token ?? null))}::uuid[], ${plain(instances.map((c) => c.claim?.sessionId ?? null))}::uuid[], ${p(instances.map((c) => c.claim?.workerName ?? null))}::text[]`
      : '';
    const mapped = instances.some((c) => c.mapping !== undefined);
    if (mapped) variant += 'm';
    const mapColumns = mapped
      ? `, ${plain(instances.map((c) => c.mapping?.expandedTo ?? null))}::int[], ${p(instances.map((c) => c.mapping?.lengthsJson ?? null))}::text[], ${p(instances.map((c) => c.mapping?.indexName ?? null))}::text[]`
      : '';
    parts.push(`written as (
  update task_instance t set state = c.state, try_number = c.try_number, max_tries = c.max_tries, free_tries = c.free_tries,
    attempt_id = c.attempt_id, attempt_seq = c.attempt_seq, reason = c.reason, scheduled_at = to_timestamp(c.scheduled / 1000),
    claim_token = case c.kind when 0 then t.claim_token${claims ? ' when 2 then c.token' : ''} end,
    session_id = case c.kind when 0 then t.session_id${claims ? ' when 2 then c.session_id' : ''} end,
    hostname = case c.kind when 0 then t.hostname${claims ? ' when 2 then c.worker' : ''} end,
    queued_at = case c.kind when 0 then t.queued_at when 3 then null else now() end,
    start_date = case c.kind when 0 then t.start_date${claims ? ' when 2 then now()' : ''} end,
    end_date = case when c.kind > 0 then null when c.ended is null then t.end_date else greatest(to_timestamp(c.ended / 1000), t.start_date) end,
    resume = case when c.kind > 0 and c.try_number <> t.try_number then null${facts ? ` when c.told = 1 then ${texts ? 'c.resume::jsonb' : 'null'}` : ''} else t.resume end${facts ? `,
    pid = case when c.told = 1 then c.pid when c.kind = 0 then t.pid end,
    correlation_key = case c.told when 1 then ${texts ? 'c.correlation_key' : 'null'} else t.correlation_key end` : ''}${texts ? `,
    rendered_fields = case c.told when 1 then coalesce(c.rendered::jsonb, t.rendered_fields) else t.rendered_fields end` : ''}${mapped ? `,
    expanded_to = c.expanded_to, map_lengths = c.map_lengths::jsonb, rendered_map_index = coalesce(c.index_name, t.rendered_map_index)` : ''}
  from unnest(${ids}::uuid[], ${plain(instances.map((c) => c.runId))}::uuid[], ${plain(instances.map((c) => c.kind))}::int2[], ${plain(instances.map((c) => c.state))}::text[],
    ${plain(instances.map((c) => c.tryNumber))}::int[], ${plain(instances.map((c) => c.maxTries))}::int[], ${plain(instances.map((c) => c.freeTries))}::int[],
    ${plain(instances.map((c) => c.attemptId))}::uuid[], ${plain(instances.map((c) => c.attemptSeq))}::int[], ${p(instances.map((c) => c.reason))}::text[],
    ${plain(instances.map((c) => c.scheduledAtMs))}::float8[], ${plain(instances.map((c) => c.endedAtMs))}::float8[]${claimColumns}${factColumns}${textColumns}${mapColumns})
    as c(id, run_id, kind, state, try_number, max_tries, free_tries, attempt_id, attempt_seq, reason, scheduled, ended${claims ? ', token, session_id, worker' : ''}${facts ? ', told, pid' : ''}${texts ? ', rendered, resume, correlation_key' : ''}${mapped ? ', expanded_to, map_lengths, index_name' : ''})
  join gate g on g.id = c.run_id
  where t.id = any(${ids}::uuid[]) and t.id = c.id
)`);
  }

  if (created.length > 0) {
    variant += 'n';
    const expanded = created.some((c) => c.mapping?.expandedTo != null);
    if (expanded) variant += 'p';
    parts.push(`made as (
  insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, index_path, state, try_number, max_tries, free_tries, attempt_id, attempt_seq,
    claim_token, session_id, hostname, scheduled_at, queued_at, start_date, end_date, reason, queue, pool, pool_slots, priority_weight, operator, owner${expanded ? ', expanded_to' : ''})
  select c.id, c.run_id, c.dag_id, c.run_name, c.task_id, c.index_path::int[], c.state, c.try_number, c.max_tries, c.free_tries, c.attempt_id, c.attempt_seq,
    c.token, c.session_id, c.worker, to_timestamp(c.scheduled / 1000), case when c.kind > 0 then now() end, case when c.kind = 2 then now() end,
    to_timestamp(c.ended / 1000), c.reason, c.queue, c.pool, c.pool_slots, c.priority_weight, c.operator, c.owner${expanded ? ', c.expanded_to' : ''}
  from unnest(${plain(created.map((c) => c.id))}::uuid[], ${plain(created.map((c) => c.runId))}::uuid[], ${p(created.map((c) => c.dagId))}::text[], ${p(created.map((c) => c.runName))}::text[],
    ${p(created.map((c) => c.taskId))}::text[], ${p(created.map((c) => pathLiteral(c.indexPath)))}::text[], ${plain(created.map((c) => c.kind))}::int2[], ${plain(created.map((c) => c.state))}::text[],
    ${plain(created.map((c) => c.tryNumber))}::int[], ${plain(created.map((c) => c.maxTries))}::int[], ${plain(created.map((c) => c.freeTries))}::int[],
    ${plain(created.map((c) => c.attemptId))}::uuid[], ${plain(created.map((c) => c.attemptSeq))}::int[], ${plain(created.map((c) => c.claim?.token ?? null))}::uuid[],
    ${plain(created.map((c) => c.claim?.sessionId ?? null))}::uuid[], ${p(created.map((c) => c.claim?.workerName ?? null))}::text[], ${plain(created.map((c) => c.scheduledAtMs))}::float8[],
    ${plain(created.map((c) => c.endedAtMs))}::float8[], ${p(created.map((c) => c.reason))}::text[], ${p(created.map((c) => c.queue))}::text[], ${p(created.map((c) => c.pool))}::text[],
    ${plain(created.map((c) => c.poolSlots))}::int[], ${plain(created.map((c) => c.priorityWeight))}::int[], ${p(created.map((c) => c.operator))}::text[], ${p(created.map((c) => c.owner))}::text[]${expanded ? `, ${plain(created.map((c) => c.mapping?.expandedTo ?? null))}::int[]` : ''})
    as c(id, run_id, dag_id, run_name, task_id, index_path, kind, state, try_number, max_tries, free_tries, attempt_id, attempt_seq, token, session_id, worker, scheduled,
      ended, reason, queue, pool, pool_slots, priority_weight, operator, owner${expanded ? ', expanded_to' : ''})
  join gate g on g.id = c.run_id
)`);
  }

  if (xcoms.length > 0) {
    variant += 'x';
    const ids = plain(xcoms.map((x) => x.instanceId));
    parts.push(`pushed as (
  insert into xcom (instance_id, try_number, key, dag_run_id, dag_id, run_id, task_id, index_path, attempt_id, value)
  select t.id, x.try_number, x.key, t.dag_run_id, t.dag_id, t.run_id, t.task_id, t.index_path, x.attempt_id, x.value::jsonb
  from unnest(${ids}::uuid[], ${plain(xcoms.map((x) => x.tryNumber))}::int[], ${p(xcoms.map((x) => x.key))}::text[], ${plain(xcoms.map((x) => x.attemptId))}::uuid[], ${p(xcoms.map((x) => x.json))}::text[])
    as x(id, try_number, key, attempt_id, value)
  join task_instance t on t.id = x.id and t.id = any(${ids}::uuid[])
  join gate g on g.id = t.dag_run_id
  on conflict (instance_id, try_number, key) do update set value = excluded.value, attempt_id = excluded.attempt_id, location = null, created_at = now()
)`);
  }

  if (timers.length > 0) {
    variant += 't';
    parts.push(`timed as (
  insert into timer (id, dag_run_id, instance_id, kind, due_at, attempt_seq)
  select c.id, c.run_id, c.instance_id, c.kind, to_timestamp(c.due / 1000), c.attempt_seq
  from unnest(${plain(timers.map((t) => t.id))}::uuid[], ${plain(timers.map((t) => t.runId))}::uuid[], ${plain(timers.map((t) => t.instanceId))}::uuid[], ${plain(timers.map((t) => t.kind))}::text[],
    ${plain(timers.map((t) => t.dueAtMs))}::float8[], ${plain(timers.map((t) => t.attemptSeq))}::int[]) as c(id, run_id, instance_id, kind, due, attempt_seq)
  join gate g on g.id = c.run_id
)`);
  }
  if (spentTimers.length + timersOfEnded.length > 0) {
    variant += 'd';
    const ids = plain(spentTimers.map((t) => t.id));
    const runsOver = plain(timersOfEnded);
    parts.push(`rung as (delete from timer where (id = any(${ids}::uuid[]) or dag_run_id = any(${runsOver}::uuid[])) and dag_run_id in (select id from gate))`);
  }
  if (spentEvents.length > 0) {
    variant += 'e';
    const ids = plain(spentEvents.map((t) => t.id));
    parts.push(`applied as (delete from run_event where id = any(${ids}::uuid[]) and dag_run_id in (select id from gate))`);
  }
  if (audits.length > 0) {
    variant += 'a';
    parts.push(`told as (
  insert into audit_log (event, dag_id, run_id, actor, extra)
  select c.event, r.dag_id, r.run_id, c.actor, c.extra
  from unnest(${plain(audits.map((a) => a.runId))}::uuid[], ${p(audits.map((a) => a.event))}::text[], ${p(audits.map((a) => a.actor))}::text[], ${p(audits.map((a) => a.extra))}::text[])
    as c(run_id, event, actor, extra)
  join gate g on g.id = c.run_id join dag_run r on r.id = c.run_id
)`);
  }
  if (outbox.length > 0) {
    variant += 'o';
    parts.push(`owed as (
  insert into outbox (id, dag_run_id, instance_id, kind, payload)
  select c.id, c.run_id, c.instance_id, c.kind, c.payload::jsonb
  from unnest(${plain(outbox.map((o) => o.id))}::uuid[], ${plain(outbox.map((o) => o.runId))}::uuid[], ${plain(outbox.map((o) => o.instanceId))}::uuid[], ${p(outbox.map((o) => o.kind))}::text[], ${p(outbox.map((o) => o.payloadJson))}::text[])
    as c(id, run_id, instance_id, kind, payload)
  join gate g on g.id = c.run_id
)`);
  }
  const waiting = waitParts(writes, { p, plain });
  variant += waiting.letters;
  parts.push(...waiting.parts);
  if (writes.slots.asks.length + writes.slots.kept.length + writes.slots.givenBack.length > 0) {
    const slots = slotParts(writes.slots, p, plain);
    variant += slots.variant;
    parts.push(...slots.parts);
  }
  const text = `with ${parts.join(', ')} select id, version, extract(epoch from now())::float8 * 1000 as "nowMs" from gate`;
  return on.query<WrittenRun>({ name: `write-decisions-${variant}`, text }, values);
}
