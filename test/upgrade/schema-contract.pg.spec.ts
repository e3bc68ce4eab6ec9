import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migratedDatabase } from '@millrace/persistence/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { breachesOf, readSchema } from './schema.js';
import type { Schema } from './schema.js';

/** Recorded from the last version that was delivered: MILLRACE_RECORD_SCHEMA=1 node test/upgrade/run.mjs COMMIT. */
const previous = JSON.parse(readFileSync(join(import.meta.dirname, 'previous-schema.json'), 'utf8')) as Schema;

/** New rules on old tables that no row of the previous version breaks, and why. */
const HARMLESS: Readonly<Record<string, string>> = {};

let migrated: Awaited<ReturnType<typeof migratedDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  migrated = await migratedDatabase();
  client = new pg.Client({ connectionString: migrated.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await migrated?.[Symbol.asyncDispose]();
});

describe('the schema of this version', () => {
  it('has all that the previous version leans on, so that its pods go on beside this one\'s', async () => {
    expect(Object.keys(previous.tables).length).toBeGreaterThan(15);
    expect(breachesOf(previous, await readSchema(client), HARMLESS)).toEqual([]);
  });

  it('has every rule that is said to be harmless', async () => {
    const { unique, constraints } = await readSchema(client);
    expect(Object.keys(HARMLESS).filter((line) => !unique.includes(line) && !constraints.includes(line))).toEqual([]);
  });
});

describe('the check itself', () => {
  it.each([
    ['a table that is gone', 'drop table audit_log cascade', /table audit_log is gone/],
    ['a column that is gone', 'alter table dag drop column is_paused cascade', /dag\.is_paused is gone/],
    ['a column of another type', 'alter table pool alter column slots type bigint', /pool\.slots was integer and is bigint/],
    ['a column that must be filled now', 'alter table dag alter column is_paused drop default', /dag\.is_paused could be left out/],
    ['a column that takes no null any more', `alter table dag_run alter column note set default '', alter column note set not null`, /dag_run\.note took null/],
    ['a new column without a default', 'alter table timer add column owner text not null', /timer\.owner has no default/],
    ['a new unique rule', 'create unique index on dag_run (run_id)', /new unique rule on dag_run/],
    ['a new check', 'alter table dag_run add check (length(run_id) < 10)', /new rule on dag_run: CHECK/],
    ['a function that is another', 'drop function startable_runs(text[], int)', /function startable_runs/],
  ])('finds %s', async (_, change, sentence) => {
    await client.query('begin');
    try {
      const before = await readSchema(client);
      await client.query(change);
      expect(breachesOf(before, await readSchema(client)).join('\n')).toMatch(sentence);
    } finally {
      await client.query('rollback');
    }
  });
});
