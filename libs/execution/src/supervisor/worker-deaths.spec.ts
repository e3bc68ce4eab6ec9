import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { executionProto } from '@millrace/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildEntries } from '../testing/build-entries.js';
import { FakeScheduler } from '../testing/fake-scheduler.js';
import { gone } from '../testing/processes.js';
import { bundleOf, grantOf } from '../testing/worker-rig.js';

type Grant = executionProto.Grant;

let built: Awaited<ReturnType<typeof buildEntries>>;
let scheduler: FakeScheduler;
let home: string;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  built = await buildEntries();
});
afterAll(() => built.remove());
beforeEach(async () => {
  scheduler = await new FakeScheduler().start();
  home = mkdtempSync(join(tmpdir(), 'millrace-worker-'));
});
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    if (worker.exitCode !== null || worker.signalCode !== null) continue;
    worker.kill('SIGCONT');
    worker.kill('SIGKILL');
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  scheduler.stop();
  rmSync(home, { recursive: true, force: true });
});

async function startWorker(options: object = {}): Promise<ChildProcess> {
  const worker = fork(join(built.folder, 'worker.mjs'), [JSON.stringify({ entries: built.entries, addresses: [scheduler.address], home, ...options })], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  workers.push(worker);
  await new Promise((resolve) => worker.once('message', resolve));
  return worker;
}

function publish(worker: ChildProcess, grant: Grant): void {
  scheduler.grants.set(grant.attemptId, grant);
  worker.send([[grant.instanceId, grant.attemptId]]);
}

/** The pids a task has written to its log. */
async function pidsIn(grant: Grant): Promise<number[]> {
  for (;;) {
    const logs = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(`task_id=${grant.taskId}`) && name.endsWith('.log'));
    const found = logs.map((name) => /pids ([\d ]+)\n/.exec(readFileSync(join(home, name), 'utf8'))?.[1]).find((text) => text !== undefined);
    if (found !== undefined) return found.split(' ').map(Number);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Starts a child in a group of its own, then blocks its process for ever or waits. */
const stubborn = (rest: string): string => `async ({ log }) => {
  const { spawn } = await import('node:child_process');
  const child = spawn('bash', ['-c', 'trap "" TERM; while true; do sleep 1; done'], { detached: true, stdio: 'ignore' });
  log.info('pids ' + process.pid + ' ' + child.pid);
  await new Promise((resolve) => setTimeout(resolve, 50));
  ${rest}
}`;

describe('a worker that is killed', () => {
  it.each([['waits', 'await new Promise(() => {});'], ['blocks its process', 'for (;;) {}']])('takes a task that %s with it, and all that the task started', async (_, rest) => {
    const worker = await startWorker();
    const grant = grantOf(scheduler.addBundle(bundleOf({ task: stubborn(rest) })), 'task');
    publish(worker, grant);
    const pids = await pidsIn(grant);
    worker.kill('SIGKILL');
    await Promise.all(pids.map(gone));
  });

  it('leaves its results to the next worker with its spool', async () => {
    scheduler.onComplete = () => ({ silence: true });
    const worker = await startWorker();
    const grant = grantOf(scheduler.addBundle(bundleOf({ task: `() => 'kept'` })), 'task');
    publish(worker, grant);
    const first = await scheduler.completions.find((one) => one.attemptId === grant.attemptId);
    worker.kill('SIGKILL');
    await new Promise((resolve) => worker.once('exit', resolve));
    scheduler.onComplete = () => ({});
    await startWorker();
    const [, second] = await scheduler.completions.count(2);
    expect(second).toEqual({ ...first, wantsMore: false });
    expect(scheduler.hellos.all.at(-1)?.sessionId).not.toBe(scheduler.hellos.all[0]?.sessionId);
  });
});

describe('a worker that is frozen', () => {
  it.each([['waits', 'await new Promise(() => {});'], ['blocks its process', 'for (;;) {}']])('loses a task that %s before anyone else may call it lost', async (_, rest) => {
    const worker = await startWorker({ runnerFenceMs: 600, selfFenceMs: 600 });
    const grant = grantOf(scheduler.addBundle(bundleOf({ task: stubborn(rest) })), 'task');
    publish(worker, grant);
    const pids = await pidsIn(grant);
    worker.kill('SIGSTOP');
    await Promise.all(pids.map(gone));
    worker.kill('SIGCONT');
    // Awake again it begins a new session when it slept past its own fence, else it tells what became of the task; then it works on.
    const isAwake = (): boolean => scheduler.hellos.all.length > 1 || scheduler.completions.all.some((one) => one.attemptId === grant.attemptId);
    while (!isAwake()) await new Promise((resolve) => setImmediate(resolve));
    const next = grantOf(scheduler.addBundle(bundleOf({ again: '() => 1' })), 'again');
    publish(worker, next);
    expect(await scheduler.completions.find((one) => one.attemptId === next.attemptId)).toMatchObject({ outcome: 'success' });
    const told = scheduler.completions.all.filter((one) => one.attemptId === grant.attemptId).map((one) => one.outcome);
    expect(told.filter((outcome) => outcome !== 'failed')).toEqual([]);
  });
});

describe('a worker that is asked to end', () => {
  it('finishes what runs, with heartbeats until then, and takes nothing new', async () => {
    const worker = await startWorker({ drainGraceMs: 60_000 });
    const hash = scheduler.addBundle(bundleOf({ slow: `async ({ log, signal }) => { log.info('pids ' + process.pid); const { existsSync } = await import('node:fs'); while (!existsSync(${JSON.stringify(join(home, 'go'))})) await new Promise((resolve) => setTimeout(resolve, 5)); return 'done'; }`, other: '() => 1' }));
    const grant = grantOf(hash, 'slow');
    publish(worker, grant);
    await pidsIn(grant);
    worker.kill('SIGTERM');
    const beat = await scheduler.beats.find((one) => one.draining);
    expect(beat.running.map((one) => one.attemptId)).toEqual([grant.attemptId]);
    const late = grantOf(hash, 'other');
    publish(worker, late);
    const seen = scheduler.beats.all.length;
    await scheduler.beats.count(seen + 3);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(home, 'go'), '');
    expect(await scheduler.completions.find((one) => one.attemptId === grant.attemptId)).toMatchObject({ outcome: 'success', wantsMore: false });
    if (worker.exitCode === null) await new Promise((resolve) => worker.once('exit', resolve));
    expect([worker.exitCode, scheduler.claims.all.some((claim) => claim.attemptId === late.attemptId)]).toEqual([0, false]);
  });

  it('stops what does not end within the grace, and says so', async () => {
    const worker = await startWorker({ drainGraceMs: 100 });
    const grant = grantOf(scheduler.addBundle(bundleOf({ task: stubborn('await new Promise(() => {});') })), 'task');
    publish(worker, grant);
    const pids = await pidsIn(grant);
    worker.kill('SIGTERM');
    expect(await scheduler.completions.find((one) => one.attemptId === grant.attemptId)).toMatchObject({ outcome: 'failed', retryable: true, error: 'the worker was stopped before the task was done' });
    await Promise.all(pids.map(gone));
    if (worker.exitCode === null) await new Promise((resolve) => worker.once('exit', resolve));
    expect(worker.exitCode).toBe(0);
  });
});
