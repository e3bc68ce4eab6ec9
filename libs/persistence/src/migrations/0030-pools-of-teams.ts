import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SLOTS_ASKED as BEFORE } from './0004-limits.js';

/** Who asks for slots of a pool that is another team's is found, also while the pool is full. */
export class PoolsOfTeams1700000000300 implements MigrationInterface {
  readonly name = 'PoolsOfTeams1700000000300';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(BEFORE.replace('create function', 'create or replace function'));
  }
}

// A scheduler of before does not read what is new in the answer, and takes who asks for such a pool for one of those that wait.
const UP = `
create or replace function slots_asked(p_per_share int) returns jsonb language plpgsql as $function$
declare
  answer jsonb;
begin
  perform 1 from slot_lock where id = 1 for update;
  with held as (
    select r.pool,
      coalesce(sum(r.slots) filter (where r.state = 'granted' or (p.include_deferred and (r.state = 'deferred' or r.was_deferred))), 0) as slots
    from slot_request r left join pool p on p.name = r.pool group by r.pool
  ), room as (
    select h.pool, p.slots, p.team as owner, h.slots as held, coalesce(p.include_deferred, false) as counts_deferred, p.slots is null or p.slots < 0 or h.slots < p.slots as has_room
    from held h left join pool p on p.name = h.pool
  ), asked as (
    select r.*, case when r.was_deferred and m.counts_deferred then r.slots else 0 end as kept,
      row_number() over (partition by r.pool, r.team, r.share order by r.priority desc, r.order_ms, r.task_id, r.instance_id) as place,
      f.is_foreign
    from slot_request r join room m on m.pool = r.pool
    -- by whose dag it is now, not by what it was when it asked
    cross join lateral (select case when m.owner is null then false else m.owner is distinct from (select d.team from dag d where d.dag_id = r.dag_id) end as is_foreign) f
    where r.state = 'waiting' and (m.has_room or (r.was_deferred and m.counts_deferred) or (m.slots > 0 and r.slots > m.slots) or f.is_foreign)
  )
  select jsonb_build_object(
    'pools', coalesce((select jsonb_agg(jsonb_build_object('name', pool, 'slots', slots, 'held', held)) from room where slots is not null), '[]'),
    'asks', coalesce((select jsonb_agg(jsonb_build_object('key', instance_id, 'runId', dag_run_id, 'dagId', dag_id, 'taskId', task_id, 'pool', pool, 'slots', slots, 'kept', kept,
        'priority', priority, 'orderMs', order_ms, 'name', task_id, 'team', team, 'share', share, 'maxPerTask', max_per_task, 'maxPerDag', max_per_dag, 'askedAtMs', asked_at_ms, 'isForeign', is_foreign))
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
