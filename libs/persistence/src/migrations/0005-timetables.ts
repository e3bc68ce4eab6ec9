import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Backfills date by date, lines of runs that may start, and what custom timetables published. */
export class Timetables1700000000005 implements MigrationInterface {
  readonly name = 'Timetables1700000000005';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
alter table backfill add column run_on_latest_version boolean not null default true;

-- Each date a backfill was asked for, and what became of it: a run, or why it made none.
create table backfill_date (
  backfill_id bigint not null references backfill (id) on delete cascade,
  ordinal int not null check (ordinal >= 1),
  logical_date timestamptz not null,
  dag_run_id uuid references dag_run (id) on delete set null,
  exception_reason text check (exception_reason in ('in flight', 'already exists', 'unknown')),
  primary key (backfill_id, ordinal)
);
create index backfill_date_run on backfill_date (dag_run_id) where dag_run_id is not null;
insert into backfill_date (backfill_id, ordinal, logical_date, dag_run_id)
select r.backfill_id, row_number() over (partition by r.backfill_id order by r.backfill_order nulls last, r.id), r.logical_date, r.id
from dag_run r where r.backfill_id is not null and r.logical_date is not null;

-- Runs of timetables that are written in dag code: worked out where dag code runs, ahead of their time.
create table timetable (
  dag_id text primary key references dag (dag_id) on delete cascade,
  -- the version whose code worked out what is to come
  version_id uuid not null references dag_version (id) on delete cascade,
  -- there are no runs after those published
  is_complete boolean not null default false,
  extended_at timestamptz,
  -- handed to a processor at this time: it is not asked of another one at once
  asked_at timestamptz,
  -- why it could not be gone on with
  error text
);
create table timetable_run (
  dag_id text not null references dag (dag_id) on delete cascade,
  logical_date timestamptz not null,
  interval_start timestamptz not null,
  interval_end timestamptz not null,
  run_after timestamptz not null,
  primary key (dag_id, logical_date)
);

-- Which queued runs of these dags could start, in the order they may. A dag's own runs stand in one line, those of its open backfill in
-- another, each with its own limit: neither hides the other. Runs of a backfill that is over (cleared later) are the dag's own. Locks the dags' rows first, and looks only then: each statement of a plpgsql
-- function sees what was committed before it began, so the counts are those of the moment the lock was had.
create or replace function startable_runs(p_dag_ids text[], p_limit int)
returns table (id uuid, dag_limit int, dag_running bigint, backfill_limit int, backfill_running bigint, waited_ms float8, place bigint)
language plpgsql as $function$
begin
  perform 1 from dag where dag_id = any(p_dag_ids) order by dag_id for no key update;
  return query
  with line as (
    select d.dag_id, d.max_active_runs as dag_limit, null::bigint as backfill_id, null::int as backfill_limit,
      (select count(*) from dag_run x left join backfill b on b.id = x.backfill_id
       where x.dag_id = d.dag_id and x.state = 'running' and (b.id is null or b.completed_at is not null)) as running
    from dag d where d.dag_id = any(p_dag_ids) and not d.is_paused
    union all
    select d.dag_id, d.max_active_runs, b.id, b.max_active_runs, (select count(*) from dag_run x where x.backfill_id = b.id and x.state = 'running')
    from dag d join backfill b on b.dag_id = d.dag_id
    where d.dag_id = any(p_dag_ids) and not d.is_paused and b.completed_at is null and b.cancelled_at is null and not b.is_paused
  )
  select q.id, l.dag_limit, case when l.backfill_id is null then l.running else 0 end, l.backfill_limit, case when l.backfill_id is null then 0 else l.running end, q.waited_ms,
    row_number() over (order by l.dag_id, q.place, l.backfill_id nulls first)
  from line l
  cross join lateral (
    select r.id, extract(epoch from clock_timestamp() - r.queued_at)::float8 * 1000 as waited_ms, row_number() over (order by r.backfill_order, r.run_after, r.id) as place
    from dag_run r left join backfill b on b.id = r.backfill_id
    where r.state = 'queued' and r.dag_id = l.dag_id and r.run_after <= clock_timestamp() and r.quarantined_at is null
      and case when l.backfill_id is null then b.id is null or b.completed_at is not null else r.backfill_id = l.backfill_id end
    order by r.backfill_order, r.run_after, r.id
    -- Of a full line one is told, so that it is known that somebody waits; of a backfill no more than may start, so that its order holds.
    limit case when l.running >= coalesce(l.backfill_limit, l.dag_limit) then 1 when l.backfill_id is null then p_limit else l.backfill_limit - l.running end
  ) q;
end
$function$;
`;

const DOWN = `
create or replace function startable_runs(p_dag_ids text[], p_limit int)
returns table (id uuid, dag_limit int, dag_running bigint, backfill_limit int, backfill_running bigint, waited_ms float8, place bigint)
language plpgsql as $function$
begin
  perform 1 from dag where dag_id = any(p_dag_ids) order by dag_id for no key update;
  return query
  select q.id, d.max_active_runs, q.dag_running, q.max_active, q.backfill_running, q.waited_ms, row_number() over (order by d.dag_id, q.backfill_order nulls first, q.run_after, q.id)
  from dag d
  cross join lateral (
    select r.id, r.backfill_order, r.run_after, b.max_active_runs as max_active,
      (select count(*) from dag_run x where x.dag_id = d.dag_id and x.state = 'running' and x.backfill_id is null) as dag_running,
      (select count(*) from dag_run x where x.backfill_id = r.backfill_id and x.state = 'running') as backfill_running,
      extract(epoch from clock_timestamp() - r.queued_at)::float8 * 1000 as waited_ms
    from dag_run r left join backfill b on b.id = r.backfill_id
    where r.state = 'queued' and r.dag_id = d.dag_id and r.run_after <= clock_timestamp() and r.quarantined_at is null
      and (b.id is null or (not b.is_paused and b.cancelled_at is null))
    order by r.backfill_order nulls first, r.run_after, r.id
    limit p_limit
  ) q
  where d.dag_id = any(p_dag_ids) and not d.is_paused;
end
$function$;
drop table if exists timetable_run, timetable, backfill_date;
alter table backfill drop column run_on_latest_version;
`;
