import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommanderError } from 'commander';
import { explain } from './output/terminal.js';
import { createProgram } from './command-line/program.js';

type Answer = { readonly status?: number; readonly body?: unknown };
type Route = (request: { readonly body: Record<string, unknown>; readonly query: URLSearchParams; readonly headers: IncomingMessage['headers'] }) => Answer;

/** A small api of our own words: what the command asks, and what it does with the answers. */
let routes: Record<string, Route>;
let asked: string[];
let server: Server;
let home: string;
let logins: number;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  writeFileSync(join(home, 'admin-password'), 'right\n');
  asked = [];
  logins = 0;
  routes = {
    'POST /auth/token': ({ body }) => (body['password'] === 'right' ? (logins++, { status: 201, body: { access_token: `token-${logins}` } }) : { status: 401, body: { detail: 'no' } }),
    'GET /api/v2/version': () => ({ body: { version: '0' } }),
  };
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const url = new URL(request.url as string, 'http://x');
      const name = `${request.method} ${decodeURIComponent(url.pathname)}`;
      asked.push(name);
      const authorised = url.pathname === '/auth/token' || url.pathname === '/api/v2/version' || request.headers.authorization === `Bearer token-${logins}`;
      const answer = !authorised ? { status: 401, body: { detail: 'expired' } }
        : routes[name]?.({ body: chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> : {}, query: url.searchParams, headers: request.headers }) ?? { status: 404, body: { detail: `${name} not found` } };
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body === undefined ? {} : answer.body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  for (const [name, value] of Object.entries({ MILLRACE_HOME: home, MILLRACE_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, MILLRACE_PASSWORD: '', MILLRACE_USERNAME: '' })) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(home, { recursive: true, force: true });
});

async function millrace(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [code, out, err] = [0, '', ''];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => { out += String(text); return true; });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => { err += String(text); return true; });
  try {
    await createProgram('1.2.3', (exit) => void (code = exit)).parseAsync(['node', 'millrace', ...args]);
  } catch (error) {
    code = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : explain(error);
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  return { code, out, err };
}

const run = (state: string, more: object = {}): object => ({ dag_id: 'etl', dag_run_id: 'r1', state, run_type: 'manual', duration: 1.23456, logical_date: null, ...more });

