import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

/** why-run: what stands around a run; one of a backfill that is over stands in its dag's line, as for startable_runs. $1 run id. Index: dag_run_active. */
const AROUND_RUN: Statement = {
  name: 'why-run',
  text: `
select extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs", r.dag_id as "dagId", extract(epoch from r.run_after)::float8 * 1000 as "runAfterMs",
  case when r.quarantined_at is not null then coalesce(r.reason, 'no reason is known') end as quarantined, d.is_paused as "dagPaused", d.max_active_runs as "limit",
  (select count(*)::int from dag_run x left join backfill y on y.id = x.backfill_id where x.dag_id = r.dag_id and x.state = 'running' and (y.id is null or y.completed_at is not null)) as running,
  b.id::int as "backfillId", b.is_paused as "backfillPaused", b.max_active_runs as "backfillLimit",
  (select count(*)::int from dag_run x where x.backfill_id = b.id and x.state = 'running') as "backfillRunning",
  (select h.run_id from dag_run h where h.id = dag_holder(r.dag_id)) as "heldBy",
  (select json_build_object('by', m.by_user, 'sinceMs', extract(epoch from m.since)::float8 * 1000, 'reason', m.reason) from maintenance m where m.active) as maintenance
from dag_run r join dag d on d.dag_id = r.dag_id left join backfill b on b.id = r.backfill_id and b.completed_at is null where r.id = $1`,
};

/** why-instance: what stands around an instance. $1 instance id. */
const AROUND_INSTANCE: Statement = {
  name: 'why-instance',
  text: `
select extract(epoch from t.start_date)::float8 * 1000 as "startedAtMs", t.correlation_key as "correlationKey", s.worker_name as "workerName",
  extract(epoch from s.last_beat_at)::float8 * 1000 as "heardMs", l.workers, l.free as "freeSlots", p.slots as "poolSlots", u.used as "poolUsed", u.holders as "poolHolders",
  w.watched_dag_id as "watchedDagId", wr.run_id as "watchedRunId", extract(epoch from w.watched_logical_date)::float8 * 1000 as "watchedDateMs", k.dag_active as "dagActive", k.run_active as "runActive"
from task_instance t
left join worker_session s on s.id = t.session_id
left join waiter w on w.instance_id = t.id
left join dag_run wr on wr.id = w.watched_run_id
left join pool p on p.name = t.pool
cross join lateral (
  select count(*)::int as workers, coalesce(sum(x.free_slots), 0)::int as free from worker_session x
  where x.state = 'active' and x.lease_expires_at > now() and x.queues @> array[t.queue]
) l
cross join lateral (
  select coalesce(sum(x.pool_slots), 0)::int as used, (array_agg(x.dag_id || ' ' || x.run_id || ' ' || x.task_id order by x.queued_at))[1:10] as holders
  from dag_run r
  cross join lateral (
    select * from task_instance i
    where i.dag_run_id = r.id and i.pool = t.pool and (i.state in ('queued', 'running', 'restarting') or (p.include_deferred and i.state = 'deferred')) offset 0
  ) x
  where p.slots >= 0 and r.state = 'running'
) u
cross join lateral (
  select count(*)::int as dag_active, count(*) filter (where x.dag_run_id = t.dag_run_id)::int as run_active
  from dag_run r join task_instance x on x.dag_run_id = r.id
  where r.dag_id = t.dag_id and r.state = 'running' and x.task_id = t.task_id and x.state in ('queued', 'running', 'restarting')
) k
where t.id = $1`,
};

const TIMERS: Statement = {
  name: 'why-timers',
  text: `
select m.kind, extract(epoch from m.due_at)::float8 * 1000 as "dueAtMs" from timer m join task_instance t on t.id = m.instance_id
where m.dag_run_id = $1 and m.instance_id = $2 and m.attempt_seq = t.attempt_seq order by m.due_at`,
};

export interface AroundRun {
  readonly nowMs: number;
  readonly dagId: string;
  readonly runAfterMs: number;
  readonly quarantined: string | null;
  readonly dagPaused: boolean;
  readonly limit: number;
  readonly running: number;
  readonly backfillId: number | null;
  readonly backfillPaused: boolean | null;
  readonly backfillLimit: number | null;
  readonly backfillRunning: number;
  readonly heldBy: string | null;
  /** null: it is off. */
  readonly maintenance: { readonly by: string; readonly sinceMs: number; readonly reason: string | null } | null;
}

export interface AroundInstance {
  readonly startedAtMs: number | null;
  readonly correlationKey: string | null;
  readonly workerName: string | null;
  readonly heardMs: number | null;
  readonly workers: number;
  readonly freeSlots: number;
  readonly poolSlots: number | null;
  readonly poolUsed: number;
  readonly poolHolders: readonly string[] | null;
  readonly watchedDagId: string | null;
  readonly watchedRunId: string | null;
  readonly watchedDateMs: number | null;
  readonly dagActive: number;
  readonly runActive: number;
}

/** Read when a person asks why something waits; never on the path of a run. */
export class WhyReads {
  constructor(private readonly on: Queryable) {}

  async aroundRun(id: RunId): Promise<AroundRun | undefined> {
    return (await this.on.query<AroundRun & Record<string, unknown>>(AROUND_RUN, [id]))[0];
  }

  async aroundInstance(id: InstanceId): Promise<AroundInstance | undefined> {
    return (await this.on.query<AroundInstance & Record<string, unknown>>(AROUND_INSTANCE, [id]))[0];
  }

  timers(runId: RunId, instanceId: InstanceId): Promise<{ kind: string; dueAtMs: number }[]> {
    return this.on.query(TIMERS, [runId, instanceId]);
  }
}
