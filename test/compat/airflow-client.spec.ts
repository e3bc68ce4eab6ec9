import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { CheckingProxy } from './checking-proxy.js';
import { clientEnvironment } from './client-environment.js';
import type { ClientEnvironment } from './client-environment.js';

const PASSWORD = 'the password of one drive';
/** Only ends what would hang for ever: a drive takes half a minute, and a machine may be busy. */
const LIMIT_MS = 300_000;

let base: string;
let client: ClientEnvironment;
const standalones: ChildProcess[] = [];

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'millrace-compat-'));
  // The embedded database runs as a user of its own when this is root, and must get through to its folder.
  chmodSync(base, 0o711);
  client = await clientEnvironment(join(base, 'client'));
}, LIMIT_MS);
afterAll(async () => {
  for (const standalone of standalones.filter((one) => one.exitCode === null && one.signalCode === null)) {
    const ended = once(standalone, 'exit');
    standalone.kill('SIGTERM');
    await ended;
  }
  rmSync(base, { recursive: true, force: true });
}, LIMIT_MS);

it('the published Airflow client drives every operation, and finds nothing to complain about', { timeout: LIMIT_MS }, async ({ skip }) => {
  const python = pythonOr(skip, 'the REST API was NOT driven through the published Airflow client');
  await using proxy = await CheckingProxy.before(await address());
  const drive = await outputOf(python, [join(import.meta.dirname, 'drive.py'), proxy.url, 'admin', PASSWORD]);
  expect(drive.code, drive.output).toBe(0);
  expect(drive.output).toContain('110 operations driven');
  expect([...proxy.problems], 'answers that are not what /openapi.json promises').toEqual([]);
  expect(proxy.answers.seen.size).toBeGreaterThan(110);
});

it('airflowctl does what its commands say', { timeout: LIMIT_MS }, async ({ skip }) => {
  const python = pythonOr(skip, 'airflowctl was NOT tried');
  mkdirSync(join(base, 'ctl'));
  await using proxy = await CheckingProxy.before(await address());
  const drive = await outputOf(python, [join(import.meta.dirname, 'drive_ctl.py'), proxy.url, 'admin', PASSWORD, join(base, 'ctl')]);
  expect(drive.code, drive.output).toBe(0);
  expect([...proxy.problems], 'answers that are not what /openapi.json promises').toEqual([]);
});

/** Without Python or a package index nothing can be driven: said loudly, and counted as skipped. */
function pythonOr(skip: (note: string) => void, what: string): string {
  if ('python' in client) return client.python;
  process.stderr.write(`\n*** SKIPPED: ${what}.\n*** ${client.missing}\n\n`);
  skip(client.missing);
  throw new Error(client.missing);
}

let url: Promise<string> | null = null;
/** Of one standalone for both drives: starting it is what takes long. */
function address(): Promise<string> {
  return (url ??= start('home'));
}

/** Starts a standalone with the dags of the drive, on a free port. @returns its address */
async function start(name: string): Promise<string> {
  const home = join(base, name);
  mkdirSync(join(home, 'dags'), { recursive: true });
  cpSync(join(import.meta.dirname, 'dags'), join(home, 'dags'), { recursive: true });
  const child = spawn(process.execPath, [join(REPOSITORY_ROOT, 'apps', 'cli', 'bin', 'millrace.js'), 'standalone', '--port', '0', '--no-examples'], {
    env: { ...withoutMillrace(), MILLRACE_HOME: home, MILLRACE_ADMIN_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  standalones.push(child);
  let output = '';
  return new Promise<string>((resolve, reject) => {
    const read = (chunk: unknown): void => {
      output += String(chunk);
      const ready = /is ready after .*?(http:\/\/[\w.:]+)/s.exec(output);
      if (ready !== null) resolve(ready[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`the standalone ended before it was ready:\n${output}`)));
  });
}

async function outputOf(program: string, args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, [...args], { env: { ...withoutMillrace(), PYTHONDONTWRITEBYTECODE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

/** What this machine sets for Millrace belongs to another installation. */
function withoutMillrace(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (name.startsWith('MILLRACE') || value === undefined ? [] : [[name, value]])));
}
