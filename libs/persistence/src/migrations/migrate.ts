import { DataSource } from 'typeorm';
import { Initial1700000000001 } from './0001-initial.js';

export const MIGRATIONS = [Initial1700000000001];

/** Any number; the same in every version, so that two migrations at once wait for each other. */
const ADVISORY_LOCK = 7_281_993_001;

export interface MigrationReport {
  readonly applied: readonly string[];
  readonly current: string;
}

/** Brings the schema up to date, under an advisory lock. Running it twice, or at once from two places, is harmless. */
export async function migrate(url: string): Promise<MigrationReport> {
  return withDataSource(url, async (source) => {
    const runner = source.createQueryRunner();
    await runner.connect();
    try {
      await runner.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
      const applied = await source.runMigrations({ transaction: 'each' });
      return { applied: applied.map((migration) => migration.name), current: MIGRATIONS.at(-1)!.name };
    } finally {
      await runner.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK]);
      await runner.release();
    }
  });
}

/** Names of migrations this version knows and the database lacks. Empty: up to date. */
export async function pendingMigrations(url: string): Promise<readonly string[]> {
  return withDataSource(url, async (source) => {
    const [table] = await source.query(`select to_regclass('millrace_migration') is not null as present`);
    const rows: { name: string }[] = table.present ? await source.query('select name from millrace_migration') : [];
    const done = new Set(rows.map((row) => row.name));
    return MIGRATIONS.map((migration) => new migration().name).filter((name) => !done.has(name));
  });
}

/** Takes back the newest migration. */
export async function revertMigration(url: string): Promise<void> {
  await withDataSource(url, (source) => source.undoLastMigration());
}

async function withDataSource<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = new DataSource({ type: 'postgres', url, migrations: MIGRATIONS, migrationsTableName: 'millrace_migration', synchronize: false, logging: false, extra: { max: 3 } });
  await source.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}