describe('the arguments', () => {
  it.each([
    [['dagz']], [['dags', 'nothing']], [['run', 'a', 'b']], [['run', 'a', 'b', '2018-02-30']], [['dags', 'trigger', 'a', '-c', '[1]']], [['dags', 'trigger', 'a', '-c', '{']],
    [['backfill', 'a', '-s', '2018-01-02', '-e', '2018-01-01']], [['backfill', 'a']], [['dags', 'list', '-o', 'xml']], [['worker', '--concurrency', '0']], [['api', '-p', '70000']],
  ])('%j is exit code 2 and asks nothing', async (args) => {
    const { code, err } = await millrace(...args);
    expect([code, asked]).toEqual([2, []]);
    expect(err).not.toBe('');
  });

  it('gives its version and help', async () => {
    expect(await millrace('version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    expect((await millrace('webserver', '--help')).out).toContain('--port');
  });
});

describe('the token', () => {
  beforeEach(() => void (routes['GET /api/v2/dags'] = () => ({ body: { dags: [], total_entries: 0 } })));

  it('is kept for the next command with mode 0600, and renewed when refused', async () => {
    expect((await millrace('dags', 'list')).out).toBe('No data found\n');
    expect(statSync(join(home, 'cli-token')).mode & 0o777).toBe(0o600);
    await millrace('dags', 'list');
    expect(logins).toBe(1);
    logins = 7; // The server has forgotten token-1.
    expect((await millrace('dags', 'list')).code).toBe(0);
    expect(JSON.parse(readFileSync(join(home, 'cli-token'), 'utf8'))).toMatchObject({ token: 'token-8' });
  });

  it('says who was refused, with exit code 4, and who is missing', async () => {
    writeFileSync(join(home, 'admin-password'), 'wrong');
    expect(await millrace('dags', 'list')).toMatchObject({ code: 4, err: expect.stringMatching(/refused user admin with the password from .*admin-password/) });
    rmSync(join(home, 'admin-password'));
    expect(await millrace('dags', 'list')).toMatchObject({ code: 4, err: expect.stringMatching(/no password known for user admin: set MILLRACE_USERNAME/) });
  });

  it('says that nobody is there before anything else, with exit code 6', async () => {
    rmSync(join(home, 'admin-password'));
    vi.stubEnv('MILLRACE_API_URL', 'http://127.0.0.1:1');
    expect(await millrace('dags', 'list')).toMatchObject({ code: 6, err: expect.stringMatching(/no answer from http:\/\/127.0.0.1:1 .*millrace standalone/) });
  });
});

describe('dags', () => {
  it('lists all pages in four shapes, and shows control characters as text', async () => {
    const all = Array.from({ length: 130 }, (_, i) => ({ dag_id: `dag-${i}`, is_paused: false, owners: ['a', 'b\u001b[31m'], tags: [{ name: 'x' }], timetable_summary: '@daily' }));
    routes['GET /api/v2/dags'] = ({ query }) => ({ body: { dags: all.slice(Number(query.get('offset')), Number(query.get('offset')) + Number(query.get('limit'))), total_entries: 130 } });
    const table = await millrace('dags', 'list');
    expect(table.out.split('\n').slice(0, 3)).toEqual([
      'dag_id  | schedule | is_paused | owners        | tags | next_run | file',
      '========+==========+===========+===============+======+==========+=====',
      'dag-0   | @daily   | false     | a, b\\x1b[31m | x    |          |',
    ].map((line) => expect.stringContaining(line.slice(0, 30))));
    expect(table.out).not.toContain('\u001b');
    expect(JSON.parse((await millrace('dags', 'list', '-o', 'json')).out)).toHaveLength(130);
    expect((await millrace('dags', 'list', '-o', 'yaml')).out).toMatch(/^- dag_id: dag-0\n/);
    expect((await millrace('dags', 'list', '-o', 'plain')).out.split('\n')[1]).toBe('dag-0\t@daily\tfalse\ta, b\\x1b[31m\tx\t\t');
  });

  it('shows import errors with the text around the mistake, exit code 1 when there are any', async () => {
    const errors = [{ filename: 'a.ts', timestamp: '2026-01-01T00:00:00Z', stack_trace: 'a.ts:3:1: SyntaxError: \u001b[31mno\n\n> 3 | dag(\n' }];
    routes['GET /api/v2/importErrors'] = () => ({ body: { import_errors: errors, total_entries: errors.length } });
    expect(await millrace('dags', 'list-import-errors')).toMatchObject({ code: 1, out: 'a.ts:3:1: SyntaxError: \\x1b[31mno\n\n> 3 | dag(\n' });
    expect((await millrace('dags', 'list-import-errors', '-o', 'plain')).out.split('\n')[0]).toBe('filename\ttimestamp\tstack_trace');
    errors.length = 0;
    expect(await millrace('dags', 'list-import-errors')).toMatchObject({ code: 0, out: 'No data found\n' });
  });

  it('suggests the nearest name for an unknown dag, with exit code 3', async () => {
    routes['GET /api/v2/dags'] = () => ({ body: { dags: [{ dag_id: 'example_etl' }, { dag_id: 'other' }], total_entries: 2 } });
    expect(await millrace('dags', 'trigger', 'exmaple_etl')).toMatchObject({ code: 3, err: 'millrace: there is no dag "exmaple_etl"; did you mean example_etl?\n' });
  });

  it('triggers with conf and waits: states on stderr, the run on stdout, exit code 1 for a failed run', async () => {
    const states = ['running', 'running', 'failed'];
    let posted: unknown;
    routes['POST /api/v2/dags/etl/dagRuns'] = ({ body }) => { posted = body; return { body: run('queued') }; };
    routes['GET /api/v2/dags/etl'] = () => ({ body: { is_paused: false } });
    routes['GET /api/v2/dags/etl/dagRuns/r1'] = () => ({ body: run(states.shift() ?? 'failed') });
    routes['GET /api/v2/dags/etl/dagRuns/r1/taskInstances'] = () => ({ body: { task_instances: [{ task_id: 'load', map_index: -1, state: states.length > 1 ? 'running' : 'failed', try_number: 1 }], total_entries: 1 } });
    const { code, out, err } = await millrace('dags', 'trigger', 'etl', '-c', '{"a": 1}', '-e', '2018-01-11', '--wait', '-o', 'json');
    expect(posted).toEqual({ logical_date: '2018-01-11T00:00:00.000Z', conf: { a: 1 } });
    expect([code, (JSON.parse(out) as { state: string }[])[0]?.state, err]).toEqual([1, 'failed', 'etl: r1\nload: running\nload: failed\n']);
  });

  it('gives the server’s own words for a conflict, exit code 5, and for a refused conf, exit code 2', async () => {
    routes['POST /api/v2/dags/etl/dagRuns'] = () => ({ status: 409, body: { detail: 'etl has a run for 2018-01-11' } });
    expect(await millrace('dags', 'trigger', 'etl')).toMatchObject({ code: 5, err: 'millrace: etl has a run for 2018-01-11\n' });
    routes['POST /api/v2/dags/etl/dagRuns'] = () => ({ status: 422, body: { detail: [{ loc: ['body', 'conf'], msg: 'must be an object' }] } });
    expect(await millrace('dags', 'trigger', 'etl')).toMatchObject({ code: 2, err: 'millrace: conf: must be an object\n' });
  });
});

describe('the founding short forms', () => {
  it('run DAG TASK DATE prints the log and takes the result as exit code, through a retry', async () => {
    const instances = [{ state: 'running', try_number: 1 }, { state: 'up_for_retry', try_number: 1 }, { state: 'up_for_retry', try_number: 1 }, { state: 'running', try_number: 2 }, { state: 'failed', try_number: 2 }];
    routes['POST /api/millrace/v1/dags/etl/taskRuns'] = ({ body }) => ({ body: { dag_run_id: `for ${String(body['logical_date'])}`, try_number: 1 } });
    const at = '/api/v2/dags/etl/dagRuns/for 2018-01-11T00:00:00.000Z/taskInstances/load';
    routes[`GET ${at}`] = () => ({ body: instances.length > 1 ? instances.shift() : instances[0] });
    for (const n of [1, 2]) {
      routes[`GET ${at}/logs/${n}`] = ({ query }) => ({
        body: { content: query.has('token') ? [] : [{ event: '::group::Log message source details', sources: ['/a'] }, { event: '::endgroup::' }, { timestamp: '2026-01-01T00:00:00Z', event: `try ${n}`, level: 'info', logger: 'task.stdout' }], continuation_token: 'x' },
      });
    }
    const { code, out, err } = await millrace('run', 'etl', 'load', '2018-01-11');
    expect(out).toBe('[2026-01-01T00:00:00Z] {task.stdout} INFO - try 1\n[2026-01-01T00:00:00Z] {task.stdout} INFO - try 2\n');
    expect([code, err.split('\n').at(-2)]).toEqual([1, 'etl.load: failed']);
  });

  it.each([[['backfill', 'etl', '-s', '2018-01-10', '-e', '2018-01-11']], [['backfill', 'create', 'etl', '-s', '2018-01-10', '-e', '2018-01-11']]])('%j waits for its runs', async (args) => {
    let posted: unknown;
    let looks = 0;
    routes['POST /api/v2/backfills'] = ({ body }) => { posted = body; return { body: { id: 5, dag_id: 'etl' } }; };
    routes['GET /api/millrace/v1/backfills/5'] = () => (++looks > 1
      ? { body: { completed_at: '2026-01-01T00:00:00Z', state: 'completed', dates: 3, done: 2, runs: { queued: 0, running: 0, success: 2, failed: 0 }, skipped: { 'already exists': 1 } } }
      : { body: { completed_at: null, state: 'running', dates: 3, done: 1, runs: { queued: 0, running: 1, success: 1, failed: 0 }, skipped: { 'already exists': 1 } } });
    routes['GET /api/millrace/v1/backfills/5/dates'] = () => ({ body: { dates: [{ logical_date: '2018-01-10T00:00:00Z', dag_run_id: 'manual__1' }], total_entries: 1 } });
    routes['GET /api/v2/dags/etl/dagRuns'] = () => ({ body: { dag_runs: [run('success')], total_entries: 1 } });
    const { code, err } = await millrace(...args);
    expect(posted).toMatchObject({ dag_id: 'etl', from_date: '2018-01-10T00:00:00.000Z', to_date: '2018-01-11T00:00:00.000Z', reprocess_behavior: 'none' });
    expect([code, err.split('\n').slice(1, 3)]).toEqual([0, ['1 of 2 done: 1 running, 1 success, 1 left alone (already exists)', '2 of 2 done: 2 success, 1 left alone (already exists)']]);
  });

  it('pauses, unpauses, cancels and lists', async () => {
    for (const how of ['pause', 'unpause', 'cancel']) {
      routes[`PUT /api/v2/backfills/7/${how}`] = () => ({ body: { id: 7, dag_id: 'etl', is_paused: how === 'pause' } });
      expect((await millrace('backfill', how, '7', '-o', 'json')).out).toContain(`"is_paused": ${how === 'pause'}`);
    }
    routes['GET /api/v2/backfills'] = ({ query }) => ({ body: { backfills: [{ id: 7, dag_id: query.get('dag_id') }], total_entries: 1 } });
    expect((await millrace('backfill', 'list', '--dag-id', 'etl', '-o', 'plain')).out).toContain('7\tetl');
    expect((await millrace('backfill', 'list')).code).toBe(2);
    expect((await millrace('backfill', 'pause', 'x')).code).toBe(2);
  });

  it('a dry run shows what would be done with each date', async () => {
    routes['POST /api/millrace/v1/backfills/dry_run'] = () => ({ body: { runs: [{ logical_date: '2018-01-10T00:00:00Z', action: 'skip', existing_state: 'running', exception_reason: 'in flight' }], counts: { create: 0, clear: 0, skip: 1 }, total_entries: 1 } });
    const { out, err } = await millrace('backfill', 'create', '--dag-id', 'etl', '--from-date', '2018-01-10', '--to-date', '2018-01-11', '--dry-run', '-o', 'plain');
    expect(out).toBe('logical_date\tdata_interval_start\tdata_interval_end\taction\texisting_state\texception_reason\n2018-01-10T00:00:00Z\t\t\tskip\trunning\tin flight\n');
    expect(err).toContain('0 runs would be made, 0 run again, 1 left alone');
  });
});

describe('users create --if-missing', () => {
  it('leaves alone who is there, and says so', async () => {
    const sent: unknown[] = [];
    routes['POST /api/millrace/v1/users'] = ({ body }) => (sent.push(body), { status: 409, body: { detail: 'There is a user ada' } });
    routes['GET /api/millrace/v1/users/ada'] = () => ({ body: { name: 'ada', roles: ['Viewer'], is_active: true } });
    const file = join(home, 'password');
    writeFileSync(file, 'correct horse battery\n');
    const { code, out, err } = await millrace('users', 'create', '--if-missing', '--password-file', file, '--role', 'Op', '--', 'ada');
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('user ada is there already') as string });
    expect(out).toContain('Viewer');
    expect(sent).toEqual([{ name: 'ada', password: 'correct horse battery', roles: ['Op'] }]);
  });

  it('fails where a conflict is about another thing, and without the option', async () => {
    routes['POST /api/millrace/v1/users'] = () => ({ status: 409, body: { detail: 'somebody has this address' } });
    expect((await millrace('users', 'create', '--if-missing', 'ada')).code).not.toBe(0);
    routes['GET /api/millrace/v1/users/ada'] = () => ({ body: { name: 'ada', roles: [] } });
    const { code, err } = await millrace('users', 'create', 'ada');
    expect(code).not.toBe(0);
    expect(err).toContain('somebody has this address');
  });
});

