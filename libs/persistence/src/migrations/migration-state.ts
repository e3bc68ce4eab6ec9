import type { DataSource } from 'typeorm';
import { MillraceError } from '@millrace/vocabulary';
import { MIGRATIONS, withDataSource } from './migrate.js';

export interface MigrationState {
  /** Known here and not in the database, in order. */
  readonly pending: readonly string[];
  /** In the database and not known here: a newer version has migrated it. Older services go on with it. */
  readonly unknown: readonly string[];
  /** Newest in the database first. */
  readonly applied: readonly string[];
}

export function migrationState(url: string): Promise<MigrationState> {
  return withDataSource(url, stateOf);
}

async function stateOf(source: DataSource): Promise<MigrationState> {
  const [table] = await source.query(`select to_regclass('millrace_migration') is not null as present`);
  const rows: { name: string }[] = table.present ? await source.query('select name from millrace_migration order by id desc') : [];
  const applied = rows.map((row) => row.name);
  const known: string[] = MIGRATIONS.map((migration) => new migration().name);
  return { applied, pending: known.filter((name) => !applied.includes(name)), unknown: applied.filter((name) => !known.includes(name)) };
}

/** Services that beat a moment ago. */
export function beatingServices(url: string): Promise<readonly { readonly kind: string; readonly hostname: string }[]> {
  return withDataSource(url, async (source) => {
    const [table] = await source.query(`select to_regclass('service_instance') is not null as present`);
    return table.present ? source.query(`select kind, hostname from service_instance where ended_at is null and last_beat_at > now() - interval '15 seconds' order by 1, 2`) : [];
  });
}

/**
 * Takes back every migration: what is Millrace's goes, with everything in it; what else lies in the database stays.
 * @throws MillraceError `conflict` when a migration was made by a version newer than this
 */
export async function undoEverything(url: string): Promise<void> {
  await withDataSource(url, async (source) => {
    for (;;) {
      const { applied, unknown } = await stateOf(source);
      const [newest] = applied;
      if (newest === undefined) break;
      if (unknown.includes(newest)) throw new MillraceError('conflict', `migration ${newest} is of a newer version than this: only that version can take it back`);
      await source.undoLastMigration({ transaction: 'all' });
    }
    await source.query('drop table if exists millrace_migration; drop function if exists check_instance_arrow(), check_run_arrow()');
  });
}

/**
 * Takes back migrations, newest first, until `to` is the newest. Must be run by the newer version: only it knows how.
 * @throws MillraceError `not_found` for a name the database has not, `conflict` when a migration was made by a version newer than this
 */
export async function downgrade(url: string, to: string, onStep: (name: string) => void = () => undefined): Promise<readonly string[]> {
  return withDataSource(url, async (source) => {
    const reverted: string[] = [];
    for (;;) {
      const { applied, unknown } = await stateOf(source);
      if (!applied.includes(to)) throw new MillraceError('not_found', `the database has no migration ${to}; it has ${applied.toReversed().join(', ') || 'none'}`);
      const [newest] = applied;
      if (newest === to || newest === undefined) return reverted;
      if (unknown.includes(newest)) throw new MillraceError('conflict', `migration ${newest} is of a newer version than this: only that version can take it back`);
      await source.undoLastMigration({ transaction: 'all' });
      reverted.push(newest);
      onStep(newest);
    }
  });
}
