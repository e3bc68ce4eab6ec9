import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { inTurns } from './in-turns.js';
import { syncArrowTriggers } from '../arrows/arrow-triggers.js';
import { Initial1700000000001 } from './0001-initial.js';
import { Outbox1700000000002 } from './0002-outbox.js';
import { Mapping1700000000003 } from './0003-mapping.js';
import { Limits1700000000004 } from './0004-limits.js';
import { Timetables1700000000005 } from './0005-timetables.js';
import { BackfillOrder1700000000051 } from './0005b-backfill-order.js';
import { Waiting1700000000007 } from './0007-waiting.js';
import { SettledWork1700000000007 } from './0007b-settled-work.js';
import { Callbacks1700000000012 } from './0012-callbacks.js';
import { Plugins1700000000023 } from './0023-plugins.js';
import { Reparse1700000000014 } from './0014-reparse.js';
import { Assets1700000000006 } from './0006-assets.js';
import { Control1700000000008 } from './0008-control.js';
import { Access1700000000024 } from './0024-access.js';
import { DagSources1700000000021 } from './0021-dag-sources.js';
import { BundleVersions1700000000022 } from './0022-bundle-versions.js';
import { RunVersionIndex1700000000290 } from './0029-run-version-index.js';
import { PoolsOfTeams1700000000300 } from './0030-pools-of-teams.js';
import { EndedRunsIndex1700000000310 } from './0031-ended-runs-index.js';
import { Maintenance1700000000281 } from './0028-maintenance.js';

export const MIGRATIONS = [
  Initial1700000000001,
  Outbox1700000000002,
  Mapping1700000000003,
  Limits1700000000004,
  Timetables1700000000005,
  Assets1700000000006,
  Waiting1700000000007,
  SettledWork1700000000007,
  Callbacks1700000000012,
  Reparse1700000000014,
  Control1700000000008,
  BackfillOrder1700000000051,
  Plugins1700000000023,
  Access1700000000024,
  Maintenance1700000000281,
  DagSources1700000000021,
  BundleVersions1700000000022,
  RunVersionIndex1700000000290,
  PoolsOfTeams1700000000300,
  EndedRunsIndex1700000000310,
];

/** Any number; the same in every version, so that two migrations at once wait for each other. */
const ADVISORY_LOCK = 7_281_993_001;

/** A change of a table that old pods use waits no longer than this for its lock, since whoever comes after waits behind it; then it lets them pass and tries again. */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_PAUSE_MS = 1_000;
const LOCK_TURNS = 100;
const ALONE_PAUSE_MS = 100;

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
      await lockedAlone((text) => runner.query(text, [ADVISORY_LOCK]));
      const before = new Set((await migrationsIn(source)));
      await inTurns(() => source.runMigrations({ transaction: 'each' }), LOCK_TURNS, LOCK_PAUSE_MS);
      const applied = (await migrationsIn(source)).filter((name) => !before.has(name));
      await syncArrowTriggers((text) => runner.query(text));
      return { applied, current: MIGRATIONS.at(-1)!.name };
    } finally {
      await runner.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK]);
      await runner.release();
    }
  });
}

/**
 * Asks again and again instead of waiting inside a statement: a statement that waits has a snapshot, for which an index built `concurrently` by
 * whoever has the lock would wait, for ever.
 */
async function lockedAlone(ask: (text: string) => Promise<{ locked: boolean }[]>): Promise<void> {
  while ((await ask('select pg_try_advisory_lock($1) as locked'))[0]?.locked !== true) await sleep(ALONE_PAUSE_MS);
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

async function migrationsIn(source: DataSource): Promise<string[]> {
  const [table] = await source.query(`select to_regclass('millrace_migration') is not null as present`);
  const rows: { name: string }[] = table.present ? await source.query('select name from millrace_migration order by id') : [];
  return rows.map((row) => row.name);
}

export async function withDataSource<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = new DataSource({ type: 'postgres', url, migrations: MIGRATIONS, migrationsTableName: 'millrace_migration', synchronize: false, logging: false, extra: { max: 3, options: `-c lock_timeout=${LOCK_TIMEOUT_MS}` } });
  await source.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}