describe('dags next-execution', () => {
  it('prints the runs, and says the rest on stderr', async () => {
    routes['GET /api/millrace/v1/dags/etl/schedule'] = ({ query }) => ({ body: {
      next_runs: [{ logical_date: '2018-01-10T00:00:00Z', data_interval_start: 'a', data_interval_end: 'b', run_after: 'c' }].slice(0, Number(query.get('count'))), warnings: ['empty'], is_paused: true, timetable_description: 'At 00:00', timezone: 'UTC' } });
    const { code, out, err } = await millrace('dags', 'next-execution', 'etl', '-n', '1', '-o', 'plain');
    expect([code, out]).toEqual([0, 'logical_date\tdata_interval_start\tdata_interval_end\trun_after\n2018-01-10T00:00:00Z\ta\tb\tc\n']);
    expect(err).toMatch(/warning: empty\n.*etl is paused/s);
  });
});

describe('how tasks and runs stand', () => {
  const load = (more: object = {}): object => ({ dag_id: 'etl', dag_run_id: 'r1', task_id: 'load', map_index: -1, state: 'failed', try_number: 2, rendered_fields: { bashCommand: 'echo 5', env: { A: '1' } }, ...more });
  beforeEach(() => {
    routes['GET /api/v2/dags/etl/dagRuns/r1'] = () => ({ body: run('running') });
    routes['GET /api/v2/dags/etl/dagRuns/r1/taskInstances/load'] = () => ({ body: load() });
    routes['GET /api/v2/dags/etl/dagRuns'] = ({ query }) => ({ body: { dag_runs: [run('success', { dag_run_id: 'r1', asked: query.toString() })], total_entries: 1 } });
  });

  it('one state is printed bare, or in a shape', async () => {
    expect(await millrace('tasks', 'state', 'etl', 'load', 'r1')).toEqual({ code: 0, out: 'failed\n', err: '' });
    expect((await millrace('tasks', 'state', 'etl', 'load', '-o', 'plain')).out.split('\n')[1]).toMatch(/^etl\t\tload\t-1\tfailed/);
    expect((await millrace('dags', 'state', 'etl', 'r1')).out).toBe('running\n');
    expect((await millrace('dags', 'state', 'etl', 'r1', '-o', 'json')).out).toContain('"state": "running"');
  });

  it('all states of a run, what is not met, and the rendered fields', async () => {
    routes['GET /api/v2/dags/etl/dagRuns/r1/taskInstances'] = () => ({ body: { task_instances: [load(), load({ task_id: 'x', state: null })], total_entries: 2 } });
    expect((await millrace('tasks', 'states-for-dag-run', 'etl', 'r1', '-o', 'plain')).out.split('\n').slice(1, 3).map((line) => line.split('\t').slice(2, 5))).toEqual([['load', '-1', 'failed'], ['x', '-1', '']]);
    routes['GET /api/v2/dags/etl/dagRuns/r1/taskInstances/load/dependencies'] = () => ({ body: { dependencies: [{ name: 'pool_full', reason: 'the pool is full' }] } });
    expect((await millrace('tasks', 'failed-deps', 'etl', 'load', 'r1', '-o', 'plain')).out).toBe('name\treason\npool_full\tthe pool is full\n');
    expect((await millrace('tasks', 'render', 'etl', 'load', 'r1')).out).toBe('# bashCommand\necho 5\n# env\n{\n  "A": "1"\n}\n');
  });

  it('dags list-runs narrows by date, state and kind', async () => {
    const { out } = await millrace('dags', 'list-runs', 'etl', '--state', 'success', '-s', '2026-01-01', '-e', '2026-01-31', '--no-backfill', '-o', 'json');
    const asked = new URLSearchParams((JSON.parse(out) as { asked: string }[])[0]!.asked);
    expect(Object.fromEntries(asked)).toMatchObject({ state: 'success', logical_date_gte: '2026-01-01T00:00:00.000Z', logical_date_lte: '2026-01-31T00:00:00.000Z' });
    expect(asked.getAll('run_type')).toEqual(['scheduled', 'manual', 'asset_triggered', 'asset_materialization']);
  });

  it('dags show --tree draws a shared task once', async () => {
    const task = (task_id: string, ...downstream_task_ids: string[]): object => ({ task_id, downstream_task_ids });
    routes['GET /api/v2/dags/etl/tasks'] = () => ({ body: { tasks: [task('a', 'b', 'c'), task('b', 'd'), task('c', 'd'), task('d', 'e'), task('e')] } });
    expect((await millrace('dags', 'show', 'etl', '--tree')).out).toBe('a\n    b\n        d\n            e\n    c\n        d (see above)\n');
  });
});

