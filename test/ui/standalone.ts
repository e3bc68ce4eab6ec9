import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migratedDatabase } from '@millrace/persistence/testing';
import type { MigratedDatabase } from '@millrace/persistence/testing';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

export const PASSWORD = 'the password of the journeys';

/** A real standalone with a database of its own, as `npm start` makes it: the UI is built first where it is missing or old. */
export class TestStandalone {
  private constructor(
    readonly url: string,
    readonly home: string,
    readonly database: MigratedDatabase,
    private readonly child: ChildProcess,
    private readonly base: string,
  ) {}

  static async start(dags: string | null): Promise<TestStandalone> {
    const base = mkdtempSync(join(tmpdir(), 'millrace-ui-'));
    chmodSync(base, 0o711);
    const home = join(base, 'home');
    mkdirSync(join(home, 'dags'), { recursive: true });
    if (dags !== null) cpSync(dags, join(home, 'dags'), { recursive: true });
    const database = await migratedDatabase();
    const child = spawn(process.execPath, [join(REPOSITORY_ROOT, 'apps', 'cli', 'bin', 'millrace.js'), 'standalone', '--port', '0', '--no-examples'], {
      env: { ...withoutMillrace(), MILLRACE_HOME: home, MILLRACE_ADMIN_PASSWORD: PASSWORD, MILLRACE__DATABASE__URL: database.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const url = await new Promise<string>((resolve, reject) => {
      let output = '';
      const read = (chunk: unknown): void => {
        output += String(chunk);
        const ready = /is ready after .*?(http:\/\/[\w.:]+)/s.exec(output);
        if (ready !== null) resolve(ready[1]!);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => reject(new Error(`the standalone ended before it was ready:\n${output}`)));
    });
    return new TestStandalone(url, home, database, child, base);
  }

  /** A user with the admin's password and another role. After the first login: the admin is made while the server gets ready. */
  async addUser(name: string, role: string): Promise<void> {
    const { rowCount } = await this.database.database.pool.query(`insert into app_user (name, password_hash, role) select $1, password_hash, $2 from app_user where name = 'admin' on conflict do nothing`, [name, role]);
    if (rowCount !== 1) throw new Error('there is no admin yet whose password could be taken');
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = ((await (await fetch(`${this.url}/auth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: PASSWORD }) })).json()) as { access_token: string }).access_token;
    const response = await fetch(this.url + path, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await ended;
    }
    await this.database[Symbol.asyncDispose]();
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** What this machine sets for Millrace belongs to another installation. */
function withoutMillrace(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (name.startsWith('MILLRACE') || value === undefined ? [] : [[name, value]])));
}
