import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What authors' code was, is or will be told, and deadlines that were missed. */
export class Callbacks1700000000012 implements MigrationInterface {
  readonly name = 'Callbacks1700000000012';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table if exists deadline_miss, callback; alter table dag drop column if exists has_deadlines');
  }
}

const UP = `
create table callback (
  -- the id of the outbox row it came from: the same effect is the same callback
  id uuid primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  -- null: of no run (nothing ran when something should have)
  dag_run_id uuid references dag_run (id) on delete cascade,
  instance_id uuid,
  task_id text,
  index_path int[] not null default '{}',
  try_number int not null default 0,
  kind text not null check (kind in ('success', 'failure', 'retry', 'skipped', 'deadline')),
  deadline text,
  reason text not null default '',
  -- where workers must have the code's surroundings
  queue text not null default 'default',
  state text not null default 'pending' check (state in ('pending', 'running', 'success', 'failed')),
  tries int not null default 0,
  -- of the hand-over: a report under an older one is refused
  token uuid,
  session_id uuid,
  -- nobody else is given it before
  lease_until timestamptz,
  -- not tried again before
  not_before timestamptz not null default now(),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  error text,
  log text
);
create index callback_open on callback (not_before) where state in ('pending', 'running');
create index callback_run on callback (dag_run_id) where dag_run_id is not null;
create index callback_dag on callback (dag_id, created_at desc);

create table deadline_miss (
  id uuid primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  dag_run_id uuid references dag_run (id) on delete cascade,
  name text not null,
  reference text not null,
  due_at timestamptz not null,
  missed_at timestamptz not null default now()
);
-- once for each run; once for each time it was due when there is none
create unique index deadline_miss_run on deadline_miss (dag_run_id, name) where dag_run_id is not null;
create unique index deadline_miss_none on deadline_miss (dag_id, name, due_at) where dag_run_id is null;
create index deadline_miss_dag on deadline_miss (dag_id, missed_at desc);

-- Dags of which something is due; kept by publication.
alter table dag add column has_deadlines boolean not null default false;
create index dag_with_deadlines on dag (dag_id) where has_deadlines;
`;
