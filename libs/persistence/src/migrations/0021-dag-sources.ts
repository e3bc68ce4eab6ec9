import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dags that are kept here instead of in a folder: documents sent to the api, and bundles deployed to it. */
export class DagSources1700000000021 implements MigrationInterface {
  readonly name = 'DagSources1700000000021';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
-- Uploaded files, by content: what several revisions share is there once.
create table dag_source_blob (
  hash text primary key,
  content bytea not null,
  created_at timestamptz not null default now()
);

create table dag_source (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('document', 'bundle')),
  -- a document's dag id, a bundle's name
  name text not null,
  -- whose dags are published; null: none yet, or deleted
  active_revision int,
  last_revision int not null default 0,
  created_at timestamptz not null default now(),
  unique (kind, name)
);

create table dag_source_revision (
  source_id bigint not null references dag_source (id) on delete cascade,
  revision int not null,
  -- uploading → checking → ready or refused; what is ready can be active, again and again
  state text not null check (state in ('uploading', 'checking', 'ready', 'refused')),
  -- becomes active as soon as it is ready
  activates boolean not null,
  -- [{ path, hash, size }]
  files jsonb not null,
  -- sha-256 of the files: the same content again is the same revision
  content_hash text not null,
  -- [{ path, message, file, line, column }]
  problems jsonb not null default '[]',
  -- { added, changed, removed }: dag ids, against what was published when it was checked, or what activating it did
  changes jsonb,
  note text,
  created_by text,
  created_at timestamptz not null default now(),
  checked_at timestamptz,
  activated_at timestamptz,
  -- handed to a dag-processor, which says from time to time that it still works at it
  taken_at timestamptz,
  taken_by text,
  primary key (source_id, revision)
);
create index dag_source_to_check on dag_source_revision (created_at) where state = 'checking';

-- What publishing a dag file of a revision needs: its documents, and by hash the code that runs.
create table dag_source_outcome (
  source_id bigint not null,
  revision int not null,
  path text not null,
  bundle_hash text not null references bundle_blob (hash),
  source text not null,
  documents jsonb not null,
  timetables jsonb not null,
  parse_duration_ms int not null,
  primary key (source_id, revision, path),
  foreign key (source_id, revision) references dag_source_revision (source_id, revision) on delete cascade
);
create index dag_source_outcome_by_bundle on dag_source_outcome (bundle_hash)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table if exists dag_source_outcome, dag_source_revision, dag_source, dag_source_blob');
  }
}
