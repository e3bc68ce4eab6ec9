import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which state of its source a dag version was made of: a commit of a repository, a revision of what was deployed. */
export class BundleVersions1700000000022 implements MigrationInterface {
  readonly name = 'BundleVersions1700000000022';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
alter table dag_version add column bundle_version text;
alter table dag_bundle add column version text`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('alter table dag_bundle drop column version; alter table dag_version drop column bundle_version');
  }
}
