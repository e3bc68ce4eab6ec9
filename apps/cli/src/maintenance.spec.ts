import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgram } from './command-line/program.js';
import { explain } from './output/terminal.js';

type Answers = Record<string, (body: Record<string, unknown>, search: URLSearchParams) => object | number>;
let answers: Answers;
let close: () => Promise<void>;

beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  writeFileSync(join(home, 'admin-password'), 'p\n');
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += String(chunk))).on('end', () => {
      const url = new URL(request.url!, 'http://x');
      const name = `${request.method} ${url.pathname}`;
      const answer = name === 'POST /auth/token' ? { access_token: 't' } : (answers[name]?.(text === '' ? {} : JSON.parse(text) as Record<string, unknown>, url.searchParams) ?? 404);
      response.writeHead(typeof answer === 'number' ? answer : 200, { 'content-type': 'application/json' }).end(JSON.stringify(typeof answer === 'number' ? { detail: `${name}: ${answer}` } : answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  for (const [name, value] of Object.entries({ MILLRACE_HOME: home, MILLRACE_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, MILLRACE_PASSWORD: '', MILLRACE_USERNAME: '' })) vi.stubEnv(name, value);
  close = async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    rmSync(home, { recursive: true, force: true });
  };
});
afterEach(() => close());

async function millrace(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [code, out, err] = [0, '', ''];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => { out += String(text); return true; });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => { err += String(text); return true; });
  try {
    await createProgram('1', (exit) => void (code = exit)).parseAsync(['node', 'millrace', ...args]);
  } catch (error) {
    code = explain(error);
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  return { code, out, err };
}

const state = (more: object = {}): object => ({ active: true, reason: null, by: 'admin', since: '2026-11-23T10:00:00Z', running_tasks: 0, queued_tasks: 0, queued_runs: 0, settled: true, ...more });

describe('maintenance', () => {
  it('is switched on with its reason, and waited for until nothing runs', async () => {
    let looks = 0;
    const sent: object[] = [];
    answers = {
      'PUT /api/millrace/v1/maintenance': (body) => (sent.push(body), state({ running_tasks: 2, settled: false, reason: body['reason'] })),
      'GET /api/millrace/v1/maintenance': () => (looks++ === 0 ? state({ running_tasks: 1, settled: false }) : state()),
    };
    const ended = await millrace('maintenance', 'on', '--reason', 'new disks', '--wait', '-o', 'json');
    expect(sent).toEqual([{ active: true, reason: 'new disks' }]);
    expect(ended).toMatchObject({ code: 0, err: 'waiting: 1 tasks still run\n' });
    expect(JSON.parse(ended.out)).toMatchObject({ settled: true });
  });

  it('says with its exit code that something still runs when the time is over', async () => {
    answers = { 'PUT /api/millrace/v1/maintenance': () => state(), 'GET /api/millrace/v1/maintenance': () => state({ running_tasks: 3, settled: false }) };
    expect(await millrace('maintenance', 'on', '--wait', '--timeout', '1', '-o', 'json')).toMatchObject({ code: 1 });
  });

  it('is switched off and looked at', async () => {
    const sent: object[] = [];
    answers = { 'PUT /api/millrace/v1/maintenance': (body) => (sent.push(body), state({ active: false, settled: false })), 'GET /api/millrace/v1/maintenance': () => state({ reason: 'x' }) };
    expect((await millrace('maintenance', 'off')).code).toBe(0);
    expect(sent).toEqual([{ active: false }]);
    expect((await millrace('maintenance', 'status')).out).toMatch(/reason\s.*x/);
  });
});

describe('workers', () => {
  const worker = { session_id: 's', worker_name: 'a/b', state: 'active', queues: ['default'], slots: 4, free_slots: 3, version: '1', last_beat_at: null, drain_asked_by: null };

  it('are listed, living ones first and only', async () => {
    answers = { 'GET /api/millrace/v1/workers': (_, search) => (search.get('state') === 'active' ? { workers: [worker], total_entries: 1 } : { workers: [], total_entries: 0 }) };
    expect(JSON.parse((await millrace('workers', 'list', '-o', 'json')).out)).toMatchObject([{ worker_name: 'a/b', queues: ['default'], free_slots: 3 }]);
  });

  it('are drained by name, and waited for until they have gone', async () => {
    let looks = 0;
    answers = {
      'POST /api/millrace/v1/workers/a%2Fb/drain': () => ({ workers: [{ ...worker, running_tasks: 1 }] }),
      'GET /api/millrace/v1/workers': (_, search) => (search.get('state') === 'draining' && looks++ === 0 ? { workers: [{ ...worker, state: 'draining' }], total_entries: 1 } : { workers: [], total_entries: 0 }),
    };
    expect(await millrace('workers', 'drain', 'a/b', '--wait')).toMatchObject({ code: 0, err: expect.stringMatching(/a\/b is draining[\s\S]*has gone/) });
  });

  it('that are not there are told with the server’s words', async () => {
    answers = {};
    expect((await millrace('workers', 'drain', 'x')).code).not.toBe(0);
  });
});
