import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which external work a task goes on with: the newest that is not settled. Settled with the failure it led to, or with a clear. */
export class SettledWork1700000000007 implements MigrationInterface {
  readonly name = 'SettledWork1700000000007';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
alter table external_task add column settled_at timestamptz;
drop index external_task_open;
create unique index external_task_current on external_task (instance_id) where settled_at is null;
`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
drop index external_task_current;
create unique index external_task_open on external_task (instance_id) where ended_at is null;
alter table external_task drop column settled_at;
`);
  }
}
