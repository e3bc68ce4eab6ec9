import type { BundleHash, DagVersionId, IndexPath, InstanceId, RunId, SessionId } from '@millrace/vocabulary';
import type { RunningWork } from '../attempt-reads/attempt-reads.js';
import type { Queryable, Statement } from '../database/database.js';

export type CallbackKind = 'success' | 'failure' | 'retry' | 'skipped' | 'deadline';
export type CallbackState = 'pending' | 'running' | 'success' | 'failed';

/** A callback that was handed to a worker, with what it must be told. */
export interface TakenCallback {
  readonly id: string;
  readonly token: string;
  readonly dagId: string;
  readonly runId: RunId | null;
  readonly instanceId: InstanceId | null;
  readonly taskId: string | null;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
  readonly kind: CallbackKind;
  readonly deadline: string | null;
  readonly reason: string;
  readonly queue: string;
  /** The dag's current version: for a callback of no run. */
  readonly currentVersionId: DagVersionId | null;
  readonly currentBundleHash: BundleHash | null;
  /** Of its dag; empty: none. */
  readonly team: string;
}

export interface CallbackView {
  readonly id: string;
  readonly dagId: string;
  readonly runId: string | null;
  readonly taskId: string | null;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
  readonly kind: CallbackKind;
  readonly deadline: string | null;
  readonly reason: string;
  readonly state: CallbackState;
  readonly tries: number;
  readonly worker: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly error: string | null;
  readonly log: string | null;
}

/** new-callback: from an effect that is owed. $1 its id, $2 run, $3 instance or null, $4 task or null, $5 try, $6 kind, $7 reason, $8 queue when there is no instance, $9 deadline or null, $10 dag. */
const ADD: Statement = {
  name: 'new-callback',
  text: `
insert into callback (id, dag_id, dag_run_id, instance_id, task_id, index_path, try_number, kind, reason, queue, deadline)
select $1, $10, $2, t.id, $4, coalesce(t.index_path, '{}'), $5, $6, $7, coalesce(t.queue, $8), $9
from (select 1) one left join task_instance t on t.id = $3
on conflict (id) do nothing`,
};

/** take-callbacks: due ones for a worker of these queues. $1 text[] queues, $2 session, $3 lease ms, $4 how many. Index: callback_open. */
const TAKE: Statement = {
  name: 'take-callbacks',
  text: `
with due as (
  select id from callback
  where state in ('pending', 'running') and not_before <= clock_timestamp() and queue = any($1::text[])
  order by not_before, id limit $4 for update skip locked
), taken as (
  update callback c set state = 'running', token = gen_random_uuid(), tries = tries + 1, session_id = $2, started_at = clock_timestamp(),
    lease_until = clock_timestamp() + $3 * interval '1 millisecond', not_before = clock_timestamp() + $3 * interval '1 millisecond'
  from due where c.id = due.id
  returning c.*
)
select c.id, c.token, c.dag_id as "dagId", c.dag_run_id as "runId", c.instance_id as "instanceId", c.task_id as "taskId", c.index_path as "indexPath",
  c.try_number as "tryNumber", c.kind, c.deadline, c.reason, c.queue, v.id as "currentVersionId", v.bundle_hash as "currentBundleHash", coalesce(d.team, '') as team
from taken c join dag d on d.dag_id = c.dag_id left join dag_version v on v.id = d.current_version_id`,
};

/** report-callback: $1 id, $2 token, $3 state (success, failed, pending), $4 error, $5 log, $6 ms until it is tried again. */
const REPORT: Statement = {
  name: 'report-callback',
  text: `
update callback set state = $3, error = $4, log = $5, lease_until = null, ended_at = case when $3 = 'pending' then null else clock_timestamp() end,
  not_before = clock_timestamp() + $6 * interval '1 millisecond'
where id = $1 and token = $2 and state = 'running'`,
};

/** hold-callback: it has arrived at its worker. $1 id, $2 token, $3 lease ms. */
const HOLD: Statement = {
  name: 'hold-callback',
  text: `
update callback set lease_until = clock_timestamp() + $3 * interval '1 millisecond', not_before = clock_timestamp() + $3 * interval '1 millisecond'
where id = $1 and token = $2 and state = 'running'`,
};

const TRIES: Statement = { name: 'tries-of-callback', text: `select tries from callback where id = $1 and token = $2 and state = 'running'` };

