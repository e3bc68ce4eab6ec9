import type { Queryable, Statement } from '../database/database.js';

export interface MissedDeadline {
  readonly dagId: string;
  /** Airflow's run_id; null: nothing ran. */
  readonly runId: string | null;
  readonly name: string;
  readonly dueAt: Date;
}

export interface DeadlineMissView extends MissedDeadline {
  readonly id: string;
  readonly reference: string;
  readonly missedAt: Date;
  /** Of the callback that was told; null when there is none. */
  readonly callbackState: string | null;
}

/**
 * miss-deadlines: what is due by the database's clock and not told yet becomes a row, and a callback if the author asked for one. Each
 * once, under any number of schedulers: the unique indexes decide. Index: dag_with_deadlines, dag_run_active, dag_run_recent.
 */
const MISS: Statement = {
  name: 'miss-deadlines',
  text: `
with of_runs as (
  select r.dag_id, r.id as run_id, r.run_id as run_name, d->>'name' as name, d->>'reference' as reference, (d->>'hasCallback')::boolean as has_callback,
    coalesce(v.document->'tasks'->0->>'queue', 'default') as queue,
    coalesce((d->>'intervalSeconds')::float8, 0) * interval '1 second' + case d->>'reference'
      when 'queued' then r.queued_at
      when 'logicalDate' then r.logical_date
      when 'averageRunTime' then r.start_date + past.average * interval '1 second'
      when 'fixed' then case when r.queued_at < (d->>'at')::timestamptz then (d->>'at')::timestamptz end
    end as due_at
  from dag g
  join dag_run r on r.dag_id = g.dag_id and r.state in ('queued', 'running')
  join dag_version v on v.id = r.dag_version_id
  cross join lateral jsonb_array_elements(v.document->'deadlines') d
  left join lateral (
    select avg(x.seconds)::float8 as average from (
      select extract(epoch from p.end_date - p.start_date) as seconds from dag_run p
      where p.dag_id = r.dag_id and p.state = 'success' order by p.run_after desc limit coalesce((d->>'averageOf')::int, 10)
    ) x
  ) past on d->>'reference' = 'averageRunTime'
  where g.has_deadlines
), of_dags as (
  select g.dag_id, null::uuid as run_id, null::text as run_name, d->>'name' as name, d->>'reference' as reference, (d->>'hasCallback')::boolean as has_callback,
    coalesce(v.document->'tasks'->0->>'queue', 'default') as queue,
    coalesce(last.end_date, g.created_at) + coalesce((d->>'intervalSeconds')::float8, 0) * interval '1 second' as due_at
  from dag g
  join dag_version v on v.id = g.current_version_id
  cross join lateral jsonb_array_elements(v.document->'deadlines') d
  left join lateral (select p.end_date from dag_run p where p.dag_id = g.dag_id and p.state = 'success' order by p.run_after desc, p.id desc limit 1) last on true
  where g.has_deadlines and not g.is_paused and not g.is_stale and d->>'reference' = 'lastSuccess'
), due as (
  select gen_random_uuid() as id, u.* from (select * from of_runs union all select * from of_dags) u
  where u.due_at <= clock_timestamp() and not exists (
    select 1 from deadline_miss m where m.dag_id = u.dag_id and m.name = u.name
      and ((u.run_id is not null and m.dag_run_id = u.run_id) or (u.run_id is null and m.dag_run_id is null and m.due_at = u.due_at)))
), missed as (
  insert into deadline_miss (id, dag_id, dag_run_id, name, reference, due_at)
  select id, dag_id, run_id, name, reference, due_at from due on conflict do nothing
  returning id
), told as (
  insert into callback (id, dag_id, dag_run_id, kind, deadline, reason, queue)
  select u.id, u.dag_id, u.run_id, 'deadline', u.name, 'due at ' || to_char(u.due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), u.queue
  from due u join missed m on m.id = u.id where u.has_callback
)
select u.dag_id as "dagId", u.run_name as "runId", u.name, u.due_at as "dueAt" from due u join missed m on m.id = u.id`,
};

/** any-deadlines: index dag_with_deadlines. */
const ANY: Statement = { name: 'any-deadlines', text: 'select 1 as one from dag where has_deadlines limit 1' };

const LIST: Statement = {
  name: 'deadline-misses',
  text: `
select m.id, m.dag_id as "dagId", r.run_id as "runId", m.name, m.reference, m.due_at as "dueAt", m.missed_at as "missedAt", c.state as "callbackState"
from deadline_miss m left join dag_run r on r.id = m.dag_run_id left join callback c on c.id = m.id
where m.dag_id = $1 and ($2::text is null or r.run_id = $2) order by m.missed_at desc, m.id limit $3 offset $4`,
};
const COUNT: Statement = {
  name: 'count-deadline-misses',
  text: `select count(*) as total from deadline_miss m left join dag_run r on r.id = m.dag_run_id where m.dag_id = $1 and ($2::text is null or r.run_id = $2)`,
};

/** Until when something must have happened, and did not. */
export class Deadlines {
  constructor(private readonly on: Queryable) {}

  /** Notes what was missed since the last look. Without any deadline it does not look at runs: of a hundred thousand that wait, that is most of what an idle database does. */
  async miss(): Promise<MissedDeadline[]> {
    if ((await this.on.query(ANY)).length === 0) return [];
    return this.on.query<MissedDeadline & Record<string, unknown>>(MISS);
  }

  async list(dagId: string, runId: string | null, limit: number, offset: number): Promise<{ readonly rows: DeadlineMissView[]; readonly total: number }> {
    const rows = await this.on.query<DeadlineMissView & Record<string, unknown>>(LIST, [dagId, runId, limit, offset]);
    const [count] = await this.on.query<{ total: number }>(COUNT, [dagId, runId]);
    return { rows, total: count?.total ?? 0 };
  }
}
