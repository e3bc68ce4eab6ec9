import { testDatabase } from '@millrace/test-services';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { inTurns } from './in-turns.js';
import { downgrade, migrationState } from './migration-state.js';
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

  it('of a newer version are no trouble to this one, and cannot be taken back by it', async () => {
    await using database = await testDatabase();
    await migrate(database.url);
    await connected(database.url, (client) => client.query(`insert into millrace_migration (timestamp, name) values (1800000000000, 'OfTheFuture1800000000000')`));
    expect(await migrationState(database.url)).toMatchObject({ pending: [], unknown: ['OfTheFuture1800000000000'] });
    expect((await migrate(database.url)).applied).toEqual([]);
    await expect(downgrade(database.url, first)).rejects.toThrow('newer version');
    await expect(downgrade(database.url, 'NoSuch')).rejects.toThrow('no migration NoSuch');
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
