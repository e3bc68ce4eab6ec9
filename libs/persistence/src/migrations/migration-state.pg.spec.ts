import { testDatabase, waitFor } from '@millrace/test-services';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { inTurns } from './in-turns.js';
import { downgrade, migrationState, undoEverything } from './migration-state.js';
import { MIGRATIONS, migrate } from './migrate.js';

const names = MIGRATIONS.map((migration) => new migration().name as string);
const first = names[0]!;

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Everything that makes up a schema, as text. */
const schemaOf = (url: string): Promise<string[]> => connected(url, async (client) => {
  const { rows } = await client.query<{ line: string }>(`
    select 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') as line from information_schema.columns where table_schema = 'public'
    union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
    union all select 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
    union all select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    order by 1`);
  return rows.map((row) => row.line);
});

describe('migrations', () => {
  it('can be taken back to the first one and applied again, and give the same schema', async () => {
    await using database = await testDatabase();
    await migrate(database.url);
    const schema = await schemaOf(database.url);
    const applied = (await migrationState(database.url)).applied;
    expect(await downgrade(database.url, first)).toEqual(applied.slice(0, -1));
    expect((await migrationState(database.url)).pending).toEqual(names.slice(1));
    expect((await migrate(database.url)).applied).toHaveLength(names.length - 1);
    expect(await schemaOf(database.url)).toEqual(schema);
  });

  it('can all be taken back, which leaves what others have in the database, and nothing else', async () => {
    await using database = await testDatabase();
    const onIt = <T>(text: string): Promise<T[]> => connected(database.url, async (client) => (await client.query(text)).rows as T[]);
    await onIt('create table mine (a int)');
    const before = await schemaOf(database.url);
    await migrate(database.url);
    await onIt(`insert into team (name) values ('blue')`);
    await undoEverything(database.url);
    expect(await schemaOf(database.url)).toEqual(before);
    expect((await migrationState(database.url)).applied).toEqual([]);
  });

  it('of a newer version are no trouble to this one, and cannot be taken back by it', async () => {
    await using database = await testDatabase();
    await migrate(database.url);
    await connected(database.url, (client) => client.query(`insert into millrace_migration (timestamp, name) values (1800000000000, 'OfTheFuture1800000000000')`));
    expect(await migrationState(database.url)).toMatchObject({ pending: [], unknown: ['OfTheFuture1800000000000'] });
    expect((await migrate(database.url)).applied).toEqual([]);
    await expect(downgrade(database.url, first)).rejects.toThrow('newer version');
    await expect(downgrade(database.url, 'NoSuch')).rejects.toThrow('no migration NoSuch');
  });

  it('build an index beside writers, anew after one that broke off, while another migration waits', async () => {
    await using database = await testDatabase();
    await migrate(database.url);
    const index = (): Promise<boolean | undefined> => connected(database.url, async (client) => (await client.query<{ valid: boolean }>(`select indisvalid as valid from pg_index where indexrelid = to_regclass('dag_run_version')`)).rows[0]?.valid);
    expect(await index()).toBe(true);
    const newest = 'RunVersionIndex1700000000290';
    const { applied } = await migrationState(database.url);
    await downgrade(database.url, applied[applied.indexOf(newest) + 1]!);
    await connected(database.url, async (writer) => {
      // What a build that was killed leaves behind.
      await writer.query('create index dag_run_version on dag_run (run_id)');
      await writer.query(`update pg_index set indisvalid = false where indexrelid = 'dag_run_version'::regclass`);
      await writer.query('begin');
      await writer.query('lock table dag_run in row exclusive mode');
      const both = Promise.all([migrate(database.url), migrate(database.url)]);
      // It waits for this transaction to end, and does not stand in the way of another that writes.
      await connected(database.url, async (other) => {
        const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ 'index concurrently'`;
        await waitFor(async () => (await other.query(waits)).rowCount !== 0, { what: 'the build to wait for the writer', timeoutMs: 60_000 });
        await other.query(`set lock_timeout = '1s'; begin; lock table dag_run in row exclusive mode; commit`);
      });
      await writer.query('commit');
      expect((await both).map((report) => report.applied).toSorted((a, b) => a.length - b.length)).toEqual([[], applied.slice(0, applied.indexOf(newest) + 1).toReversed()]);
    });
    expect(await index()).toBe(true);
    await connected(database.url, async (client) => {
      const { rows } = await client.query<{ indexdef: string }>(`select indexdef from pg_indexes where indexname = 'dag_run_version'`);
      expect(rows[0]?.indexdef).toMatch(/\(dag_version_id\)$/);
    });
  });

  it('wait in short turns for a lock that somebody holds, so that others pass, and get on when it is free', async () => {
    await using database = await testDatabase();
    await migrate(database.url);
    await connected(database.url, async (holder) => {
      await holder.query('begin');
      await holder.query('lock table dag_run in access share mode');
      let turns = 0;
      await connected(database.url, async (client) => {
        await client.query(`set lock_timeout = '50ms'`);
        await inTurns(async () => {
          turns++;
          if (turns === 3) await holder.query('commit');
          await client.query('alter table dag_run add column of_this_spec int');
        }, 10, 1);
      });
      expect(turns).toBe(3);
    });
  });
});
