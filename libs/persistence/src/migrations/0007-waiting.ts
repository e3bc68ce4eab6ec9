import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What waits without a process: waits and the signals that end them, work on external platforms with every report of it, questions
 * to people, and stores that outlive a try.
 */
export class Waiting1700000000007 implements MigrationInterface {
  readonly name = 'Waiting1700000000007';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
-- the timers of an instance go away together when it stops waiting
create index timer_instance on timer (instance_id) where instance_id is not null;

-- One row for each instance that ever gave up its slot to wait, written with the decision. Only read when it runs again.
create table instance_wait (
  instance_id uuid primary key references task_instance (id) on delete cascade,
  -- when the first try since it was made or cleared began: what a sensor's time-out counts from
  first_started_at timestamptz not null,
  -- attempts that ended in waiting since then
  looks int not null default 1,
  -- the try that waits, and its attempt that ended in this wait
  try_number int not null,
  attempt_seq int not null,
  since timestamptz not null default now(),
  give_up_at timestamptz,
  -- null: it waits, or its time came; event, timeout
  resumed_by text,
  resumed_key text,
  payload jsonb
) with (fillfactor = 70);

-- Reported to a correlation key and not handed over yet. Goes away in the statement that resumes the instance.
create table instance_signal (
  id uuid primary key,
  instance_id uuid not null references task_instance (id) on delete cascade,
  dag_run_id uuid not null,
  key text not null,
  payload jsonb,
  created_at timestamptz not null default now()
);
create index instance_signal_instance on instance_signal (instance_id, key);

-- Work a task started on another platform. A later try goes on with the open one instead of starting another.
create table external_task (
  id uuid primary key,
  instance_id uuid not null references task_instance (id) on delete cascade,
  dag_run_id uuid not null,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  index_path int[] not null,
  -- the try that began it
  try_number int not null,
  idempotency_key text not null unique,
  -- submitting: the request may have been sent, or not
  state text not null check (state in ('submitting', 'submitted', 'running', 'success', 'failed', 'cancelled', 'timed_out')),
  external_id text,
  progress jsonb,
  result jsonb,
  reason text,
  -- how the platform is told to stop: { url, method, headers, body, connectionId }
  cancel jsonb,
  -- null: nobody wants it stopped; wanted, done, given_up
  cancel_state text,
  cancel_tries int not null default 0,
  cancel_not_before timestamptz,
  cancel_error text,
  created_at timestamptz not null default now(),
  submitted_at timestamptz,
  reported_at timestamptz,
  ended_at timestamptz
);
create unique index external_task_open on external_task (instance_id) where ended_at is null;
create index external_task_instance on external_task (instance_id, created_at);
create index external_task_cancel on external_task (cancel_not_before) where cancel_state = 'wanted';

-- sha-256 of each token that was handed out; the token itself is nowhere.
create table external_task_token (
  hash bytea primary key,
  external_task_id uuid not null references external_task (id) on delete cascade,
  created_at timestamptz not null default now()
);
create index external_task_token_task on external_task_token (external_task_id);

-- Everything that was ever said of it, the late and contradictory too.
create table external_report (
  id bigint generated always as identity primary key,
  external_task_id uuid not null references external_task (id) on delete cascade,
  at timestamptz not null default now(),
  -- callback, task
  source text not null,
  state text not null,
  body jsonb,
  -- whether it changed anything
  counted boolean not null,
  note text
);
create index external_report_task on external_report (external_task_id, id);

-- A question to a person, one for each try that asks.
create table hitl_detail (
  instance_id uuid not null references task_instance (id) on delete cascade,
  try_number int not null,
  dag_run_id uuid not null,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  subject text not null,
  body text,
  options text[] not null,
  defaults text[],
  multiple boolean not null default false,
  -- { name: { value, schema, description } }
  params jsonb not null default '{}',
  -- [{ id, name }]; empty: anybody who may edit the instance
  assignees jsonb not null default '[]',
  created_at timestamptz not null default now(),
  give_up_at timestamptz,
  responded_at timestamptz,
  -- null with responded_at set: nobody answered in time, and the defaults count
  responded_by_id text,
  responded_by_name text,
  chosen_options text[],
  params_input jsonb,
  primary key (instance_id, try_number)
);
create index hitl_detail_open on hitl_detail (created_at) where responded_at is null;
create index hitl_detail_run on hitl_detail (dag_id, run_id);

-- compare-and-set; the same write that is sent again is the same write
alter table state_store add column version bigint not null default 1, add column written_by text;
`;

const DOWN = `
alter table state_store drop column version, drop column written_by;
drop table if exists hitl_detail, external_report, external_task_token, external_task, instance_signal, instance_wait;
drop index if exists timer_instance;
`;
