import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { clientEnvironment } from './client-environment.js';

const PASSWORD = 'the password of one drive';
/** Only ends what would hang for ever: a drive takes a few seconds. */
const LIMIT_MS = 90_000;

let base: string;
let standalone: ChildProcess | null = null;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'millrace-compat-'));
  // The embedded database runs as a user of its own when this is root, and must get through to its folder.
  chmodSync(base, 0o711);
});
afterAll(async () => {
  if (standalone !== null && standalone.exitCode === null && standalone.signalCode === null) {
    const ended = once(standalone, 'exit');
    standalone.kill('SIGTERM');
    await ended;
  }
  rmSync(base, { recursive: true, force: true });
});

it('the published Airflow client drives every operation, and finds nothing to complain about', { timeout: LIMIT_MS }, async ({ skip }) => {
  const client = await clientEnvironment(join(base, 'client'));
  if ('missing' in client) {
    process.stderr.write(`\n*** SKIPPED: the REST API was NOT driven through the published Airflow client.\n*** ${client.missing}\n\n`);
    skip(client.missing);
    return;
  }
  const url = await start(join(base, 'home'));
  const drive = await outputOf(client.python, [join(import.meta.dirname, 'drive.py'), url, 'admin', PASSWORD]);
  expect(drive.code, drive.output).toBe(0);
  process.stdout.write(`${drive.output.split('\n').find((line) => line.includes('operations driven')) ?? ''}\n`);
});

/** Starts a standalone with the dags of the drive, on a free port. @returns its address */
async function start(home: string): Promise<string> {
  mkdirSync(join(home, 'dags'), { recursive: true });
  cpSync(join(import.meta.dirname, 'dags'), join(home, 'dags'), { recursive: true });
  const child = spawn(process.execPath, [join(REPOSITORY_ROOT, 'apps', 'cli', 'bin', 'millrace.js'), 'standalone', '--port', '0', '--no-examples'], {
    env: { ...withoutMillrace(), MILLRACE_HOME: home, MILLRACE_ADMIN_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  standalone = child;
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