/** free-callbacks: handed to workers that are gone: given to others at once, or given up. $1 most tries. */
const FREE: Statement = {
  name: 'free-callbacks',
  text: `
update callback c set
  state = case when tries >= $1 then 'failed' else 'pending' end, lease_until = null, not_before = clock_timestamp(),
  error = 'its worker was lost before it reported', ended_at = case when tries >= $1 then clock_timestamp() end
where state = 'running' and (lease_until < clock_timestamp() or exists (select 1 from worker_session s where s.id = c.session_id and s.state in ('lost', 'ended')))
returning id`,
};

const ANY: Statement = { name: 'any-callback-due', text: `select 1 from callback where state in ('pending', 'running') and not_before <= clock_timestamp() limit 1` };

/** is-callback-running: what the callback may read for. $1 id, $2 token. */
const RUNNING: Statement = {
  name: 'is-callback-running',
  text: `
select c.dag_id as "dagId", coalesce(r.run_id, '') as "runId", d.team from callback c join dag d on d.dag_id = c.dag_id left join dag_run r on r.id = c.dag_run_id
where c.id = $1 and c.token = $2 and c.state = 'running'`,
};

const VIEW = `
select c.id, c.dag_id as "dagId", r.run_id as "runId", c.task_id as "taskId", c.index_path as "indexPath", c.try_number as "tryNumber", c.kind, c.deadline, c.reason,
  c.state, c.tries, s.worker_name as worker, c.created_at as "createdAt", c.started_at as "startedAt", c.ended_at as "endedAt", c.error, c.log
from callback c left join dag_run r on r.id = c.dag_run_id left join worker_session s on s.id = c.session_id`;

const OF_DAG: Statement = {
  name: 'callbacks-of-dag',
  text: `${VIEW} where c.dag_id = $1 and ($2::text is null or r.run_id = $2) and ($3::text is null or c.state = $3) order by c.created_at desc, c.id limit $4 offset $5`,
};
const COUNT: Statement = {
  name: 'count-callbacks-of-dag',
  text: `select count(*) as total from callback c left join dag_run r on r.id = c.dag_run_id where c.dag_id = $1 and ($2::text is null or r.run_id = $2) and ($3::text is null or c.state = $3)`,
};

export interface NewCallback {
  readonly id: string;
  readonly dagId: string;
  readonly runId: RunId | null;
  readonly instanceId: InstanceId | null;
  readonly taskId: string | null;
  readonly tryNumber: number;
  readonly kind: CallbackKind;
  readonly reason: string;
  /** Where it runs when no instance says so. */
  readonly queue: string;
  readonly deadline: string | null;
}

/** What authors' code is told of changes. */
export class Callbacks {
  constructor(private readonly on: Queryable) {}

  /** The same id twice is one callback. */
  async add(c: NewCallback): Promise<void> {
    await this.on.query(ADD, [c.id, c.runId, c.instanceId, c.taskId, c.tryNumber, c.kind, c.reason.slice(0, 4_000), c.queue, c.deadline, c.dagId]);
  }

  async anyDue(): Promise<boolean> {
    return (await this.on.query(ANY)).length > 0;
  }

  take(queues: readonly string[], sessionId: SessionId, leaseMs: number, limit: number): Promise<TakenCallback[]> {
    return this.on.query<TakenCallback & Record<string, unknown>>(TAKE, [queues, sessionId, leaseMs, limit]);
  }

  async hold(id: string, token: string, leaseMs: number): Promise<void> {
    await this.on.query(HOLD, [id, token, leaseMs]);
  }

  /** @returns undefined when the token is not of the current hand-over. */
  async triesOf(id: string, token: string): Promise<number | undefined> {
    return (await this.on.query<{ tries: number }>(TRIES, [id, token]))[0]?.tries;
  }

  async report(id: string, token: string, state: 'success' | 'failed' | 'pending', error: string | null, log: string, againInMs: number): Promise<void> {
    await this.on.query(REPORT, [id, token, state, error, log, againInMs]);
  }

  /** @returns how many were taken from workers that are gone. */
  async free(maxTries: number): Promise<number> {
    return (await this.on.query(FREE, [maxTries])).length;
  }

  /** What a callback that runs under this token belongs to. */
  async running(id: string, token: string): Promise<RunningWork | undefined> {
    return (await this.on.query<RunningWork & Record<string, unknown>>(RUNNING, [id, token]))[0];
  }

  /** @param runId Airflow's run_id; null: of every run, and of none. */
  async list(dagId: string, runId: string | null, state: CallbackState | null, limit: number, offset: number): Promise<{ readonly rows: CallbackView[]; readonly total: number }> {
    const rows = await this.on.query<CallbackView & Record<string, unknown>>(OF_DAG, [dagId, runId, state, limit, offset]);
    const [count] = await this.on.query<{ total: number }>(COUNT, [dagId, runId, state]);
    return { rows, total: count?.total ?? 0 };
  }
}