describe('tasks clear', () => {
  const found = [{ dag_run_id: 'r1', task_id: 'load', map_index: 0 }, { dag_run_id: 'r1', task_id: 'load', map_index: 1 }, { dag_run_id: 'r1', task_id: 'tell', map_index: -1 }, { dag_run_id: 'r2', task_id: 'load', map_index: 0 }];
  let posted: Record<string, unknown>[];
  beforeEach(() => {
    posted = [];
    routes['GET /api/v2/dags/etl/tasks'] = () => ({ body: { tasks: [{ task_id: 'load' }, { task_id: 'tell' }, { task_id: 'other' }] } });
    routes['POST /api/v2/dags/etl/clearTaskInstances'] = ({ body }) => {
      posted.push(body);
      return { body: { task_instances: body['dry_run'] === true ? found : found.filter((one) => one.dag_run_id === body['dag_run_id']), total_entries: 0 } };
    };
  });

  it('only shows what it would do unless told to', async () => {
    const { code, out, err } = await millrace('tasks', 'clear', 'etl', '-t', '^lo', '-s', '2026-01-01', '-e', '2026-01-02', '-d', '-f', '-o', 'plain');
    expect([code, out.split('\n').length, err]).toEqual([0, 6, 'Nothing was cleared. With --yes it is.\n']);
    expect(posted).toEqual([{ only_failed: true, only_running: false, dry_run: true, include_upstream: false, include_downstream: true, task_ids: ['load'], start_date: '2026-01-01T00:00:00.000Z', end_date: '2026-01-02T00:00:00.000Z' }]);
  });

  it('clears what was shown run by run, and tells how far it is', async () => {
    expect(await millrace('tasks', 'clear', 'etl', '--downstream', '--note', 'again', '--yes')).toMatchObject({ code: 0, err: 'cleared runs: 1 of 2, 3 task instances\ncleared runs: 2 of 2, 4 task instances\n' });
    expect(posted.slice(1)).toEqual([['r1', ['load', 'tell']], ['r2', ['load']]].map(([dag_run_id, task_ids]) => ({ only_failed: false, only_running: false, run_on_latest_version: false, note: 'again', dry_run: false, dag_run_id, task_ids })));
  });

  it.each([
    [['-t', '('], 2, /--task-regex "\(": /], [['-t', 'zzz'], 3, /no task of etl matches "zzz"; it has load, tell, other/], [['-f', '-r'], 2, /choose nothing/],
    [['--run', 'r1', '-s', '2026-01-01'], 2, /either --run or dates/], [['-s', '2026-01-02', '-e', '2026-01-01'], 2, /is before/],
  ])('%j is refused before anything is asked for', async (args, code, says) => {
    expect(await millrace('tasks', 'clear', 'etl', ...args)).toMatchObject({ code, err: expect.stringMatching(says) });
    expect(posted).toEqual([]);
  });
});

