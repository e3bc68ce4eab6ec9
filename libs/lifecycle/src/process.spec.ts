import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// runUntilSignal and fail points end their process, so each case is a process of its own.
let folder: string;
let library: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-lifecycle-'));
  library = join(folder, 'lifecycle.mjs');
  await build({ stdin: { contents: `export * from './index.ts'; export { MillraceError } from '@millrace/vocabulary';`, resolveDir: import.meta.dirname }, outfile: library, bundle: true, platform: 'node', format: 'esm', conditions: ['@millrace/source'], logLevel: 'error', banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` } });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the lines; sends the signals one by one, each when the process has printed the next `signal me` line. */
async function run(lines: string, { env = {}, signals = [] }: { env?: Record<string, string>; signals?: NodeJS.Signals[] } = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `import * as lifecycle from ${JSON.stringify(library)};\n${lines}`], { env: { PATH: process.env['PATH'], ...env } });
  let [stdout, stderr, sent] = ['', '', 0];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    while (sent < signals.length && stdout.split('signal me').length - 1 > sent) child.kill(signals[sent++]);
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

const SERVICE = `
  const open = setInterval(() => {}, 1e6); // What a service leaves open must not keep the process.
  const service = { name: 'spec', start: async () => console.log('signal me'), stop: async () => console.log('stopped') };
`;

describe('runUntilSignal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops the service on %s and ends with 0', async (signal) => {
    expect(await run(`${SERVICE} await lifecycle.runUntilSignal(service)`, { signals: [signal] })).toMatchObject({ code: 0, stdout: 'signal me\nstopped\n', stderr: '' });
  });

  it('ends at once on a second signal', async () => {
    const ended = await run(`${SERVICE} service.stop = () => new Promise(() => console.log('signal me')); await lifecycle.runUntilSignal(service)`, { signals: ['SIGTERM', 'SIGINT'] });
    expect(ended).toMatchObject({ code: 130 });
    expect(ended.stderr).toContain('second signal (SIGINT): ending at once');
  });

  it('does not wait for a start that never ends', async () => {
    const ended = await run(`${SERVICE} service.start = () => new Promise(() => console.log('signal me')); await lifecycle.runUntilSignal(service)`, { signals: ['SIGTERM'] });
    expect(ended).toMatchObject({ code: 0, stdout: 'signal me\nstopped\n' });
  });

  it('says in a sentence what was refused, with its exit code', async () => {
    const ended = await run(`${SERVICE} service.start = () => Promise.reject(new lifecycle.MillraceError('conflict', 'port 80 is in use')); await lifecycle.runUntilSignal(() => service)`);
    expect(ended).toMatchObject({ code: 5, stdout: 'stopped\n', stderr: 'millrace: port 80 is in use\n' });
  });

  it('ends with 1 when creating or stopping fails', async () => {
    expect((await run(`await lifecycle.runUntilSignal(() => { throw new Error('no such thing') })`)).code).toBe(1);
    const ended = await run(`${SERVICE} service.stop = () => Promise.reject(new Error('stuck')); await lifecycle.runUntilSignal(service)`, { signals: ['SIGTERM'] });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('spec did not stop cleanly');
  });
});

describe('failPoint', () => {
  const LINES = `const s = new lifecycle.Signal('after-commit'); for (const i of [1, 2, 3]) { console.log(i); s.emit(); } console.log('end')`;

  it('kills the process at the point, the nth time', async () => {
    const env = { MILLRACE_FAIL_POINTS_ALLOWED: '1', MILLRACE_FAIL_POINT: 'after-commit:2' };
    expect(await run(LINES, { env })).toMatchObject({ signal: 'SIGKILL', stdout: '1\n2\n' });
  });

  it('does nothing at other points', async () => {
    expect(await run(LINES, { env: { MILLRACE_FAIL_POINTS_ALLOWED: '1', MILLRACE_FAIL_POINT: 'other' } })).toMatchObject({ code: 0, stdout: '1\n2\n3\nend\n' });
  });

  it('is ignored, and says so, unless allowed', async () => {
    const ended = await run(LINES, { env: { MILLRACE_FAIL_POINT: 'after-commit' } });
    expect(ended).toMatchObject({ code: 0, stdout: '1\n2\n3\nend\n' });
    expect(ended.stderr).toContain('MILLRACE_FAIL_POINTS_ALLOWED=1');
  });

  it('refuses what is no name', async () => {
    const ended = await run(LINES, { env: { MILLRACE_FAIL_POINTS_ALLOWED: '1', MILLRACE_FAIL_POINT: 'after commit:0' } });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('is not name or name:nth');
  });
});
