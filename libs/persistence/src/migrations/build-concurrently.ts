import { MillraceError } from '@millrace/vocabulary';
import type { QueryRunner } from 'typeorm';
import { sqlState } from '../database/database.js';

/** `concurrently` waits for every transaction that is older than it; one that lasts longer than this is told of instead. */
const OLD_TRANSACTION_MS = 15 * 60_000;

/**
 * Builds an index while its table is written, and therefore outside of a transaction: what broke off in the middle is made anew, what is there
 * already is left. The migration that calls it says `transaction = false`. @param name of the index @param on table, columns, condition
 */
export async function buildConcurrently(queryRunner: QueryRunner, name: string, on: string): Promise<void> {
  const [found]: { valid: boolean }[] = await queryRunner.query(`select indisvalid as valid from pg_index where indexrelid = to_regclass('${name}')`);
  if (found?.valid === true) return;
  const [before]: { lock_timeout: string }[] = await queryRunner.query('show lock_timeout');
  await queryRunner.query(`set lock_timeout = ${OLD_TRANSACTION_MS}`);
  try {
    if (found !== undefined) await queryRunner.query(`drop index concurrently ${name}`);
    await queryRunner.query(`create index concurrently ${name} on ${on}`);
  } catch (error) {
    if (sqlState((error as { driverError?: unknown }).driverError) !== '55P03') throw error;
    throw new MillraceError('conflict', `the index ${name} waited ${OLD_TRANSACTION_MS / 60_000} minutes for a transaction of another session to end (a backup? an open psql?). Look into pg_stat_activity for the oldest xact_start, end it or wait for it, and run the migration again`, { cause: error });
  } finally {
    await queryRunner.query(`set lock_timeout = '${before?.lock_timeout ?? '0'}'`);
  }
}
