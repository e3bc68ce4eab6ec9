import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { checkPromises } from '../oracle/check.js';

const DAGS = join(REPOSITORY_ROOT, 'test/dags');

/** A dag file becomes a finished run across real processes; the sweeper alone must carry all of it too. */
describe.each([
  { name: 'with the doorbell', doorbell: true },
  { name: 'with the doorbell cut', doorbell: false },
])('the path, $name', ({ doorbell }) => {
  let constellation: Constellation;

  beforeAll(async () => {
    constellation = await Constellation.start({
      label: doorbell ? 'e2e' : 'e2e_nobell',
      schedulers: 2,
      // worker-1 shares its disk with a log-server, worker-2 with nobody, the api with neither.
      workers: [{ queues: ['default'], concurrency: 4, host: 'a' }, { queues: ['other'], concurrency: 4, host: 'b' }],
      logServers: ['a'],
      dags: ['ledgered.ts', 'path.ts', 'process-tree.ts'].map((file) => join(DAGS, file)),
      settings: { 'scheduler.doorbell': doorbell, 'scheduler.sweep_every_ms': 200, 'worker.kill_grace_ms': 500 },
    });
    await eventually('the dags to be published', async () => {
      const { rows } = await constellation.database.query('select dag_id from dag where current_version_id is not null');
      return rows.length >= 6;
    });
  }, 120_000);
  afterAll(async () => {
    if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
  }, 120_000);

  const ended = (dagId: string, runId: string): Promise<string> => eventually(`${dagId}/${runId} to end`, async () => {
    const { state } = await constellation.client.run(dagId, runId);
    return state === 'success' || state === 'failed' ? state : null;
  }).catch(async (error: unknown) => {
    const instances = await constellation.client.instances(dagId, runId);
    throw new Error(`${String(error)}; instances: ${instances.map((instance) => `${instance.task_id} ${instance.state} try ${instance.try_number}`).join(', ')}`);
  });
  const states = async (dagId: string, runId: string): Promise<Record<string, string | null>> =>
    Object.fromEntries((await constellation.client.instances(dagId, runId)).map((instance) => [instance.task_id, instance.state]));
  const running = (dagId: string, runId: string, taskId: string): Promise<unknown> => eventually(`${taskId} of ${dagId}/${runId} to have started`, () =>
    constellation.ledger().some((line) => line.event === 'start' && line.dag === dagId && line.run === runId && line.task === taskId));

  it('runs a diamond over two queues and hands values on', async () => {
    expect(await constellation.client.trigger('diamond', 'one')).toBe('done');
    expect(await ended('diamond', 'one')).toBe('success');
    expect(await states('diamond', 'one')).toEqual({ extract: 'success', left: 'success', right: 'success', join: 'success' });
    const xcom = await constellation.client.must('GET', '/api/v2/dags/diamond/dagRuns/one/taskInstances/join/xcomEntries/return_value?deserialize=true');
    expect(xcom['value']).toBe(22);
    const { rows } = await constellation.database.query<{ worker_name: string }>(
      `select s.worker_name from task_instance i join worker_session s on s.id = i.session_id where i.run_id = 'one' and i.task_id = 'left'`);
    expect(rows).toEqual([{ worker_name: 'worker-2' }]);
  });

  it('answers a second trigger of the same run id with 409', async () => {
    const answer = await constellation.client.call('POST', '/api/v2/dags/diamond/dagRuns', { dag_run_id: 'one', logical_date: null });
    expect(answer.status).toBe(409);
  });

  it('fetches a log from a worker whose disk is not the api’s', async () => {
    const log = await constellation.client.log('diamond', 'one', 'left', 1);
    expect(log).toContain('left runs on the other queue');
    expect(log).toMatch(/\*\*\* Log file isn't local/);
    expect(log).toMatch(/\*\*\* Fetching here: http:\/\/127\.0\.0\.1:\d+/);
  });

  it('fetches the log from the log-server when the worker is gone', async () => {
    expect(await constellation.client.log('diamond', 'one', 'extract', 1)).toContain('extracting seven rows');
    await constellation.kill('worker-1');
    const log = await constellation.client.log('diamond', 'one', 'extract', 1);
    await constellation.restart('worker-1');
    expect(log).toContain('extracting seven rows');
    expect(log).toMatch(/\*\*\* Failed to fetch/);
  });

  it('retries', async () => {
    await constellation.client.trigger('flaky', 'one');
    expect(await ended('flaky', 'one')).toBe('success');
    const tries = await constellation.client.must<{ task_instances: { try_number: number; state: string }[] }>('GET', '/api/v2/dags/flaky/dagRuns/one/taskInstances/wobble/tries');
    expect(tries.task_instances.map(({ try_number, state }) => [try_number, state])).toEqual([[1, 'failed'], [2, 'success']]);
    expect(await constellation.client.log('flaky', 'one', 'wobble', 1)).toContain('the first try fails on purpose');
  });

  it('fails without retry, and lets the trigger rules speak', async () => {
    await constellation.client.trigger('failing', 'one');
    expect(await ended('failing', 'one')).toBe('failed');
    expect(await states('failing', 'one')).toEqual({ broken: 'failed', never: 'upstream_failed', always: 'success' });
    expect((await constellation.client.instances('failing', 'one')).find((instance) => instance.task_id === 'broken')?.try_number).toBe(1);
  });

  it('kills the whole process tree of a task out of time', async () => {
    await constellation.client.trigger('stubborn', 'one');
    expect(await ended('stubborn', 'one')).toBe('failed');
    const pids = [`${constellation.ledgerFile}.one.pids`, `${constellation.ledgerFile}.one.runner`].flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').map(Number));
    expect(pids).toHaveLength(3);
    await eventually('runner, child and grandchild to be gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/cwd`) || !alive(pid)));
  });

  it('backfills a range of dates', async () => {
    const created = await constellation.client.must<{ id: number }>('POST', '/api/v2/backfills', {
      dag_id: 'daily', from_date: '2026-02-01T00:00:00Z', to_date: '2026-02-03T00:00:00Z', run_backwards: false, dag_run_conf: {}, reprocess_behavior: 'none', max_active_runs: 2,
    });
    await eventually('the backfill to complete', async () => (await constellation.client.must('GET', `/api/v2/backfills/${created.id}`))['completed_at'] !== null);
    const { rows } = await constellation.database.query<{ day: string; state: string }>(
      `select to_char(logical_date at time zone 'UTC', 'YYYY-MM-DD') as day, state from dag_run where dag_id = 'daily' and run_type = 'backfill' order by logical_date`);
    expect(rows).toEqual(['2026-02-01', '2026-02-02', '2026-02-03'].map((day) => ({ day, state: 'success' })));
  });

  it('clears a finished run and runs it again', async () => {
    await constellation.client.trigger('diamond', 'again');
    await ended('diamond', 'again');
    expect(await constellation.client.clear('diamond', 'again', { task_ids: ['right'], include_downstream: true })).toBe('done');
    await eventually('the second tries to end', async () => {
      const instances = await constellation.client.instances('diamond', 'again');
      return instances.filter((instance) => instance.try_number === 2 && instance.state === 'success').length === 2;
    });
    expect(await ended('diamond', 'again')).toBe('success');
  });

  it('stops a running task that is marked, and goes on', async () => {
    await constellation.client.trigger('endless', 'one');
    await running('endless', 'one', 'hang');
    expect(await constellation.client.mark('endless', 'one', 'hang', 'success')).toBe('done');
    expect(await ended('endless', 'one')).toBe('success');
    await eventually('the marked task to be stopped', () => {
      const start = constellation.ledger().find((line) => line.dag === 'endless' && line.run === 'one' && line.task === 'hang');
      return start !== undefined && (constellation.ledger().some((line) => line.attempt === start.attempt && line.event !== 'start') || !alive(start.pid));
    });
  });

  it('clears a running task: it stops, and runs again', async () => {
    await constellation.client.trigger('endless', 'two');
    await running('endless', 'two', 'hang');
    await constellation.client.clear('endless', 'two', { task_ids: ['hang'] });
    await eventually('the second attempt to start', () => new Set(constellation.ledger().filter((line) => line.run === 'two' && line.task === 'hang' && line.event === 'start').map((line) => line.attempt)).size === 2);
    await constellation.client.mark('endless', 'two', 'hang', 'failed');
    expect(await ended('endless', 'two')).toBe('failed');
  });

  it('keeps the last good version of a file that breaks', async () => {
    const file = join(constellation.dagsFolder, 'path.ts');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, `${good}\nconst half = (;\n`);
    const error = await eventually('the import error', async () => {
      const { import_errors: errors } = await constellation.client.must<{ import_errors: { filename: string; stack_trace: string }[] }>('GET', '/api/v2/importErrors');
      return errors.find((each) => each.filename.endsWith('path.ts'));
    });
    expect(error.stack_trace).toMatch(/path\.ts:\d+/);
    // A new run takes the last good version, and what exists goes on with the version it has.
    await constellation.client.trigger('diamond', 'meanwhile');
    expect(await ended('diamond', 'meanwhile')).toBe('success');
    await constellation.client.clear('diamond', 'one', { task_ids: ['join'] });
    await eventually('the cleared task to run again', async () => (await constellation.client.instances('diamond', 'one')).some((instance) => instance.task_id === 'join' && instance.try_number === 2 && instance.state === 'success'));
    await constellation.client.trigger('stubborn', 'two');
    expect(await ended('stubborn', 'two')).toBe('failed');
    writeFileSync(file, good);
    await eventually('the import error to go', async () => (await constellation.client.must('GET', '/api/v2/importErrors'))['total_entries'] === 0);
  });

  it('kept its promises', async () => {
    // The schedule makes runs of its own: they too must end.
    const observed = await eventually('every run to end and no message to wait', async () => {
      const now = await constellation.observe();
      const isOver = now.runs.every((run) => run.state === 'success' || run.state === 'failed');
      return isOver && now.leftovers.queuedMessages === 0 && now.leftovers.unappliedEvents === 0 ? now : null;
    });
    expect(checkPromises(observed)).toEqual([]);
  });
});

function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