describe('dags delete, report, reserialize', () => {
  const dag = (dag_id: string, file: string, seconds: number): object => ({ dag_id, bundle_name: 'dags', relative_fileloc: file, file_token: `token of ${file}`, last_parse_duration: seconds });
  beforeEach(() => {
    routes['GET /api/v2/dags'] = () => ({ body: { dags: [dag('a', 'a.ts', 0.1), dag('b', 'b.ts', 2), dag('c', 'b.ts', 2)], total_entries: 3 } });
    routes['GET /api/v2/dags/a'] = () => ({ body: dag('a', 'a.ts', 0.1) });
  });

  it('without a terminal a dag is only deleted with --yes', async () => {
    routes['GET /api/v2/dags/a/dagRuns'] = () => ({ body: { dag_runs: [], total_entries: 12 } });
    routes['DELETE /api/v2/dags/a'] = () => ({});
    expect(await millrace('dags', 'delete', 'a')).toMatchObject({ code: 2, err: expect.stringMatching(/would delete a with its 12 runs.*--yes/) });
    expect(asked).not.toContain('DELETE /api/v2/dags/a');
    expect(await millrace('dags', 'delete', 'a', '--yes')).toMatchObject({ code: 0, err: expect.stringMatching(/^a is deleted; as long as a.ts has it, it comes back/) });
    expect(asked).toContain('DELETE /api/v2/dags/a');
    expect((await millrace('dags', 'delete', 'x', '--yes')).code).toBe(3);
  });

  it('files are told slowest first, and read again once each', async () => {
    expect((await millrace('dags', 'report', '-o', 'plain')).out).toBe('file\tseconds\tdag_num\tdags\tlast_parsed_time\nb.ts\t2\t2\tb, c\t\na.ts\t0.1\t1\ta\t\n');
    for (const file of ['a.ts', 'b.ts']) routes[`PUT /api/v2/parseDagFile/token of ${file}`] = () => ({ status: 201, body: null });
    expect(await millrace('dags', 'reserialize')).toMatchObject({ code: 0, err: expect.stringContaining('files asked for: 2 of 2') });
    expect(asked.filter((name) => name.startsWith('PUT'))).toHaveLength(2);
  });
});

