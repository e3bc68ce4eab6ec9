import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits counted over all runs (pools, a task's or dag's own), fair shares, and the worker a run is pinned to. */
export class Limits1700000000004 implements MigrationInterface {
  readonly name = 'Limits1700000000004';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

/** As it is before 0030; its way back. */
export const SLOTS_ASKED = `create function slots_asked(p_per_share int) returns jsonb language plpgsql as $function$
declare
  answer jsonb;
begin
  perform 1 from slot_lock where id = 1 for update;
  with held as (
    select r.pool,
      coalesce(sum(r.slots) filter (where r.state = 'granted' or (p.include_deferred and (r.state = 'deferred' or r.was_deferred))), 0) as slots
    from slot_request r left join pool p on p.name = r.pool group by r.pool
  ), room as (
    select h.pool, p.slots, h.slots as held, coalesce(p.include_deferred, false) as counts_deferred, p.slots is null or p.slots < 0 or h.slots < p.slots as has_room
    from held h left join pool p on p.name = h.pool
  ), asked as (
    select r.*, case when r.was_deferred and m.counts_deferred then r.slots else 0 end as kept,
      row_number() over (partition by r.pool, r.team, r.share order by r.priority desc, r.order_ms, r.task_id, r.instance_id) as place
    from slot_request r join room m on m.pool = r.pool
    where r.state = 'waiting' and (m.has_room or (r.was_deferred and m.counts_deferred) or (m.slots > 0 and r.slots > m.slots))
  )
  select jsonb_build_object(
    'pools', coalesce((select jsonb_agg(jsonb_build_object('name', pool, 'slots', slots, 'held', held)) from room where slots is not null), '[]'),
    'asks', coalesce((select jsonb_agg(jsonb_build_object('key', instance_id, 'runId', dag_run_id, 'dagId', dag_id, 'taskId', task_id, 'pool', pool, 'slots', slots, 'kept', kept,
        'priority', priority, 'orderMs', order_ms, 'name', task_id, 'team', team, 'share', share, 'maxPerTask', max_per_task, 'maxPerDag', max_per_dag, 'askedAtMs', asked_at_ms))
      from asked where place <= p_per_share), '[]'),
    'taken', coalesce((select jsonb_agg(jsonb_build_array(t.dag_id, t.task_id, t.count)) from (
      select dag_id, task_id, count(*) from slot_request where state = 'granted' and dag_id in (select dag_id from asked where max_per_task is not null or max_per_dag is not null)
      group by dag_id, task_id) t), '[]'),
    'turns', coalesce((select jsonb_agg(jsonb_build_array(pool, share, next)) from slot_turn where pool in (select pool from asked) or pool in (select pool || E'\\nteams' from asked)), '[]')
  ) into answer;
  return answer;
end
$function$;
`;

const UP = `
-- An instance that asks for slots, or has them. Only instances under a limit counted over all runs have a row. Made, changed and deleted with the
-- decision that says so, in its statement; waiting becomes granted under the lock of slot_lock, and nowhere else.
create table slot_request (
  instance_id uuid primary key references task_instance (id) on delete cascade,
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  dag_id text not null,
  task_id text not null,
  state text not null default 'waiting' check (state in ('waiting', 'granted', 'deferred')),
  pool text not null,
  slots int not null check (slots > 0),
  priority int not null,
  -- logical date, or when the run is due, ms
  order_ms float8 not null,
  team text not null default '',
  -- whom it is for: dag:…, backfill:…
  share text not null,
  max_per_task int,
  max_per_dag int,
  -- the decision's time, ms: which time it asked. A grant names it.
  asked_at_ms float8 not null,
  -- it was deferred: where the pool counts deferred instances, it has its slots still
  was_deferred boolean not null default false,
  waiting_since timestamptz not null default now(),
  granted_at timestamptz
) with (fillfactor = 70);
create index slot_request_pool on slot_request (pool, state);
create index slot_request_dag on slot_request (dag_id, task_id);
create index slot_request_run on slot_request (dag_run_id);

-- One row. Who counts what is taken and grants slots holds its lock meanwhile.
create table slot_lock (id int primary key check (id = 1));
insert into slot_lock values (1);

-- Whose turn it is, by pool: tags of start-time fair queueing. A share named by a line break is the pool's clock.
create table slot_turn (
  pool text not null,
  share text not null,
  next float8 not null,
  primary key (pool, share)
) with (fillfactor = 70);

-- Runs whose tasks share one worker; session_id null: none chosen yet. generation counts the workers it has had.
create table run_worker (
  dag_run_id uuid primary key references dag_run (id) on delete cascade,
  session_id uuid,
  worker_name text,
  generation int not null default 0,
  bound_at timestamptz
) with (fillfactor = 70);

-- What a scheduler has queued and running in each worker queue, and how urgent what waits is: { queue: [active, waiting, priority] }.
alter table service_instance add column queue_load jsonb not null default '{}';

-- Locks, then looks: each statement of a plpgsql function sees what was committed before it began.
-- Who asks is read for pools with room only (and where what is asked for can never be had), p_per_share of each share at most, in order.
${SLOTS_ASKED}`;

const DOWN = `
drop function if exists slots_asked(int);
alter table service_instance drop column if exists queue_load;
drop table if exists run_worker, slot_turn, slot_lock, slot_request;
`;
