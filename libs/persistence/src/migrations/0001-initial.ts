import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The whole data model, wide enough that later features add rows and not tables' shapes.
 *
 * Hot rows (`dag_run`, `task_instance`) carry no index on what changes at every transition, so that their updates are HOT;
 * what the sweeper looks for is found through the small set of active runs (`dag_run_active`) or by `timer.due_at`.
 * `fillfactor` leaves room in the page for those updates. Ids are made by the application (uuid v7): PostgreSQL 15 to 18.
 */
export class Initial1700000000001 implements MigrationInterface {
  readonly name = 'Initial1700000000001';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
create table team (
  name text primary key,
  created_at timestamptz not null default now()
);

create table dag_bundle (
  name text primary key,
  last_refreshed timestamptz,
  team text references team (name)
);

-- Content-addressed code: one row per sha-256, never changed.
create table bundle_blob (
  hash text primary key,
  content bytea not null,
  created_at timestamptz not null default now()
);

create table dag (
  dag_id text primary key,
  bundle_name text not null references dag_bundle (name),
  relative_fileloc text not null,
  fileloc text not null,
  team text references team (name),
  display_name text,
  description text,
  owners text[] not null default '{}',
  tags text[] not null default '{}',
  timetable_summary text,
  timetable_description text,
  is_paused boolean not null default false,
  -- the file no longer has it; runs and history stay
  is_stale boolean not null default false,
  current_version_id uuid,
  last_parsed_time timestamptz,
  last_parse_duration real,
  max_active_runs int not null default 16,
  max_active_tasks int not null default 16,
  max_consecutive_failed_runs int not null default 0,
  has_import_errors boolean not null default false,
  -- the next run the schedule asks for; null: none
  next_logical_date timestamptz,
  next_interval_start timestamptz,
  next_interval_end timestamptz,
  next_run_after timestamptz,
  created_at timestamptz not null default now()
);
create index dag_due on dag (next_run_after) where next_run_after is not null;
create index dag_by_file on dag (bundle_name, relative_fileloc);

create table dag_version (
  id uuid primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  version_number int not null,
  -- sha-256 of document and bundle hash: the same content is the same version
  content_hash text not null,
  bundle_hash text references bundle_blob (hash),
  bundle_name text not null,
  document jsonb not null,
  source text not null default '',
  created_at timestamptz not null default now(),
  unique (dag_id, version_number),
  unique (dag_id, content_hash)
);
alter table dag add foreign key (current_version_id) references dag_version (id) deferrable initially deferred;

create table dag_favorite (
  user_name text not null,
  dag_id text not null references dag (dag_id) on delete cascade,
  primary key (user_name, dag_id)
);

create table import_error (
  id bigint generated always as identity primary key,
  bundle_name text not null,
  relative_fileloc text not null,
  fileloc text not null,
  stack_trace text not null,
  line int,
  created_at timestamptz not null default now(),
  unique (bundle_name, relative_fileloc)
);

create table backfill (
  id bigint generated always as identity primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  from_date timestamptz not null,
  to_date timestamptz not null,
  dag_run_conf jsonb not null default '{}',
  is_paused boolean not null default false,
  reprocess_behavior text not null default 'none' check (reprocess_behavior in ('none', 'failed', 'completed')),
  run_backwards boolean not null default false,
  max_active_runs int not null check (max_active_runs > 0),
  triggering_user_name text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  completed_at timestamptz,
  cancelled_at timestamptz
);
create index backfill_open on backfill (dag_id) where completed_at is null;

create table dag_run (
  id uuid primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  run_id text not null,
  dag_version_id uuid not null references dag_version (id),
  state text not null check (state in ('queued', 'running', 'success', 'failed')),
  -- compare-and-set: every decision is written only where this is still what it was decided on
  version bigint not null default 0,
  run_type text not null check (run_type in ('backfill', 'scheduled', 'manual', 'asset_triggered', 'asset_materialization')),
  triggered_by text not null,
  triggering_user_name text,
  logical_date timestamptz,
  data_interval_start timestamptz,
  data_interval_end timestamptz,
  run_after timestamptz not null,
  queued_at timestamptz not null default now(),
  start_date timestamptz,
  end_date timestamptz,
  last_scheduling_decision timestamptz,
  conf jsonb not null default '{}',
  params jsonb not null default '{}',
  partition_key text,
  partition_date timestamptz,
  -- null: all tasks of the version; otherwise only these exist in the run
  task_selection text[],
  backfill_id bigint references backfill (id) on delete set null,
  -- order inside its backfill
  backfill_order int,
  -- why the run ended as it did, when its tasks do not say it
  reason text,
  note text,
  -- queued + running + restarting instances, as of the last decision: lets the sweeper pass over runs with nothing to repair
  active_instances int not null default 0,
  -- a run the scheduler could not apply: shown, alerted, left alone until touched
  quarantined_at timestamptz,
  traceparent text,
  clear_number int not null default 0,
  result jsonb,
  team text references team (name),
  unique (dag_id, run_id)
) with (fillfactor = 60);
create unique index dag_run_logical_date on dag_run (dag_id, logical_date) where logical_date is not null;
create index dag_run_recent on dag_run (dag_id, run_after desc, id);
create index dag_run_after on dag_run (run_after desc, id);
create index dag_run_active on dag_run (state, dag_id, run_after) where state in ('queued', 'running');
create index dag_run_backfill on dag_run (backfill_id, backfill_order) where backfill_id is not null;

-- Which queued runs of these dags could start, in the order they may. Locks the dags' rows first, and looks only then: each statement of a
-- plpgsql function sees what was committed before it began, so the counts are those of the moment the lock was had.
create function startable_runs(p_dag_ids text[], p_limit int)
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

-- The current try of each instance. Earlier tries are in task_instance_history.
create table task_instance (
  id uuid primary key,
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  -- {} unmapped, {3} mapped, {2,5} nested
  index_path int[] not null default '{}',
  state text check (state in ('scheduled', 'queued', 'running', 'success', 'failed', 'skipped', 'upstream_failed', 'up_for_retry',
    'up_for_reschedule', 'deferred', 'awaiting_input', 'restarting', 'removed')),
  try_number int not null default 0,
  max_tries int not null default 0,
  -- tries the user's retries have not to pay for: lost, cleared
  free_tries int not null default 0,
  -- one dispatch of one try; a reset always makes a new one
  attempt_id uuid,
  -- counts dispatches, so that attempt ids can be derived again in a replay
  attempt_seq int not null default 0,
  claim_token uuid,
  session_id uuid,
  scheduled_at timestamptz,
  queued_at timestamptz,
  start_date timestamptz,
  end_date timestamptz,
  queue text not null default 'default',
  pool text not null default 'default_pool',
  pool_slots int not null default 1,
  priority_weight int not null default 1,
  operator text not null,
  owner text,
  hostname text,
  pid int,
  unixname text,
  -- what a deferred or rescheduled attempt goes on with
  resume jsonb,
  correlation_key text,
  -- why it is in its state, when that needs words (error of the try, "worker lost", "skipped by branch x")
  reason text,
  rendered_fields jsonb,
  rendered_map_index text,
  note text,
  executor_config jsonb not null default '{}',
  unique (dag_run_id, task_id, index_path)
) with (fillfactor = 50);
create index task_instance_by_task on task_instance (dag_id, task_id, dag_run_id);
create index task_instance_correlation on task_instance (correlation_key) where correlation_key is not null;

create table task_instance_history (
  id bigint generated always as identity,
  instance_id uuid not null,
  dag_run_id uuid not null,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  index_path int[] not null,
  try_number int not null,
  attempt_id uuid,
  claim_token uuid,
  session_id uuid,
  -- lost: the worker was not heard of for a full lease; whether it may have overlapped stands in reason
  state text,
  reason text,
  max_tries int not null default 0,
  scheduled_at timestamptz,
  queued_at timestamptz,
  start_date timestamptz,
  end_date timestamptz,
  queue text,
  pool text,
  pool_slots int,
  priority_weight int,
  operator text,
  hostname text,
  pid int,
  unixname text,
  rendered_fields jsonb,
  note text,
  recorded_at timestamptz not null default now(),
  primary key (recorded_at, id)
) partition by range (recorded_at);
create table task_instance_history_default partition of task_instance_history default;
create index task_instance_history_instance on task_instance_history (instance_id, try_number);
create index task_instance_history_run on task_instance_history (dag_run_id);

-- What was asked of a run and is not applied yet. A row goes away in the transaction that applies it.
create table run_event (
  id uuid primary key,
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  kind text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);
create index run_event_run on run_event (dag_run_id, id);

-- What each version of a run was decided on: replaying these gives the stored state. Dropped by partition, not deleted.
create table run_decision (
  dag_run_id uuid not null,
  version bigint not null,
  decided_at timestamptz not null,
  events jsonb not null,
  primary key (decided_at, dag_run_id, version)
) partition by range (decided_at);
create table run_decision_default partition of run_decision default;
create index run_decision_run on run_decision (dag_run_id, version);

create table timer (
  id uuid primary key,
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  instance_id uuid,
  kind text not null,
  due_at timestamptz not null,
  -- the attempt_seq it was set for: a timer of an earlier dispatch means nothing
  attempt_seq int not null default 0
);
create index timer_due on timer (due_at);
create index timer_run on timer (dag_run_id);

create table xcom (
  instance_id uuid not null references task_instance (id) on delete cascade,
  try_number int not null,
  key text not null,
  dag_run_id uuid not null,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  index_path int[] not null,
  attempt_id uuid,
  value jsonb,
  -- set when the value lives in the object store
  location text,
  created_at timestamptz not null default now(),
  primary key (instance_id, try_number, key)
);
create index xcom_run on xcom (dag_run_id, task_id, key);

-- One life of one worker process. Heartbeats update one row per session.
create table worker_session (
  id uuid primary key,
  worker_name text not null,
  log_host text not null,
  log_port int not null,
  queues text[] not null,
  slots int not null,
  free_slots int not null default 0,
  -- attempts the worker held at its last beat: running, or ended and not yet answered
  running uuid[] not null default '{}',
  version text not null default '',
  pid int,
  started_at timestamptz not null default now(),
  last_beat_at timestamptz not null default now(),
  lease_expires_at timestamptz not null,
  -- active, draining, ended (said goodbye), lost
  state text not null default 'active' check (state in ('active', 'draining', 'ended', 'lost')),
  -- set once nothing runs under an ended or lost session any more
  ended_at timestamptz
) with (fillfactor = 50);
create index worker_session_started on worker_session (started_at desc);

-- Schedulers, apis, dag-processors … alive, for health, jobs and the doorbell's partitions.
create table service_instance (
  id text primary key,
  kind text not null,
  hostname text not null,
  pid int,
  -- where its gRPC answers, schedulers only
  address text,
  version text not null default '',
  started_at timestamptz not null default now(),
  last_beat_at timestamptz not null default now(),
  ended_at timestamptz
) with (fillfactor = 50);
create index service_instance_kind on service_instance (kind, last_beat_at desc);

create table pool (
  name text primary key,
  -- -1: no limit
  slots int not null check (slots >= -1),
  description text,
  include_deferred boolean not null default false,
  team text references team (name)
);
insert into pool (name, slots, description) values ('default_pool', -1, 'Default pool');

create table variable (
  key text primary key,
  value text not null,
  is_encrypted boolean not null default false,
  description text,
  team text references team (name)
);

create table connection (
  connection_id text primary key,
  conn_type text not null,
  description text,
  host text,
  schema_name text,
  login text,
  -- AES-256-GCM, "keyid:nonce:ciphertext", bound to the row's id
  password_encrypted text,
  port int,
  extra_encrypted text,
  team text references team (name)
);

create table asset (
  id bigint generated always as identity primary key,
  name text not null,
  uri text not null,
  asset_group text not null default 'asset',
  extra jsonb not null default '{}',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (name, uri)
);

create table asset_alias (
  id bigint generated always as identity primary key,
  name text not null unique,
  asset_group text not null default ''
);

create table asset_event (
  id bigint generated always as identity primary key,
  asset_id bigint not null references asset (id),
  extra jsonb not null default '{}',
  source_dag_id text,
  source_run_id text,
  source_task_id text,
  source_index_path int[],
  source_instance_id uuid,
  partition_key text,
  partition_date timestamptz,
  created_at timestamptz not null default now()
);
create index asset_event_asset on asset_event (asset_id, created_at desc);

create table asset_dag_reference (
  asset_id bigint not null references asset (id) on delete cascade,
  dag_id text not null references dag (dag_id) on delete cascade,
  -- schedule, inlet, outlet
  kind text not null,
  task_id text not null default '',
  primary key (asset_id, dag_id, kind, task_id)
);

create table asset_queued_event (
  asset_id bigint not null references asset (id) on delete cascade,
  dag_id text not null references dag (dag_id) on delete cascade,
  event_id bigint not null references asset_event (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (dag_id, asset_id, event_id)
);

create table dag_run_asset_event (
  dag_run_id uuid not null references dag_run (id) on delete cascade,
  event_id bigint not null references asset_event (id) on delete cascade,
  primary key (dag_run_id, event_id)
);

-- Watermarks and external job ids that outlive a try.
create table state_store (
  scope text not null check (scope in ('task', 'asset')),
  owner_key text not null,
  key text not null,
  value jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (scope, owner_key, key)
);

create table app_user (
  name text primary key,
  -- argon2id; null: logs in elsewhere
  password_hash text,
  role text not null default 'Viewer',
  email text,
  first_name text,
  last_name text,
  is_active boolean not null default true,
  -- raised to end all sessions
  token_generation int not null default 0,
  team text references team (name),
  created_at timestamptz not null default now(),
  last_login timestamptz
);

create table audit_log (
  id bigint generated always as identity,
  at timestamptz not null default now(),
  event text not null,
  dag_id text,
  run_id text,
  task_id text,
  index_path int[],
  try_number int,
  actor text,
  extra text,
  primary key (at, id)
) partition by range (at);
create table audit_log_default partition of audit_log default;
create index audit_log_dag on audit_log (dag_id, at desc);
create index audit_log_id on audit_log (id);

-- Instance-wide values made once: signing key, installation id.
create table installation (
  key text primary key,
  value text not null
);
`;

const DOWN = `
drop function if exists startable_runs(text[], int);
drop table if exists installation, audit_log, app_user, state_store, dag_run_asset_event, asset_queued_event, asset_dag_reference,
  asset_event, asset_alias, asset, connection, variable, pool, service_instance, worker_session, xcom, timer, run_decision,
  run_event, task_instance_history, task_instance, dag_run, backfill, import_error, dag_favorite, dag_version, dag, bundle_blob,
  dag_bundle, team cascade;
`;