it('Tab completes dags, and the tasks of the dag that was typed', async () => {
  routes['GET /api/v2/dags'] = () => ({ body: { dags: [{ dag_id: 'etl' }, { dag_id: 'elt' }], total_entries: 2 } });
  routes['GET /api/v2/dags/etl/tasks'] = () => ({ body: { tasks: [{ task_id: 'load' }, { task_id: 'tell' }] } });
  expect((await millrace('__complete', '--', 'tasks', 'state', 'e')).out).toBe('etl\nelt\n');
  expect((await millrace('__complete', '--', 'tasks', 'state', 'etl', '')).out).toBe('load\ntell\n');
  expect((await millrace('__complete', '--', 'tasks', 'state', 'nobody', '')).out).toBe('');
});

describe('what belongs to a team', () => {
  it('is said when it is made, and kept in files that have room for it', async () => {
    let posted: unknown;
    routes['POST /api/v2/variables'] = ({ body }) => ((posted = body), { status: 201, body });
    await millrace('variables', 'set', 'limit', '5', '--team-name', 'blue');
    expect(posted).toEqual({ key: 'limit', value: '5', team_name: 'blue' });
    routes['POST /api/v2/pools'] = () => ({ status: 409, body: { detail: 'there' } });
    routes['PATCH /api/v2/pools/gate'] = ({ body }) => ((posted = body), { body });
    await millrace('pools', 'set', 'gate', '3', '--team-name', '');
    expect(posted).toEqual({ slots: 3, team_name: null });
    routes['GET /api/v2/variables'] = () => ({ body: { variables: [{ key: 'limit', value: '5', description: null, team_name: 'blue' }, { key: 'free', value: 'x', description: null, team_name: null }], total_entries: 2 } });
    expect(JSON.parse((await millrace('variables', 'export', '-', '--format', 'json')).out)).toEqual({ limit: { value: '5', description: '', team_name: 'blue' }, free: 'x' });
    expect((await millrace('variables', 'export', '-', '--format', 'env')).err).toContain('1 of them belong to a team, which this shape cannot say');
  });
});

