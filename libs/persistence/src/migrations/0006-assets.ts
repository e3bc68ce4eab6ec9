import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Aliases, events that wait for a dag, partitions that fill up, and watchers with what they have seen. */
export class Assets1700000000006 implements MigrationInterface {
  readonly name = 'Assets1700000000006';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
-- How a dag that waits for partitions of assets maps their keys; null: it does not. A copy from its document, which may be large.
alter table dag add column partitioned_assets jsonb;

alter table asset_queued_event
  -- the dag's condition was looked at with it, and it waits for others
  add column examined boolean not null default false,
  -- false: recorded while the dag was paused; travels with the next run, and asks for none
  add column asks boolean not null default true;
create index asset_queued_new on asset_queued_event (dag_id) where asks and not examined;
create index asset_queued_asset on asset_queued_event (asset_id);
create index asset_event_time on asset_event (created_at desc, id);
create index dag_run_asset_event_event on dag_run_asset_event (event_id);
create index asset_dag_reference_dag on asset_dag_reference (dag_id);

create table asset_alias_dag_reference (
  alias_id bigint not null references asset_alias (id) on delete cascade,
  dag_id text not null references dag (dag_id) on delete cascade,
  kind text not null,
  task_id text not null default '',
  primary key (alias_id, dag_id, kind, task_id)
);
create index asset_alias_dag_reference_dag on asset_alias_dag_reference (dag_id);

-- Which assets were ever updated through an alias.
create table asset_alias_asset (
  alias_id bigint not null references asset_alias (id) on delete cascade,
  asset_id bigint not null references asset (id) on delete cascade,
  primary key (alias_id, asset_id)
);

create table asset_alias_event (
  alias_id bigint not null references asset_alias (id) on delete cascade,
  event_id bigint not null references asset_event (id) on delete cascade,
  primary key (alias_id, event_id)
);
create index asset_alias_event_event on asset_alias_event (event_id);

-- A partition of a dag that fills up: one open one for each key; with its run it is closed, and a later event opens another.
create table partition_request (
  id bigint generated always as identity primary key,
  dag_id text not null references dag (dag_id) on delete cascade,
  partition_key text not null,
  created_at timestamptz not null default now(),
  examined boolean not null default false,
  dag_run_id uuid references dag_run (id) on delete cascade
);
create unique index partition_request_open on partition_request (dag_id, partition_key) where dag_run_id is null;
create index partition_request_new on partition_request (dag_id) where dag_run_id is null and not examined;
create index partition_request_run on partition_request (dag_run_id) where dag_run_id is not null;

create table partition_request_event (
  request_id bigint not null references partition_request (id) on delete cascade,
  event_id bigint not null references asset_event (id) on delete cascade,
  asset_id bigint not null references asset (id) on delete cascade,
  -- as the event carries it; the request has it as the dag's mapper made it
  source_key text not null,
  primary key (request_id, event_id)
);
create index partition_request_event_event on partition_request_event (event_id);

-- Something outside that is listened to, as a dag declares it. The cursor moves in the transaction that records the event.
create table asset_watcher (
  id bigint generated always as identity primary key,
  asset_id bigint not null references asset (id) on delete cascade,
  name text not null,
  kind text not null,
  config jsonb not null,
  is_active boolean not null default true,
  cursor_value text,
  -- who holds the connection, and until when it may
  lease_owner text,
  lease_until timestamptz,
  connected_at timestamptz,
  last_event_at timestamptz,
  last_error text,
  last_error_at timestamptz,
  created_at timestamptz not null default now(),
  unique (asset_id, name)
);

create table asset_watcher_dag_reference (
  watcher_id bigint not null references asset_watcher (id) on delete cascade,
  dag_id text not null references dag (dag_id) on delete cascade,
  primary key (watcher_id, dag_id)
);

-- What a watcher has taken already: a message that comes again changes nothing.
create table asset_watcher_seen (
  watcher_id bigint not null references asset_watcher (id) on delete cascade,
  item text not null,
  cursor_value text,
  event_id bigint references asset_event (id) on delete set null,
  seen_at timestamptz not null default now(),
  primary key (watcher_id, item)
);
create index asset_watcher_seen_at on asset_watcher_seen (watcher_id, seen_at);

-- What a watcher could not use, kept and shown.
create table asset_watcher_parked (
  id bigint generated always as identity primary key,
  watcher_id bigint not null references asset_watcher (id) on delete cascade,
  item text not null,
  content text,
  error text not null,
  parked_at timestamptz not null default now(),
  unique (watcher_id, item)
);
`;

const DOWN = `
drop table if exists asset_watcher_parked, asset_watcher_seen, asset_watcher_dag_reference, asset_watcher, partition_request_event, partition_request,
  asset_alias_event, asset_alias_asset, asset_alias_dag_reference;
drop index if exists asset_queued_asset, asset_event_time, dag_run_asset_event_event, asset_dag_reference_dag;
alter table asset_queued_event drop column examined, drop column asks;
alter table dag drop column partitioned_assets;
`;
