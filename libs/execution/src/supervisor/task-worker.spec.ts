import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { executionProto } from '@millrace/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { gone, isRunning } from '../testing/processes.js';
import { WorkerRig, bundleOf, grantOf, type RigOptions } from '../testing/worker-rig.js';

type Completion = executionProto.Completion;
type Grant = executionProto.Grant;

let built: Awaited<ReturnType<typeof buildEntries>>;
let scheduler: FakeScheduler;
let rig: WorkerRig;

beforeAll(async () => {
  built = await buildEntries();
});
afterAll(() => built.remove());
beforeEach(async () => {
  scheduler = await new FakeScheduler().start();
});
afterEach(async () => {
  await rig.stop();
  scheduler.stop();
});

async function start(options: Partial<RigOptions> = {}): Promise<WorkerRig> {
  rig = new WorkerRig({ entries: built.entries, schedulers: [scheduler], ...options });
  return rig.start();
}

const ended = (grant: Grant): Promise<Completion> => scheduler.completions.find((one) => one.attemptId === grant.attemptId);

/** Runs one task and gives its result and log. */
async function run(body: string, more: Partial<Grant> = {}, preamble = ''): Promise<Completion & { log: string }> {
  const grant = grantOf(scheduler.addBundle(bundleOf({ task: body }, preamble)), 'task', more);
  rig.publish(grant);
  return { ...(await ended(grant)), log: rig.log(grant) };
}

describe('a task from message to result', () => {
  it('runs and reports what it returned, with its log on disk', async () => {
    await start();
    const done = await run(`async ({ log }) => { log.info('working'); console.log('printed'); return { answer: 42 }; }`);
    expect(done).toMatchObject({ outcome: 'success', error: '', xcoms: [{ key: 'return_value', json: '{"answer":42}' }] });
    expect(done.claimToken).toBe(scheduler.claims.all[0]?.claimToken);
    expect(done.log).toMatch(/^\[\d{4}-\d\d-\d\dT[\d:.]+\+0000\] \{runner\} INFO - Starting attempt 1 of 2: example.task/);
    expect(done.log).toContain('{task} INFO - working');
    expect(done.log).toContain('{task.stdout} INFO - printed');
    expect(done.log).toContain('Marking task as SUCCESS');
    expect(done.log.trimEnd().split('\n').at(-1)).toContain('Try ended: success');
  });

  it('says in the log which try it is, counting retries, and whether another follows', async () => {
    await start();
    const logOf = async (tryNumber: number, fields = '{}'): Promise<string> => (await run(`() => { throw Object.assign(new Error('no'), ${fields}); }`, { tryNumber, maxTries: 2 })).log;
    expect(await logOf(2)).toMatch(/Starting attempt 2 of 3:.*Marking task as UP_FOR_RETRY/s);
    expect(await logOf(3)).toMatch(/Starting attempt 3 of 3:.*Marking task as FAILED/s);
    expect(await logOf(1, `{ millrace: 'fail' }`)).toMatch(/Starting attempt 1 of 3:.*Marking task as FAILED/s);
  });

  it('gives the task its run: dates, params, conf, ids', async () => {
    await start();
    const done = await run(
      `async (c) => [c.dagId, c.taskId, c.tryNumber, c.mapIndex, c.logicalDate.toISOString(), c.dataIntervalEnd, c.params.a, c.conf.b, c.ds, c.resume, c.partitionKey, c.ti.taskInstanceKeyStr, c.owner]`,
      { paramsJson: '{"a":1}', confJson: '{"b":[2]}', dataIntervalEnd: '', indexPath: [2, 5], tryNumber: 3 },
    );
    expect(JSON.parse(done.xcoms[0]?.json ?? '')).toEqual(['example', 'task', 3, 5, '2026-11-23T04:00:00.000Z', null, 1, [2], '2026-11-23', null, null, 'example__task__20261123', 'millrace']);
  });

  it('uses warm runners again and fetches a bundle once', async () => {
    await start({ concurrency: 1, warm: 1 });
    const hash = scheduler.addBundle(bundleOf({ task: 'async () => process.pid' }));
    const grants = [1, 2, 3, 4].map((tryNumber) => grantOf(hash, 'task', { tryNumber }));
    for (const grant of grants) rig.publish(grant);
    const pids = new Set((await Promise.all(grants.map(ended))).map((one) => one.xcoms[0]?.json));
    expect([pids.size, rig.runnerStarts, scheduler.bundleFetches]).toEqual([1, 1, 1]);
  });

  it('replaces a runner after its number of tasks', async () => {
    await start({ concurrency: 1, warm: 1, tasksPerRunner: 2 });
    const hash = scheduler.addBundle(bundleOf({ task: 'async () => process.pid' }));
    const grants = [1, 2, 3, 4].map((tryNumber) => grantOf(hash, 'task', { tryNumber }));
    for (const grant of grants) rig.publish(grant);
    const pids = new Set((await Promise.all(grants.map(ended))).map((one) => one.xcoms[0]?.json));
    expect(pids.size).toBe(2);
  });

  it('removes the scratch folder with the try', async () => {
    await start();
    const done = await run(`async ({ scratchDir }) => { (await import('node:fs')).writeFileSync(scratchDir + '/x', '1'); return scratchDir; }`);
    expect(existsSync(JSON.parse(done.xcoms[0]?.json ?? '') as string)).toBe(false);
  });
});

