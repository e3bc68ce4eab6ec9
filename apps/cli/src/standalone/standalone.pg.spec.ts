import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'millrace.js');
const DAG = `
import { dag } from '@millrace/sdk';
import { BashOperator } from '@millrace/operators';
export default dag('greet', {}, () => {
  new BashOperator('hello', { bashCommand: 'echo hello from a task' });
});
`;

let base: string;
let home: string;
let running: Started | null = null;

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
}

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'millrace-standalone-'));
  chmodSync(base, 0o711);
  home = join(base, 'home');
  mkdirSync(join(home, 'dags'), { recursive: true });
  writeFileSync(join(home, 'dags', 'greet.ts'), DAG);
});
afterAll(async () => {
  running?.child.kill('SIGTERM');
  if (running !== null && running.child.exitCode === null) await once(running.child, 'exit');
  rmSync(base, { recursive: true, force: true });
});

function begin(...args: string[]): Started {
  const env = { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE'))), MILLRACE_HOME: home };
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  return { child, output: () => output };
}

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const { child, output } = begin(...args);
  await once(child, 'close');
  return { code: child.exitCode, output: output() };
}

async function start(): Promise<Started> {
  const started = begin('standalone', '--port', '0', '--no-examples');
  running = started;
  await new Promise<void>((resolve, reject) => {
    started.child.stderr?.on('data', () => started.output().includes('Ctrl-C stops everything') && resolve());
    started.child.once('exit', () => reject(new Error(started.output())));
  });
  return started;
}

/** Asks until the answer is the wanted one; the test's own time-out ends it. */
async function until(wanted: (answer: { code: number | null; output: string }) => boolean, ...args: string[]): Promise<{ code: number | null; output: string }> {
  for (;;) {
    const answer = await run(...args);
    if (wanted(answer)) return answer;
  }
}

describe('millrace standalone', () => {
  it('runs a dag of its home, keeps it over a kill -9 and a restart, and leaves nothing behind', async () => {
    const first = await start();
    expect(statSync(join(home, 'admin-password')).mode & 0o777).toBe(0o600);
    expect(first.output()).toContain(readFileSync(join(home, 'admin-password'), 'utf8').trim());
    await until(({ output }) => output.includes('greet'), 'dags', 'list', '-o', 'plain');
    expect(await run('dags', 'trigger', 'greet', '-e', '2018-01-11', '--wait')).toMatchObject({ code: 0, output: expect.stringContaining('hello: success') });
    expect(await run('tasks', 'logs', 'greet', 'hello')).toMatchObject({ code: 0, output: expect.stringContaining('hello from a task') });

    expect(await run('standalone', '--port', '0')).toMatchObject({ code: 5, output: expect.stringMatching(new RegExp(`^millrace: another standalone \\(process ${first.child.pid}, http://127.0.0.1:\\d+\\) runs on ${home}\\. Stop it`)) });

    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = await start();
    expect(second.output()).toContain('stopped a PostgreSQL that a killed millrace had left running');
    expect(await run('runs', 'list', 'greet', '-o', 'plain')).toMatchObject({ code: 0, output: expect.stringContaining('success') });

    const postgres = Number(readFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
    second.child.kill('SIGINT');
    await once(second.child, 'close');
    expect([second.child.exitCode, second.output()]).toEqual([0, expect.stringContaining('millrace: stopped.')]);
    expect(() => process.kill(postgres, 0)).toThrow(/ESRCH/);
    expect(existsSync(join(home, 'standalone.lock'))).toBe(false);
    expect(await run('dags', 'list')).toMatchObject({ code: 6, output: expect.stringContaining('Start it with: millrace standalone') });
  }, 180_000);
});
