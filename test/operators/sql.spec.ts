import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqlOperator, SqlSensor, openSql } from '@millrace/operators';
import type { SqlOperatorOptions } from '@millrace/operators';
import { testDatabase, waitFor } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mysqlServer } from './mysql-server.js';
import { contextFor, runOperator } from './run-operator.js';
import type { ConnectionFields, Ran } from './run-operator.js';

interface Server extends AsyncDisposable {
  readonly connection: ConnectionFields;
}

async function postgresServer(): Promise<Server> {
  const database = await testDatabase();
  const url = new URL(database.url);
  const connection = { connType: 'postgres', host: url.hostname, port: Number(url.port || 5_432), login: decodeURIComponent(url.username), password: url.password === '' ? null : decodeURIComponent(url.password), schema: database.name };
  return { connection, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

const SERVERS: readonly (readonly [dialect: string, start: () => Promise<Server>, sleep: string])[] = [['PostgreSQL', postgresServer, 'select pg_sleep(60)'], ['MySQL', mysqlServer, 'select sleep(60)']];

describe.each(SERVERS)('SQL in %s', (dialect, start, sleep) => {
  let server: Server;
  let folder: string;
  const connections = (): Record<string, ConnectionFields> => ({ db: server.connection });
  const run = (options: Omit<SqlOperatorOptions, 'connectionId'>, more: Parameters<typeof runOperator>[2] = {}): Promise<Ran> => runOperator(() => new SqlOperator('t', { connectionId: 'db', ...options }), connections(), more);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-sql-'));
    server = await start();
    expect((await run({ sql: 'create table numbers (n int, word varchar(40), big bigint, price decimal(12,2), day date)' })).error).toBeNull();
  }, 120_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('runs several statements with named parameters, and returns the rows of the last', async () => {
    const ran = await run({
      sql: "insert into numbers values (:n, :word, 9007199254740993, 12.30, '2026-05-23'); -- a comment; with a semicolon\ninsert into numbers values (2, 'semi;colon :n', 1, 0.10, null);\n select n, word, big, price, day from numbers where n = :n;",
      parameters: { n: 1, word: "O'Neill" },
    });
    expect(ran.error).toBeNull();
    expect(ran.result).toEqual([{ n: 1, word: "O'Neill", big: '9007199254740993', price: '12.30', day: '2026-05-23' }]);
    expect((await run({ sql: 'select word from numbers where n = 2' })).result).toEqual([{ word: 'semi;colon :n' }]);
  });

  it('takes all statements back when one fails, unless it is told not to', async () => {
    const both = ["insert into numbers (n, word) values (50, 'kept?')", 'insert into no_such_table values (1)'];
    const failed = await run({ sql: both });
    expect(failed.error?.message).toMatch(/no_such_table.*\(in: insert into no_such_table values \(1\)\)/s);
    expect((await run({ sql: 'select count(*) as found from numbers where n = 50' })).result[0].found).toBeOneOf([0, '0']);
    expect((await run({ sql: both, transaction: false })).error).not.toBeNull();
    expect((await run({ sql: 'select count(*) as found from numbers where n = 50' })).result[0].found).toBeOneOf([1, '1']);
  });

  it('saves many rows to a file in batches, and refuses to return them', async () => {
    const values = Array.from({ length: 2_500 }, (_, i) => `(${1_000 + i}, 'row, ${i}')`).join(',');
    expect((await run({ sql: `insert into numbers (n, word) values ${values}`, returns: 'counts' })).result).toEqual([2_500]);
    const sql = 'select n, word from numbers where n >= 1000 order by n';
    const csv = join(folder, `${dialect}.csv`);
    expect((await run({ sql, saveTo: csv, batchRows: 400 })).result).toEqual({ file: csv, rows: 2_500 });
    const lines = readFileSync(csv, 'utf8').split('\r\n');
    expect([lines.length, lines[0], lines[1], lines[2_500]]).toEqual([2_502, 'n,word', '1000,"row, 0"', '3499,"row, 2499"']);
    const jsonl = join(folder, `${dialect}.jsonl`);
    expect((await run({ sql: `${sql} desc`, saveTo: jsonl })).result).toEqual({ file: jsonl, rows: 2_500 });
    expect(JSON.parse(readFileSync(jsonl, 'utf8').split('\n')[0] ?? '')).toEqual({ n: 3_499, word: 'row, 2499' });
    expect((await run({ sql, maxRows: 100 })).error?.message).toMatch(/returned 2500 rows, and maxRows is 100/);
  });

  it('gives rows in batches to a task function', async () => {
    const { context } = contextFor(connections());
    await using database = await openSql('db', context);
    const sizes: number[] = [];
    for await (const rows of database.batches('select n from numbers where n >= :from order by n', { from: 3_000 }, 200)) sizes.push(rows.length);
    expect(sizes).toEqual([200, 200, 100]);
    expect((await database.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('hands rows to a handler, and a file that failed is not left behind', async () => {
    expect((await run({ sql: 'select n from numbers where n < 3 order by n', handler: (rows) => rows.map((row) => row['n']) })).result).toEqual([1, 2]);
    const file = join(folder, 'half.csv');
    expect((await run({ sql: 'select * from nothing_here', saveTo: file })).error?.message).toMatch(/nothing_here/);
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
  });

  it('cancels what runs on the server when the try is stopped', async () => {
    const stop = new AbortController();
    const log: string[] = [];
    const keep = (line: unknown): void => void log.push(String(line));
    const running = run({ sql: sleep, transaction: false }, { signal: stop.signal, log: { debug: keep, info: keep, warn: keep, error: keep } });
    await waitFor(() => log.some((line) => line.includes('Running statement')), { timeoutMs: 30_000, what: 'the statement to be sent' });
    stop.abort(new Error('stopped by test'));
    expect((await running).error?.message).toBe('stopped by test');
  });

  it('refuses a wrong password without repeating it', async () => {
    const wrong = await runOperator(() => new SqlOperator('t', { connectionId: 'db', sql: 'select 1' }), { db: { ...server.connection, login: 'nobody_here', password: 'pw-not-right' } });
    expect(wrong.error?.message).toMatch(/nobody_here|denied/);
    expect(JSON.stringify([wrong.error?.message, wrong.log])).not.toContain('pw-not-right');
  });

  it('SqlSensor looks at the first column, or at what it is told', async () => {
    const look = (options: object): Promise<Ran> => runOperator(() => new SqlSensor('t', { connectionId: 'db', sql: 'select n, word from numbers where n = 1', pokeInterval: 0.01, timeout: 0.05, ...options }), connections());
    expect((await look({})).result).toEqual({ n: 1, word: "O'Neill" });
    expect((await look({ sql: 'select 0 as n' })).error?.millrace).toBe('fail');
    expect((await look({ sql: 'select n from numbers where n = -1', failOnEmpty: true })).error?.message).toMatch(/no row/);
    expect((await look({ success: (row: any) => row.n === 1 })).result).toEqual({ n: 1, word: "O'Neill" });
    expect((await look({ failure: (row: any) => row.n === 1 })).error?.message).toMatch(/says that it failed/);
  });
});

describe('SqlOperator', () => {
  it.each<[options: any, says: RegExp]>([
    [{ connectionId: 'db', sql: '' }, /task "t": sql must be a text that is not empty, got ""/],
    [{ connectionId: 'db', sql: 'queries/daily.sql' }, /import query from '\.\/daily\.sql'/],
    [{ sql: 'select 1' }, /connectionId must be a text/],
    [{ connectionId: 'db', sql: 'select 1', returns: 'first' }, /returns must be one of last, all, counts/],
    [{ connectionId: 'db', sql: ['select $1', 'select 2'], parameters: [1] }, /name them/],
    [{ connectionId: 'db', sql: 'select 1', saveTo: '/tmp/x', handler: () => 1 }, /leave handler and returns out/],
    [{ connectionId: 'db', sql: 'select 1', maxRows: 0 }, /maxRows must be a whole number of at least 1, got 0/],
  ])('%j is refused where it is made', async (options, says) => {
    await expect(runOperator(() => new SqlOperator('t', options))).rejects.toThrow(says);
  });

  it('says of a connection that it speaks no SQL', async () => {
    expect((await runOperator(() => new SqlOperator('t', { connectionId: 'web', sql: 'select 1' }), { web: { connType: 'http' } })).error?.message).toMatch(/connection "web" is of type "http"; SQL needs one of postgres, postgresql, mysql, mariadb/);
  });
});