describe('how a task can end', () => {
  const signal = (fields: string): string => `async () => { throw Object.assign(new Error('because'), ${fields}); }`;
  it.each<[string, string, Partial<Completion>]>([
    ['throws', `async () => { throw new RangeError('too far'); }`, { outcome: 'failed', retryable: true, error: 'RangeError: too far' }],
    ['throws no Error', `async () => { throw { code: 7 }; }`, { outcome: 'failed', error: 'the task threw a value that is no Error: { code: 7 }' }],
    ['throws undefined', `() => { throw undefined; }`, { outcome: 'failed', error: 'the task threw a value that is no Error: undefined' }],
    ['skips', signal(`{ millrace: 'skip' }`), { outcome: 'skipped' }],
    ['fails for good', signal(`{ millrace: 'fail' }`), { outcome: 'failed', retryable: false, error: 'Error: because' }],
    ['defers', signal(`{ millrace: 'defer', resumeAt: '2026-11-24T00:00:00.000Z', resume: { job: 1 }, correlationKey: 'k' }`), { outcome: 'deferred', resumeAt: '2026-11-24T00:00:00.000Z', resumeJson: '{"job":1}', correlationKey: 'k' }],
    ['defers for ever', signal(`{ millrace: 'defer' }`), { outcome: 'failed', error: expect.stringContaining('neither when') as never }],
    ['reschedules', signal(`{ millrace: 'reschedule', resumeAt: '2026-11-24T00:00:00Z' }`), { outcome: 'rescheduled', resumeAt: '2026-11-24T00:00:00.000Z' }],
    ['branches', `() => ({ __millrace: 'branch', taskIds: ['a', 'b'] })`, { outcome: 'success', hasBranch: true, branchTaskIds: ['a', 'b'] }],
    ['chooses nothing', `() => ({ __millrace: 'branch', taskIds: [] })`, { outcome: 'success', hasBranch: true, branchTaskIds: [] }],
    ['short-circuits', `() => ({ __millrace: 'short_circuit', mode: 'direct' })`, { outcome: 'success', hasBranch: false, skipDownstream: 'direct' }],
    ['exits', `() => process.exit(3)`, { outcome: 'failed', retryable: true, error: `the task's process ended with exit code 3 before the task returned` }],
    ['exits as if all were well', `() => process.exit(0)`, { outcome: 'failed', error: `the task's process ended with exit code 0 before the task returned` }],
    ['kills itself', `() => process.kill(process.pid, 'SIGKILL')`, { outcome: 'failed', error: `the task's process was killed by SIGKILL` }],
    ['leaves a rejection to nobody', `() => { void Promise.reject(new Error('lost')); return new Promise(() => {}); }`, { outcome: 'failed', error: 'Error: lost' }],
    ['returns what JSON cannot hold', `() => ({ a: [{ big: 1n }] })`, { outcome: 'failed', error: expect.stringContaining('return_value.a[0].big is a bigint') as never }],
    ['returns too much', `() => 'x'.repeat(200_000)`, { outcome: 'failed', error: expect.stringMatching(/has 200002 bytes as JSON; the limit is 100000/) as never }],
  ])('%s', async (_, body, expected) => {
    await start();
    const done = await run(body);
    expect(done).toMatchObject(expected);
    if (expected.outcome === 'failed') expect(done.log).toContain(done.error.slice(0, 30));
  });

  it('fails with a sentence when the task or the bundle is not there', async () => {
    await start();
    const missing = grantOf(scheduler.addBundle(bundleOf({ task: '() => 1' })), 'other');
    rig.publish(missing);
    expect((await ended(missing)).error).toContain('dag "example" of the bundle has no task "other"; it has "task"');
    const broken = grantOf(scheduler.addBundle('throw new Error("at import")'), 'task', { tryNumber: 2 });
    rig.publish(broken);
    expect((await ended(broken)).error).toContain('at import');
    const unknown = grantOf('0'.repeat(64), 'task', { tryNumber: 3 });
    rig.publish(unknown);
    expect((await ended(unknown)).error).toContain('the bundle could not be fetched');
    expect(rig.log(unknown)).toContain('the bundle could not be fetched');
  });

  it('refuses a bundle that is not what its hash says', async () => {
    await start();
    const hash = scheduler.addBundle(bundleOf({ task: '() => 1' }));
    scheduler.bundles.set(hash, Buffer.from('export const forged = 1'));
    const grant = grantOf(hash, 'task');
    rig.publish(grant);
    expect((await ended(grant)).error).toMatch(/arrived with the hash/);
    expect(readdirSync(join(rig.home)).includes('bundles')).toBe(false);
  });
});

