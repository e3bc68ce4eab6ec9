import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dag files somebody asked to have read again. */
export class Reparse1700000000014 implements MigrationInterface {
  readonly name = 'Reparse1700000000014';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
create table reparse_request (
  bundle_name text not null references dag_bundle (name) on delete cascade,
  relative_fileloc text not null,
  requested_at timestamptz not null default now(),
  primary key (bundle_name, relative_fileloc)
)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table if exists reparse_request');
  }
}
