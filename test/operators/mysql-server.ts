import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startProcess, testDatabase, waitFor } from '@millrace/test-services';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { ConnectionFields } from './run-operator.js';

export interface MysqlServer extends AsyncDisposable {
  readonly name: 'MariaDB' | 'stand-in';
  readonly connection: ConnectionFields;
}

/**
 * A MariaDB of its own where Debian's mariadb-server-core is installed; elsewhere a server that speaks MySQL's protocol and has PostgreSQL run the
 * statements. MILLRACE_TEST_MYSQL=mariadb|stand-in allows one way only.
 */
export async function mysqlServer(): Promise<MysqlServer> {
  const wanted = process.env['MILLRACE_TEST_MYSQL'];
  const isInstalled = existsSync('/usr/sbin/mariadbd') && existsSync('/usr/bin/mariadb-install-db');
  if (wanted === 'mariadb' && !isInstalled) throw new Error('MILLRACE_TEST_MYSQL=mariadb, and mariadbd is not installed (Debian: apt-get install mariadb-server-core)');
  return isInstalled && wanted !== 'stand-in' ? mariaDb() : standIn();
}

async function mariaDb(): Promise<MysqlServer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mariadb-'));
  const data = join(folder, 'data');
  // As root it needs another user to be, and that user the folder.
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? ['--user=nobody'] : [];
  if (isRoot) spawnSync('chown', ['nobody', folder]);
  const made = spawnSync('mariadb-install-db', ['--no-defaults', ...user, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'], { encoding: 'utf8' });
  if (made.status !== 0 || !statSync(data).isDirectory()) throw new Error(`mariadb-install-db failed: ${made.stderr.slice(-500)}`);
  const port = await freePort();
  const server = startProcess({
    name: 'mariadbd', command: '/usr/sbin/mariadbd',
    args: ['--no-defaults', ...user, `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${join(folder, 's.sock')}`, '--skip-name-resolve', '--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=0', '--performance-schema=OFF'],
  });
  await waitFor(async () => {
    if (server.end !== null) throw new Error(`mariadbd ended: ${server.output.slice(-1_000)}`);
    try {
      const client = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
      await client.query("create user 'tester'@'127.0.0.1' identified by 'mysql-secret'");
      await client.query("grant all on *.* to 'tester'@'127.0.0.1'");
      await client.query('create database spec');
      await client.end();
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ECONNREFUSED') return false;
      throw error;
    }
  }, { timeoutMs: 60_000, what: 'MariaDB to let us in' });
  return {
    name: 'MariaDB',
    connection: { connType: 'mysql', host: '127.0.0.1', port, login: 'tester', password: 'mysql-secret', schema: 'spec' },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Handshake, errors and rows as MySQL's protocol has them (the driver's own server side); the statements are PostgreSQL's work. */
async function standIn(): Promise<MysqlServer> {
  const database = await testDatabase();
  const { createServer } = createRequire(import.meta.url)('mysql2') as { createServer(): any };
  const { sha1, xor } = passwordHash();
  const clients = new Map<number, pg.Client>();
  const server = createServer();
  let connections = 0;
  server.on('connection', (socket: any) => {
    const id = ++connections;
    const client = new pg.Client({ connectionString: database.url, options: '-c standard_conforming_strings=off -c backslash_quote=on -c escape_string_warning=off' });
    client.on('error', () => undefined);
    clients.set(id, client);
    const connected = client.connect();
    socket.on('error', () => undefined);
    socket.on('end', () => void client.end());
    socket.serverHandshake({
      protocolVersion: 10, serverVersion: '8.0.0-stand-in', connectionId: id, statusFlags: 2, characterSet: 45, capabilityFlags: (0xff_ff_f7_ff & ~(1 << 24) & ~(1 << 27)) >>> 0,
      authCallback: (given: any, answer: (error: unknown, refused?: { message: string }) => void) => {
        const nonce = Buffer.concat([given.authPluginData1, given.authPluginData2]);
        const inner = sha1(Buffer.from('mysql-secret'));
        const expected = xor(inner, sha1(Buffer.concat([nonce, sha1(inner)])));
        queueMicrotask(() => socket._resetSequenceId());
        answer(null, given.user === 'tester' && Buffer.compare(expected, given.authToken ?? Buffer.alloc(0)) === 0 ? undefined : { message: `Access denied for user '${given.user}'` });
      },
    });
    let last: Promise<unknown> = Promise.resolve();
    socket.on('query', (sql: string) => {
      const kill = /^kill query (\d+)/i.exec(sql)?.[1];
      if (kill !== undefined) {
        const target = clients.get(Number(kill)) as unknown as { processID: number } | undefined;
        void connected.then(() => client.query('select pg_cancel_backend($1)', [target?.processID])).then(() => socket.writeOk());
        return; // Its client has nothing more to ask.
      }
      last = last.then(() => answer(socket, client, connected, sql));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server._server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = server._server.address() as AddressInfo;
  return {
    name: 'stand-in',
    connection: { connType: 'mysql', host: '127.0.0.1', port, login: 'tester', password: 'mysql-secret', schema: 'spec' },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      for (const client of clients.values()) await client.end().catch(() => undefined);
      await database[Symbol.asyncDispose]();
    },
  };
}

async function answer(socket: any, client: pg.Client, connected: Promise<unknown>, sql: string): Promise<void> {
  try {
    await connected;
    const translated = /^set names/i.test(sql) ? 'select 1 where false' : /^start transaction$/i.test(sql) ? 'begin' : sql.replace(/\bsleep\(/i, 'pg_sleep(');
    const result = await client.query({ text: translated, types: { getTypeParser: () => (text: string) => text } as never });
    if (result.fields.length === 0) return socket.writeOk({ affectedRows: result.rowCount ?? 0, insertId: 0 });
    const columns = result.fields.map((field) => ({ catalog: 'def', schema: 'spec', table: 't', orgTable: 't', name: field.name, orgName: field.name, characterSet: 45, columnLength: 255, columnType: MYSQL_TYPES[field.dataTypeID] ?? 253, flags: 0, decimals: 0 }));
    socket.writeTextResult(result.rows, columns);
  } catch (error) {
    const { message } = error as Error;
    socket.writeError({ message: message.replace(/^canceling statement due to user request$/, 'Query execution was interrupted'), code: /does not exist/.test(message) ? 1_146 : 1_317 });
  } finally {
    // The driver's server side does not begin to count anew with each command.
    socket._resetSequenceId();
  }
}

/** PostgreSQL's types as MySQL's: int4, int8, float8, numeric, date, timestamp. */
const MYSQL_TYPES: Readonly<Record<number, number>> = { 23: 3, 20: 8, 701: 5, 1_700: 246, 1_082: 10, 1_114: 12 };

function passwordHash(): { sha1(bytes: Buffer): Buffer; xor(a: Buffer, b: Buffer): Buffer } {
  const { createHash } = createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto');
  return { sha1: (bytes) => createHash('sha1').update(bytes).digest(), xor: (a, b) => Buffer.from(a.map((byte, i) => byte ^ (b[i] as number))) };
}