describe('time and cancelling', () => {
  it('ends a task that is out of time, with what it forked, though it ignores SIGTERM', async () => {
    await start({ killGraceMs: 200 });
    const body = `async ({ ti, log }) => {
      process.on('SIGTERM', () => {});
      const { spawn } = await import('node:child_process');
      const stubborn = 'trap "" TERM; while true; do sleep 1; done';
      const children = [spawn('bash', ['-c', stubborn]), spawn('bash', ['-c', stubborn], { detached: true }), spawn('bash', ['-c', 'setsid bash -c \\'' + stubborn + '\\' & exec sleep 100'], { detached: true })];
      log.info('pids ' + children.map((child) => child.pid).join(' '));
      for (;;) { const until = Date.now() + 50; while (Date.now() < until) {} await new Promise(setImmediate); }
    }`;
    const done = await run(body, { executionTimeoutMs: 600 });
    expect(done).toMatchObject({ outcome: 'failed', retryable: true, error: 'timed out after 0.6 s (execution_timeout)' });
    const pids = /pids ([\d ]+)/.exec(done.log)?.[1]?.split(' ').map(Number) ?? [];
    expect(pids).toHaveLength(3);
    expect([...pids, done.pid].filter(isRunning)).toEqual([]);
  });

  it('ends a task that blocks its process', async () => {
    await start({ killGraceMs: 100 });
    const done = await run('() => { for (;;) {} }', { executionTimeoutMs: 300 });
    expect(done.error).toContain('timed out');
    expect(done.log).toContain('Starting attempt');
    expect(done.log).toContain('Stopping the task and its processes: timed out after 0.3 s');
  });

  it('lets a task that listens end by itself, and fires its signal', async () => {
    await start({ killGraceMs: 20_000 });
    const grant = grantOf(scheduler.addBundle(bundleOf({ task: `({ signal, log }) => new Promise((resolve) => { log.info('listening'); signal.addEventListener('abort', () => { log.info('tidied up'); process.exitCode = 0; resolve(); setTimeout(() => process.exit(0), 10); }); })` })), 'task');
    rig.publish(grant);
    await rig.logged(grant, 'listening');
    scheduler.send({ $case: 'cancel', value: { attemptIds: [grant.attemptId], reason: 'marked as success' } });
    expect(await ended(grant)).toMatchObject({ outcome: 'failed', error: 'cancelled: marked as success' });
    expect(rig.log(grant)).toContain('tidied up');
  });

  it('ends what a finished task left behind', async () => {
    await start();
    const done = await run(`async () => { const { spawn } = await import('node:child_process'); const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }); child.unref(); return child.pid; }`);
    await gone(Number(done.xcoms[0]?.json));
    expect(done.log).toContain('The task left processes behind, which were killed');
  });

  it('ends threads a finished task left running, and what they started', async () => {
    await start();
    const inThread = `const { spawn } = require('node:child_process'); const { parentPort } = require('node:worker_threads'); const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }); child.unref(); parentPort.postMessage(child.pid); setInterval(() => {}, 1000);`;
    const done = await run(`async () => { const { Worker } = await import('node:worker_threads'); const thread = new Worker(${JSON.stringify(inThread)}, { eval: true }); return await new Promise((resolve) => thread.once('message', resolve)); }`);
    await gone(Number(done.xcoms[0]?.json));
    expect(done.log).toMatch(/The task left threads running.*The task left processes behind/s);
  });
});

