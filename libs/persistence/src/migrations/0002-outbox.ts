import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Effects of decisions that must happen exactly as durably as the decision: written in its statement, carried out after it,
 * deleted in the transaction that carries them out.
 */
export class Outbox1700000000002 implements MigrationInterface {
  readonly name = 'Outbox1700000000002';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table if exists outbox');
  }
}

const UP = `
create table outbox (
  id uuid primary key,
  -- null: an effect of something that is no run's
  dag_run_id uuid references dag_run (id) on delete cascade,
  instance_id uuid,
  kind text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  -- not tried again before
  not_before timestamptz not null default now(),
  tries int not null default 0,
  last_error text,
  -- given up, kept and shown; touched again only by a person
  parked_at timestamptz
);
create index outbox_due on outbox (not_before) where parked_at is null;
create index outbox_run on outbox (dag_run_id) where dag_run_id is not null;
`;
