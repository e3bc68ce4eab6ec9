import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgres } from './embedded-postgres.js';

let base: string;
let home: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'millrace-embedded-'));
  home = join(base, 'home');
  // As root the server runs as nobody, who must be able to pass through.
  mkdirSync(home);
  if (process.getuid?.() === 0) chmodSync(base, 0o711);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('EmbeddedPostgres', () => {
  it('keeps what was written over a stop and a start, asks for its password, and stays on loopback', async () => {
    const database = new EmbeddedPostgres({ home, database: 'millrace' });
    await database.start();
    await query(database.url, 'create table kept as select 42 as answer');
    await expect(query(database.url.replace(/:[0-9a-f]+@/, ':wrong@'), 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(await query(database.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(statSync(join(home, 'postgres-password')).mode & 0o777).toBe(0o600);
    await database.stop();
    await database.start();
    expect(await query(database.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await database.stop();
  });

  it('takes over from a server a killed process left, and from its pid file', async () => {
    const messages: string[] = [];
    const left = new EmbeddedPostgres({ home, database: 'millrace' });
    await left.start();
    await query(left.url, 'create table kept as select 1');
    const next = new EmbeddedPostgres({ home, database: 'millrace', onMessage: (sentence) => messages.push(sentence) });
    await next.start();
    expect(messages).toEqual(['stopped a PostgreSQL that a killed millrace had left running']);
    await query(next.url, 'select * from kept');
    await left.stop();
    const pidFile = join(next.folder, 'data', 'postmaster.pid');
    const content = readFileSync(pidFile, 'utf8');
    await next.stop();
    // A pid of somebody else: our own.
    writeFileSync(pidFile, content.replace(/^\d+/, String(process.pid)));
    await next.start();
    await query(next.url, 'select * from kept');
    await next.stop();
  });

  it('gives guests a database of their own and none of ours', async () => {
    const database = new EmbeddedPostgres({ home, database: 'millrace' });
    await database.start();
    await database.createGuest('etl');
    const { host, port, user, password, database: name } = await database.createGuest('etl');
    const url = (at: string): string => `postgres://${user}:${password}@${host}:${port}/${at}`;
    await query(url(name), 'create table mine as select 1');
    await expect(query(url('millrace'), 'select 1')).rejects.toThrow(/permission denied for database/);
    await expect(query(url(name), "copy (select 1) to program 'true'")).rejects.toThrow(/permission denied/);
    await database.stop();
  });

  it('says plainly when the data is of another PostgreSQL', async () => {
    const database = new EmbeddedPostgres({ home, database: 'millrace' });
    mkdirSync(join(home, 'postgres', 'data'), { recursive: true });
    writeFileSync(join(home, 'postgres', 'data', 'PG_VERSION'), '9\n');
    writeFileSync(join(home, 'postgres-password'), 'x', { mode: 0o600 });
    await expect(database.start()).rejects.toThrow(/made by PostgreSQL 9, this millrace brings 18/);
  });
});