describe('output', () => {
  it('keeps what is printed without a newline, by writes, by native children, and by a task that exits', async () => {
    await start();
    const done = await run(`async () => {
      process.stdout.write('no newline');
      const { spawnSync } = await import('node:child_process');
      spawnSync('bash', ['-c', 'echo from a child; echo on stderr >&2'], { stdio: 'inherit' });
      console.error('an error line');
      process.exit(1);
    }`);
    expect(done.log).toContain('{task.stdout} INFO - no newline');
    expect(done.log).toContain('{task.stdout} INFO - from a child');
    expect(done.log).toContain('{task.stderr} ERROR - on stderr');
    expect(done.log).toContain('ERROR - an error line');
  });

  it('cuts a log off at its limit and says so, while the task goes on', async () => {
    await start({ logMaxBytes: 20_000 });
    const done = await run(`() => { for (let i = 0; i < 10_000; i++) console.log('line ' + i); return 'done'; }`);
    expect(done.outcome).toBe('success');
    expect(done.log).toContain('Log cut off at 20000 bytes');
    expect(done.log.length).toBeLessThan(21_000);
  });

  it('masks the secrets the task has been given, also in errors and in what children print', async () => {
    await start();
    scheduler.onQuery = (query) => (query.what?.$case === 'connectionId' ? { found: true, json: JSON.stringify({ conn_type: 'postgres', login: 'me', password: 'hunter2-secret', extra: '{"api_key":"k3y-of-extra"}' }) } : { found: true, json: 'var1able-secret' });
    const done = await run(`async ({ connections, variables, log }) => {
      const c = await connections.get('db');
      log.info(c.login + ' ' + c.password + ' ' + c.extra.api_key);
      console.log(await variables.get('my_password'));
      const { spawnSync } = await import('node:child_process');
      spawnSync('echo', ['child ' + c.password], { stdio: 'inherit' });
      throw new Error('cannot log in with ' + c.password);
    }`);
    expect(done.error).toBe('Error: cannot log in with ***');
    expect(done.log).toContain('me *** ***');
    expect(done.log).toContain('child ***');
    expect(done.log).not.toMatch(/hunter2|k3y-of|var1able/);
  });
});

