import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagedService } from '@millrace/lifecycle';
import { MillraceError } from '@millrace/vocabulary';
import pg from 'pg';
import { giveAway, identity, installBinaries, othersCanReach } from './binaries.js';
import { clearLeftOver, endServer, isReady } from './postmaster.js';

export interface EmbeddedPostgresOptions {
  /** The product's state folder, e.g. `$MILLRACE_HOME`; the caller holds it alone. */
  readonly home: string;
  /** Made when it is not there. */
  readonly database: string;
  /** Told what takes a moment or was mended. */
  readonly onMessage?: (sentence: string) => void;
  readonly startTimeoutMs?: number;
}

const USER = 'millrace';
/** Where root keeps data when "nobody" can't reach the state folder. */
const ROOT_FALLBACK = '/var/lib/millrace';

/**
 * A real PostgreSQL from npm: no system package, no account, no install script; works as root (it then runs as uid 65534).
 * Listens on loopback only, on a free port of each start, for a password kept in the state folder with mode 0600.
 */
export class EmbeddedPostgres extends ManagedService {
  readonly name = 'embedded-postgres';
  private child: ChildProcess | null = null;
  private exited: Promise<void> = Promise.resolve();
  private port = 0;
  private password = '';

  constructor(private readonly options: EmbeddedPostgresOptions) {
    super();
  }

  /** Connection URL; only while started. */
  get url(): string {
    return this.urlOf(this.options.database);
  }

  /**
   * A database of its own for other people's tables: its role may log in there and nowhere else, and sees nothing of ours.
   * Again for the same name gives the role a new password.
   */
  async createGuest(name: string): Promise<{ readonly host: string; readonly port: number; readonly user: string; readonly password: string; readonly database: string }> {
    const password = randomBytes(18).toString('hex');
    const client = new pg.Client({ connectionString: this.urlOf('postgres') });
    await client.connect();
    try {
      const role = pg.escapeIdentifier(name);
      const exists = (await client.query('select 1 from pg_roles where rolname = $1', [name])).rowCount !== 0;
      await client.query(`${exists ? 'alter' : 'create'} role ${role} login nosuperuser nocreatedb nocreaterole password ${pg.escapeLiteral(password)}`);
      const found = await client.query('select 1 from pg_database where datname = $1', [name]);
      if (found.rowCount === 0) await client.query(`create database ${role} owner ${role}`);
      for (const database of ['postgres', 'template1', this.options.database]) await client.query(`revoke connect on database ${pg.escapeIdentifier(database)} from public`);
    } finally {
      await client.end();
    }
    return { host: '127.0.0.1', port: this.port, user: name, password, database: name };
  }

  /** The folder with `data/`, and `binaries-…/` where a copy was needed. */
  get folder(): string {
    const { home } = this.options;
    if (identity().uid === undefined || othersCanReach(home)) return join(home, 'postgres');
    return join(ROOT_FALLBACK, `postgres-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`);
  }

  protected async open(signal: AbortSignal): Promise<void> {
    const { home } = this.options;
    mkdirSync(home, { recursive: true });
    // Root: "nobody" must pass through our own folder; the secrets in it have mode 0600.
    if (identity().uid !== undefined && (statSync(home).mode & 0o001) === 0) chmodSync(home, (statSync(home).mode & 0o777) | 0o011);
    const folder = this.folder;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const native = installBinaries(folder);
    const data = join(folder, 'data');
    this.password = passwordOf(join(home, 'postgres-password'), existsSync(join(data, 'PG_VERSION')));
    if (!existsSync(join(data, 'PG_VERSION'))) this.initialise(native, folder, data);
    checkVersion(native, data);
    const leftOver = await clearLeftOver(data);
    if (leftOver === 'stopped') this.options.onMessage?.('stopped a PostgreSQL that a killed millrace had left running');
    signal.throwIfAborted();
    this.port = await freePort();
    await this.launch(native, folder, data, signal);
    await this.createDatabase(this.options.database);
  }

