import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A backfill's line waits until every run it is to run again stands in it: what comes later does not start before what comes earlier. */
export class BackfillOrder1700000000051 implements MigrationInterface {
  readonly name = 'BackfillOrder1700000000051';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
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
      and not exists (select from dag_run x join run_event e on e.dag_run_id = x.id where x.backfill_id = b.id)
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
