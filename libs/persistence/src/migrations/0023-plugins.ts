import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What dag-processors found in plugins folders. */
export class Plugins1700000000023 implements MigrationInterface {
  readonly name = 'Plugins1700000000023';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
create table plugin (
  -- the dags folder it was found for
  bundle_name text not null,
  -- 'plugins/finance.ts', or the name of a package
  source text not null,
  -- null: it is broken, and error says why
  name text,
  document jsonb,
  error text,
  error_file text,
  error_line int,
  -- of a plugin with routes: one ES module
  code bytea,
  code_hash text,
  seen_at timestamptz not null default now(),
  primary key (bundle_name, source)
)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop table if exists plugin');
  }
}