  protected async close(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await Promise.race([endServer(child.pid, 10_000), this.exited]);
    await this.exited;
  }

  private urlOf(database: string): string {
    return `postgres://${USER}:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  private initialise(native: string, folder: string, data: string): void {
    this.options.onMessage?.('preparing the database (first start)');
    const passwordFile = join(folder, '.initial-password');
    const half = join(folder, 'data.new');
    try {
      for (const left of [half, data]) rmSync(left, { recursive: true, force: true });
      mkdirSync(half, { mode: 0o700 });
      writeFileSync(passwordFile, this.password, { mode: 0o600 });
      giveAway(half);
      giveAway(passwordFile);
      giveAway(folder);
      const done = spawnSync(join(native, 'bin', 'initdb'), ['-D', half, '-U', USER, '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--no-locale', '-N'], {
        ...identity(), cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
      });
      if (done.status !== 0) throw new MillraceError('unavailable', `the embedded PostgreSQL could not be initialised in ${data}: ${lastLines(`${done.error?.message ?? ''}\n${done.stderr ?? ''}`)}`);
      // An initialisation that was killed midway must not look like a database.
      renameSync(half, data);
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  private async launch(native: string, folder: string, data: string, signal: AbortSignal): Promise<void> {
    const logFile = join(folder, 'postgres.log');
    const log = openSync(logFile, 'a', 0o640);
    const child = spawn(join(native, 'bin', 'postgres'), [
      '-D', data, '-p', String(this.port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'shared_buffers=64MB',
      '-c', 'max_connections=100', '-c', 'timezone=UTC', '-c', 'log_timezone=UTC', '-c', 'logging_collector=off',
    ], {
      ...identity(), cwd: folder, env: { PATH: process.env['PATH'] ?? '' }, stdio: ['ignore', 'ignore', log],
      // Ctrl-C at a terminal goes to the whole process group; the database must outlive the services that still write.
      detached: true,
    });
    closeSync(log);
    this.child = child;
    const endWithUs = (): void => void child.kill('SIGINT');
    process.once('exit', endWithUs);
    let problem: string | null = null;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => { problem = error.message; resolve(); });
      child.once('exit', (code, killedBy) => {
        problem = `it ended with ${killedBy ?? code}`;
        process.removeListener('exit', endWithUs);
        if (this.child === child) this.options.onMessage?.(`the embedded PostgreSQL ended by itself (${killedBy ?? code}); ${logFile} says why`);
        resolve();
      });
    });
    const until = performance.now() + (this.options.startTimeoutMs ?? 60_000);
    while (!isReady(data, child.pid ?? -1)) {
      signal.throwIfAborted();
      if (problem !== null) throw new MillraceError('unavailable', `the embedded PostgreSQL did not start: ${problem as string}. ${lastLines(tail(logFile))}`);
      if (performance.now() > until) throw new MillraceError('unavailable', `the embedded PostgreSQL did not become ready in ${folder}; see ${basename(logFile)} there`);
      await sleep(20);
    }
  }

  private async createDatabase(name: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.urlOf('postgres') });
    await client.connect();
    try {
      const found = await client.query('select 1 from pg_database where datname = $1', [name]);
      if (found.rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
  }
}

function passwordOf(file: string, databaseExists: boolean): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  if (databaseExists) throw new MillraceError('unavailable', `${file} is missing, and the database can't be opened without it. Restore the file, or remove the folder postgres beside it to begin anew`);
  const password = randomBytes(24).toString('hex');
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}

function checkVersion(native: string, data: string): void {
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  const ours = /(\d+)\.\d+/.exec(spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...identity(), cwd: '/', encoding: 'utf8' }).stdout ?? '')?.[1];
  if (ours !== undefined && ours !== found) {
    throw new MillraceError('unavailable', `the database in ${data} was made by PostgreSQL ${found}, this millrace brings ${ours}. Start the old millrace, dump what you need, and begin with an empty folder`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-2_000);
  } catch {
    return '';
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-4).join(' | ');
}