describe('Airflow’s other words', () => {
  it('dags show-dependencies is a table, or a graph with names that are quoted', async () => {
    routes['GET /api/millrace/v1/dagDependencies'] = () => ({ body: { dag_dependencies: [{ source: 'a', target: '{{ "b" }}', kind: 'trigger', via: 't' }], total_entries: 1 } });
    expect((await millrace('dags', 'show-dependencies', '-o', 'plain')).out).toBe('source\ttarget\tkind\tvia\na\t{{ "b" }}\ttrigger\tt\n');
    expect((await millrace('dags', 'show-dependencies', '--dot')).out).toContain('"a" -> "{{ \\"b\\" }}" [label="trigger: t"];');
  });

  it('connections create-default-connections leaves alone what is there', async () => {
    routes['POST /api/v2/connections'] = ({ body }) => (body['connection_id'] === 'ssh_default' ? { status: 409, body: { detail: 'there' } } : { status: 201, body });
    const { code, out, err } = await millrace('connections', 'create-default-connections', '-o', 'json');
    expect([code, (JSON.parse(out) as { connection_id: string }[]).map((row) => row.connection_id), err]).toEqual([0, expect.not.arrayContaining(['ssh_default']), expect.stringMatching(/^9 connections made; 1 were there/)]);
  });

  it('variables get and set -j take JSON only', async () => {
    routes['GET /api/v2/variables/k'] = () => ({ body: { key: 'k', value: '{"a":1}' } });
    expect((await millrace('variables', 'get', 'k', '-j')).out).toBe('{\n  "a": 1\n}\n');
    expect(await millrace('variables', 'set', '-j', 'k', '{a}')).toMatchObject({ code: 2, err: expect.stringMatching(/the value of k is not JSON/) });
  });

  it('users add-role and remove-role change one role, and say when there is nothing to change', async () => {
    let patched: unknown;
    routes['GET /api/millrace/v1/users/ada'] = () => ({ body: { name: 'ada', roles: ['Viewer'] } });
    routes['PATCH /api/millrace/v1/users/ada'] = ({ body }) => ((patched = body), { body: { name: 'ada', ...body } });
    await millrace('users', 'add-role', 'ada', 'Op@blue');
    expect(patched).toEqual({ roles: ['Viewer', 'Op@blue'] });
    await millrace('users', 'remove-role', 'ada', 'Viewer');
    expect(patched).toEqual({ roles: [] });
    expect((await millrace('users', 'remove-role', 'ada', 'Op')).err).toContain('ada has no role Op; they have Viewer');
  });

  it('config lint tells wrong values, unknown names and Airflow’s, with exit code 1; nothing of it with 0', async () => {
    expect((await millrace('config', 'lint')).code).toBe(0);
    for (const [name, value] of Object.entries({ MILLRACE__API__PORT: 'x', MILLRACE__API__PROT: '1', AIRFLOW__API__PORT: '1' })) vi.stubEnv(name, value);
    const { code, out } = await millrace('config', 'lint', '-o', 'json');
    expect([code, (JSON.parse(out) as { severity: string; message: string }[]).map((row) => `${row.severity}: ${row.message}`)]).toEqual([1, [
      expect.stringMatching(/^error: api.port \(MILLRACE__API__PORT\)/), expect.stringMatching(/^warning: ignored MILLRACE__API__PROT.*did you mean MILLRACE__API__PORT/), expect.stringMatching(/^warning: AIRFLOW__API__PORT .*here it is MILLRACE__API__PORT/)]]);
  });

  it('tasks test runs one task of a file, of TypeScript and of data, and names those there are', async () => {
    const file = join(home, 'two.dag.yaml');
    writeFileSync(file, 'dag: two\ntasks:\n  - { id: first, operator: bash, options: { bashCommand: exit 1 } }\n  - { id: second, operator: bash, dependsOn: first, options: { bashCommand: "echo to {{ params.whom }}" } }\n');
    const { code, out } = await millrace('tasks', 'test', 'two', 'second', '-f', file, '-t', '{"whom": "you"}', '-o', 'plain');
    expect([code, out]).toEqual([0, expect.stringMatching(/to you[^]*\nsecond\tsuccess\t1\t"to you"\t\ntwo: success/)]);
    expect(await millrace('tasks', 'test', 'two', 'third', '-f', file)).toMatchObject({ code: 3, err: expect.stringContaining('two has no task "third"; it has first, second') });
  }, 60_000);
});
