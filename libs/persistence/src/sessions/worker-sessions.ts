import type { AttemptId, InstanceId, RunId, SessionId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

export interface WorkerSessionFacts {
  readonly id: SessionId;
  readonly workerName: string;
  readonly logHost: string;
  readonly logPort: number;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly version: string;
  readonly pid: number | null;
}

/** open-session: begins a worker's session, or joins one that is open already. $8 lease in ms. Returns its state. */
const OPEN_SESSION: Statement = {
  name: 'open-session',
  text: `
insert into worker_session (id, worker_name, log_host, log_port, queues, slots, version, pid, free_slots, lease_expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $9, $6, now() + $8 * interval '1 millisecond')
on conflict (id) do update set log_host = excluded.log_host, log_port = excluded.log_port
returning state`,
};

/** beat: one row per worker session. $1 id, $2 free slots, $3 uuid[] held attempts, $4 draining, $5 lease in ms. Returns the state; ended and lost sessions stay so. */
const BEAT: Statement = {
  name: 'beat',
  text: `
update worker_session set last_beat_at = now(), free_slots = $2, running = $3::uuid[],
  lease_expires_at = case when state in ('active', 'draining') then now() + $5 * interval '1 millisecond' else lease_expires_at end,
  state = case when state = 'active' and $4 then 'draining' else state end
where id = $1 returning state, drain_asked_by as "drainAskedBy"`,
};

/** not-current: which of the attempts a worker holds it must stop. $1 uuid[] instance ids, $2 uuid[] attempt ids, pairwise. */
const NOT_CURRENT: Statement = {
  name: 'not-current',
  text: `
select h.attempt_id as "attemptId"
from unnest($1::uuid[], $2::uuid[]) as h(id, attempt_id)
left join task_instance t on t.id = h.id and t.id = any($1::uuid[])
where t.attempt_id is distinct from h.attempt_id or t.state not in ('running', 'queued')`,
};

/** end-session: the worker said goodbye. */
const END_SESSION: Statement = { name: 'end-session', text: `update worker_session set state = 'ended' where id = $1 and state in ('active', 'draining')` };

/** expire-sessions: sessions unheard of for a full lease become lost. */
const EXPIRE_SESSIONS: Statement = {
  name: 'expire-sessions',
  text: `
update worker_session set state = 'lost' where id in (
  select id from worker_session where state in ('active', 'draining') and lease_expires_at < now() for update skip locked)
returning id, worker_name as "workerName", extract(epoch from last_beat_at)::float8 * 1000 as "lastBeatMs"`,
};

/** attempts-of-closed-sessions: what still runs under sessions that ended or were lost and are not reconciled. Index: dag_run_active, worker_session_started. `offset 0`: see unclaimed-attempts. */
const ATTEMPTS_OF_CLOSED_SESSIONS: Statement = {
  name: 'attempts-of-closed-sessions',
  text: `
select w.id as "sessionId", w.state as "sessionState", w.worker_name as "workerName", extract(epoch from w.last_beat_at)::float8 * 1000 as "lastBeatMs",
  t.id as "instanceId", t.attempt_id as "attemptId", t.dag_run_id as "runId",
  jsonb_build_object('dag_id', t.dag_id, 'run_id', t.run_id, 'task_id', t.task_id, 'try_number', t.try_number) as names
from worker_session w
left join (
  select ti.id, ti.attempt_id, ti.dag_run_id, ti.session_id, ti.dag_id, ti.run_id, ti.task_id, ti.try_number
  from dag_run r
  cross join lateral (select * from task_instance i where i.dag_run_id = r.id and i.state in ('running', 'restarting') offset 0) ti
  where r.state in ('queued', 'running')
) t on t.session_id = w.id
where w.state in ('ended', 'lost') and w.ended_at is null`,
};

/** close-sessions: nothing runs under them any more. $1 uuid[] ids. */
const CLOSE_SESSIONS: Statement = { name: 'close-sessions', text: `update worker_session set ended_at = now() where id = any($1::uuid[]) and ended_at is null` };

/**
 * undelivered-attempts: claimed for a living session that, well after the claim, does not hold them: the answer was lost on its way.
 * $1 grace in ms. Index: dag_run_active. `offset 0`: see unclaimed-attempts.
 */
const UNDELIVERED_ATTEMPTS: Statement = {
  name: 'undelivered-attempts',
  text: `
select t.id as "instanceId", t.attempt_id as "attemptId", t.dag_run_id as "runId", w.worker_name as "workerName",
  jsonb_build_object('dag_id', t.dag_id, 'run_id', t.run_id, 'task_id', t.task_id, 'try_number', t.try_number) as names
from dag_run r
cross join lateral (select * from task_instance i where i.dag_run_id = r.id and i.state in ('running', 'restarting') offset 0) t
join worker_session w on w.id = t.session_id
where r.state = 'running' and r.active_instances > 0 and w.state in ('active', 'draining')
  and t.start_date < w.last_beat_at - $1 * interval '1 millisecond' and not (t.attempt_id = any(w.running))
limit 1000`,
};

/** live-workers: who takes what. */
const LIVE_WORKERS: Statement = {
  name: 'live-workers',
  text: `select id, worker_name as "workerName", queues, slots, free_slots as "freeSlots" from worker_session where state = 'active' and lease_expires_at > now()`,
};

export type SessionState = 'active' | 'draining' | 'ended' | 'lost';

/** What people call an attempt, under the names that log lines use. */
export interface AttemptNames {
  readonly dag_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly try_number: number;
}

export interface ClosedSessionAttempt {
  readonly sessionId: SessionId;
  readonly sessionState: SessionState;
  readonly workerName: string;
  readonly lastBeatMs: number;
  readonly instanceId: InstanceId | null;
  readonly attemptId: AttemptId | null;
  readonly runId: RunId | null;
  /** Without values when the session had nothing running. */
  readonly names: AttemptNames;
}

export interface LiveWorker {
  readonly id: SessionId;
  readonly workerName: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly freeSlots: number;
}

/** The `worker_session` table: one life of one worker process each. */
export class WorkerSessions {
  constructor(private readonly on: Queryable) {}

  async open(facts: WorkerSessionFacts, leaseMs: number): Promise<SessionState> {
    const [row] = await this.on.query<{ state: SessionState }>(OPEN_SESSION, [facts.id, facts.workerName, facts.logHost, facts.logPort, facts.queues, facts.slots, facts.version, leaseMs, facts.pid]);
    return row!.state;
  }

  /** undefined: there is no such session. `drainAskedBy`: somebody wants this worker to drain. */
  async beat(id: SessionId, freeSlots: number, held: readonly AttemptId[], draining: boolean, leaseMs: number): Promise<{ state: SessionState; drainAskedBy: string | null } | undefined> {
    const [row] = await this.on.query<{ state: SessionState; drainAskedBy: string | null }>(BEAT, [id, freeSlots, plainArray(held), draining, leaseMs]);
    return row;
  }

  async notCurrent(held: readonly { readonly instanceId: InstanceId; readonly attemptId: AttemptId }[]): Promise<readonly AttemptId[]> {
    if (held.length === 0) return [];
    const rows = await this.on.query<{ attemptId: AttemptId }>(NOT_CURRENT, [plainArray(held.map((h) => h.instanceId)), plainArray(held.map((h) => h.attemptId))]);
    return rows.map((row) => row.attemptId);
  }

  async end(id: SessionId): Promise<void> {
    await this.on.query(END_SESSION, [id]);
  }

  expire(): Promise<{ id: SessionId; workerName: string; lastBeatMs: number }[]> {
    return this.on.query(EXPIRE_SESSIONS);
  }

  attemptsOfClosedSessions(): Promise<ClosedSessionAttempt[]> {
    return this.on.query<ClosedSessionAttempt & Record<string, unknown>>(ATTEMPTS_OF_CLOSED_SESSIONS);
  }

  async close(ids: readonly SessionId[]): Promise<void> {
    if (ids.length > 0) await this.on.query(CLOSE_SESSIONS, [plainArray(ids)]);
  }

  undelivered(graceMs: number): Promise<{ instanceId: InstanceId; attemptId: AttemptId; runId: RunId; workerName: string; names: AttemptNames }[]> {
    return this.on.query(UNDELIVERED_ATTEMPTS, [graceMs]);
  }

  live(): Promise<LiveWorker[]> {
    return this.on.query<LiveWorker & Record<string, unknown>>(LIVE_WORKERS);
  }
}
