import type { MigrationInterface, QueryRunner } from 'typeorm';
import { buildConcurrently } from './build-concurrently.js';

/**
 * Runs that are over, by dag and how they ended: the counts of runs of a thousand dags, and a dag's failed runs, without reading the runs
 * themselves. A run pays for it once, when it ends: `dag_run_active` speaks of `state` already, so that this update was never in place (decision 0001).
 */
export class EndedRunsIndex1700000000310 implements MigrationInterface {
  readonly name = 'EndedRunsIndex1700000000310';
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    await buildConcurrently(queryRunner, 'dag_run_ended', `dag_run (dag_id, state, run_after desc, id) where state in ('success', 'failed')`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop index if exists dag_run_ended');
  }
}