describe('what a task may see', () => {
  it('gets an allowed environment, without the credentials of its worker', async () => {
    await start({
      environment: { ...process.env, MILLRACE__BROKER__URL: 'amqp://canary-broker', MILLRACE__DATABASE__URL: 'postgres://canary-db', MILLRACE__SECURITY__INTERNAL_TOKEN: 'canary-token', AWS_SECRET_ACCESS_KEY: 'canary-aws', MILLRACE_TASK_REGION: 'north', MILLRACE_ADMIN_PASSWORD: 'canary-admin' },
    });
    const done = await run(`async () => { const { execSync } = await import('node:child_process'); return { own: process.env, child: execSync('env').toString(), argv: process.argv }; }`);
    const seen = done.xcoms[0]?.json ?? '';
    expect(seen).toContain('north');
    expect(seen).not.toContain('canary');
  });

  it('renders templates from the run, from XComs, variables and connections', async () => {
    await start();
    scheduler.onQuery = (query) => {
      if (query.what?.$case === 'xcom') return { xcoms: [{ taskId: 'extract', indexPath: [], json: '{"rows":7}' }] };
      if (query.what?.$case === 'variableKey') return { json: 'blue' };
      return { json: '{"host":"db.example","password":"hunter2-secret"}' };
    };
    const task = `{ templateFields: ['command', 'env', 'plain'], operator: new (class Op { command = '{{ ds }} {{ params.n }} {{ ti.xcom_pull(task_ids="extract").rows }} {{ var.value.color }} {{ conn.db.host }} {{ conn.db.password }} {{ macros.ds_add(ds, 1) }} {{ task_instance_key_str }}'; env = { A: ['{{ run_id }}', 3] }; plain = 'as it is'; execute() { return [this.command, this.env, this.plain, this.constructor.name]; } })() }`;
    const done = await run(task, { paramsJson: '{"n":5}' });
    expect(JSON.parse(done.xcoms[0]?.json ?? '')).toEqual(['2026-11-23 5 7 blue db.example hunter2-secret 2026-11-24 example__task__20261123', { A: ['manual__2026-11-23T04:00:00.000000+00:00', 3] }, 'as it is', 'Op']);
    expect(JSON.parse(done.renderedFieldsJson)).toMatchObject({ command: expect.stringContaining('db.example *** 2026-11-24') as string, plain: 'as it is' });
  });

  it('renders into the operator itself, which may have private state, and leaves it as it was', async () => {
    await start({ concurrency: 1, warm: 1 });
    const preamble = `class Op { #times = 0; #secret = 'mine'; #query = '{{ run_id }}'; command = '{{ ti.try_number }}'; get query() { return this.#query; } set query(value) { this.#query = value; } execute() { this.#times++; return [this.command, this.query, this.#secret, this.#times]; } }
      class Sub extends Op {} Object.defineProperty(Sub.prototype, 'inherited', { value: '{{ ds }}', writable: true }); Sub.prototype.execute = function () { return [...Op.prototype.execute.call(this), this.inherited]; };`;
    const hash = scheduler.addBundle(bundleOf({ task: `{ templateFields: ['command', 'query', 'inherited'], operator: new Sub() }` }, preamble));
    const results: unknown[] = [];
    for (const tryNumber of [1, 2]) {
      const grant = grantOf(hash, 'task', { tryNumber, runId: `r${tryNumber}` });
      rig.publish(grant);
      results.push(JSON.parse((await ended(grant)).xcoms[0]?.json ?? '""'));
    }
    expect(results).toEqual([['1', 'r1', 'mine', 1, '2026-11-23'], ['2', 'r2', 'mine', 2, '2026-11-23']]);
  });

  it.each([
    ['an undefined name', '{{ nonsense }}', /template field "command".*"nonsense" is no name a template knows/],
    ['a date the run does not have', '{{ ds }}', /template field "command"/],
    ['code', '{{ range.constructor("return process.env")() }}', /template field "command"/],
  ])('fails a template that uses %s, naming the field', async (_, template, message) => {
    await start();
    const done = await run(`{ templateFields: ['command'], operator: { command: ${JSON.stringify(template)}, execute() { return 'ran'; } } }`, { logicalDate: '' });
    expect(done).toMatchObject({ outcome: 'failed', error: expect.stringMatching(message) as string });
  });

  it('pulls XComs one by one, as lists, and by index', async () => {
    await start();
    scheduler.onQuery = (query) => {
      const what = query.what?.$case === 'xcom' ? query.what.value : undefined;
      const all = [{ taskId: 'one', indexPath: [], json: '1' }, { taskId: 'many', indexPath: [0], json: '10' }, { taskId: 'many', indexPath: [1], json: '11' }];
      return { xcoms: all.filter((one) => what?.taskIds.includes(one.taskId) === true && (!what.hasIndexPath || String(one.indexPath) === String(what.indexPath))) };
    };
    const done = await run(`async ({ ti }) => [await ti.xcomPull({ taskIds: 'one' }), await ti.xcomPull({ taskIds: 'many' }), await ti.xcomPull({ taskIds: ['one', 'none', 'many'] }), await ti.xcomPull({ taskIds: 'many', mapIndexes: 1 }), await ti.xcomPull({ taskIds: 'many', indexPath: [0] }), await ti.xcomPull({ taskIds: 'none' })]`);
    expect(done.xcoms[0]?.json).toBe(JSON.stringify([1, [10, 11], [1, null, [10, 11]], 11, 10, null]));
  });

  it('says in the task what a scheduler refused', async () => {
    await start();
    scheduler.onQuery = () => ({ error: 'dag "other" belongs to another team' });
    expect((await run(`({ ti }) => ti.xcomPull({ dagId: 'other', taskIds: 'x' })`)).error).toBe('Error: dag "other" belongs to another team');
  });
});
