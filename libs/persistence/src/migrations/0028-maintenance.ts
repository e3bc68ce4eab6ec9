import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Maintenance mode of the installation, and workers somebody asked to drain. The number at its end puts it behind every earlier migration, whatever their numbers. */
export class Maintenance1700000000281 implements MigrationInterface {
  readonly name = 'Maintenance1700000000281';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(UP);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(DOWN);
  }
}

const UP = `
-- One row, or none: then it is off.
create table maintenance (
  one boolean primary key default true check (one),
  active boolean not null,
  reason text,
  by_user text not null,
  since timestamptz not null default now()
);
alter table worker_session add column drain_asked_at timestamptz, add column drain_asked_by text;
`;

const DOWN = `
alter table worker_session drop column drain_asked_at, drop column drain_asked_by;
drop table maintenance;
`;
