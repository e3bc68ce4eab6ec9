import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildConcurrently } from './build-concurrently.js';

/**
 * Runs by their dag's version. Deleting versions looks for runs of each: without this, through all of `dag_run`. A new run pays for it once; its
 * later updates do not, because the version stays the same.
 */
export class RunVersionIndex1700000000290 implements MigrationInterface {
  readonly name = 'RunVersionIndex1700000000290';
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    // Who followed the older guide has it already, made by hand.
    await buildConcurrently(queryRunner, 'dag_run_version', 'dag_run (dag_version_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop index if exists dag_run_version');
  }
}
