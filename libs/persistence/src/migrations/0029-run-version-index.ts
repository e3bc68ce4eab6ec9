import { MillraceError } from '@millrace/vocabulary';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sqlState } from '../database/database.js';

/** `concurrently` waits for every transaction that is older than it; one that lasts longer than this is told of instead. */
const OLD_TRANSACTION_MS = 15 * 60_000;

/**
 * Runs by their dag's version. Deleting versions looks for runs of each: without this, through all of `dag_run`. A new run pays for it once; its
 * later updates do not, because the version stays the same.
 *
 * Built `concurrently`, so that runs are written meanwhile, and therefore outside of a transaction: what broke off in the middle is made anew.
 */
export class RunVersionIndex1700000000290 implements MigrationInterface {
  readonly name = 'RunVersionIndex1700000000290';
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    const [found]: { valid: boolean }[] = await queryRunner.query(`select indisvalid as valid from pg_index where indexrelid = to_regclass('dag_run_version')`);
    if (found?.valid === true) return; // Somebody followed the older guide and made it by hand.
    const [before]: { lock_timeout: string }[] = await queryRunner.query('show lock_timeout');
    await queryRunner.query(`set lock_timeout = ${OLD_TRANSACTION_MS}`);
    try {
      if (found !== undefined) await queryRunner.query('drop index concurrently dag_run_version');
      await queryRunner.query('create index concurrently dag_run_version on dag_run (dag_version_id)');
    } catch (error) {
      if (sqlState((error as { driverError?: unknown }).driverError) !== '55P03') throw error;
      throw new MillraceError('conflict', `the index dag_run_version waited ${OLD_TRANSACTION_MS / 60_000} minutes for a transaction of another session to end (a backup? an open psql?). Look into pg_stat_activity for the oldest xact_start, end it or wait for it, and run the migration again`, { cause: error });
    } finally {
      await queryRunner.query(`set lock_timeout = '${before?.lock_timeout ?? '0'}'`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('drop index if exists dag_run_version');
  }
}
