import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Switches, holds, run retries, waiters on other runs, plans of re-runs. */
export class Control1700000000008 implements MigrationInterface {
  readonly name = 'Control1700000000008';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
-- Tasks somebody switched off, by name: of the dag and not of a version, so a new version changes nothing about it.
alter table dag add column switched_off text[] not null default '{}';
create table task_switch (
  dag_id text not null references dag (dag_id) on delete cascade,
  task_id text not null,
  off_by text not null,
  off_at timestamptz not null default now(),
  note text,
  primary key (dag_id, task_id)
);

-- After a failed run nothing new starts until somebody releases the dag. Nothing is written when a run fails: whether the dag is held follows
-- from its failed runs.
alter table dag add column hold_after_failure boolean not null default false;
alter table dag add column hold_released_at timestamptz;
create index dag_run_failed on dag_run (dag_id, end_date) where state = 'failed';

create function dag_holder(p_dag_id text) returns uuid language sql stable as $f$
  select r.id from dag d join dag_run r on r.dag_id = d.dag_id and r.state = 'failed' and r.end_date > coalesce(d.hold_released_at, '-infinity'::timestamptz)
  where d.dag_id = p_dag_id and d.hold_after_failure order by r.end_date desc limit 1
$f$;

alter table dag_run add column retries_used smallint not null default 0;
alter table dag_run add column retry_at timestamptz;
-- something outside waits for the run: its ends are told
alter table dag_run add column watched boolean not null default false;
-- the task instance whose attempt asked for this run, and the try it was
alter table dag_run add column triggered_by_instance uuid;
alter table dag_run add column triggered_by_try int;
create index dag_run_triggered_by_instance on dag_run (triggered_by_instance) where triggered_by_instance is not null;

-- An instance that waits until a run, or tasks of it, have ended. The watched run may not exist yet: then dag and date name it.
create table waiter (
  id uuid primary key,
  instance_id uuid not null,
  attempt_id uuid not null,
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  watched_run_id uuid,
  watched_dag_id text not null,
  watched_logical_date timestamptz,
  -- which tasks, and which states end the wait; see the handler
  condition jsonb not null,
  created_at timestamptz not null default now(),
  unique (instance_id)
);
create index waiter_run on waiter (watched_run_id) where watched_run_id is not null;
create index waiter_date on waiter (watched_dag_id, watched_logical_date) where watched_run_id is null;

-- A chosen set of runs and tasks to run again, in order: looked at first, then applied page by page.
create table rerun_plan (
  id uuid primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  state text not null check (state in ('draft', 'applying', 'done', 'cancelled', 'failed')),
  request jsonb not null,
  note text,
  created_by text not null,
  created_at timestamptz not null default now(),
  applied_by text,
  applied_at timestamptz,
  ended_at timestamptz,
  error text
);
create index rerun_plan_dag on rerun_plan (dag_id, created_at desc);
create table rerun_item (
  plan_id uuid not null references rerun_plan (id) on delete cascade,
  place int not null,
  -- null: the run does not exist and is created
  dag_run_id uuid,
  run_id text,
  logical_date timestamptz,
  partition_key text,
  instance_ids uuid[] not null default '{}',
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed', 'cancelled')),
  outcome text,
  done_at timestamptz,
  primary key (plan_id, place)
);

-- An input somebody put in place of what an upstream task had pushed, and what it was before.
create table xcom_override (
  id uuid primary key,
  plan_id uuid references rerun_plan (id) on delete set null,
  instance_id uuid not null references task_instance (id) on delete cascade,
  try_number int not null,
  key text not null,
  before jsonb,
  after jsonb,
  by_user text not null,
  at timestamptz not null default now()
);
create index xcom_override_instance on xcom_override (instance_id);
`;

const DOWN = `
drop table xcom_override, rerun_item, rerun_plan, waiter, task_switch;
drop function dag_holder(text);
drop index dag_run_failed;
alter table dag drop column switched_off, drop column hold_after_failure, drop column hold_released_at;
alter table dag_run drop column retries_used, drop column retry_at, drop column watched, drop column triggered_by_instance, drop column triggered_by_try;
`;
