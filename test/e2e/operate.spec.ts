import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

const DAGS = join(REPOSITORY_ROOT, 'test/dags');
const MAINTENANCE = '/api/millrace/v1/maintenance';
const LIMIT_MS = 180_000;

let constellation: Constellation;

beforeAll(async () => {
  constellation = await Constellation.start({
    label: 'operate', schedulers: 2, startTimeoutMs: 90_000,
    workers: [{ queues: ['default'], concurrency: 2 }, { queues: ['default'], concurrency: 2 }, { queues: ['default'], concurrency: 2 }],
    dags: ['ledgered.ts', 'held.ts'].map((file) => join(DAGS, file)),
    settings: { 'scheduler.sweep_every_ms': 200, 'scheduler.beat_every_ms': 500 },
  });
  await eventually('the dag to be published', async () => (await constellation.database.query('select 1 from dag where current_version_id is not null')).rows.length === 1);
}, LIMIT_MS);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
}, LIMIT_MS);

const trigger = (runId: string): Promise<unknown> => constellation.client.must('POST', '/api/v2/dags/held/dagRuns', { dag_run_id: runId, logical_date: null });
const letGo = (runId: string): void => writeFileSync(`${constellation.ledgerFile}.${runId}`, '');
const begun = (runId: string): Promise<unknown> => eventually(`${runId} to begin`, () => constellation.ledger().some((line) => line.run === runId && line.event === 'start'));
const ended = (runId: string): Promise<unknown> => eventually(`${runId} to end well`, async () => (await constellation.client.run('held', runId)).state === 'success');
const maintenance = (active?: boolean): Promise<Record<string, unknown>> => (active === undefined ? constellation.client.must('GET', MAINTENANCE) : constellation.client.must('PUT', MAINTENANCE, { active, reason: 'of the spec' }));
const ops = (name: string, path: string, init?: RequestInit): Promise<Response> => fetch(`http://127.0.0.1:${constellation.service(name).address.ops_port}${path}`, init);
const metric = async (name: string): Promise<number> => Number(/^millrace_maintenance\{[^}]*\} (\d)/m.exec(await (await ops(name, '/metrics')).text())?.[1] ?? Number.NaN);
const authorised = (): RequestInit => ({ method: 'POST', headers: { authorization: `Bearer ${constellation.internalToken}` } });
const workerOf = async (runId: string): Promise<string> => (await constellation.database.query<{ hostname: string }>(`select hostname from task_instance where run_id = $1 and task_id = 'hold'`, [runId])).rows[0]!.hostname;
const tries = async (runId: string): Promise<number[]> => (await constellation.client.instances('held', runId)).map((instance) => instance.try_number);
const gone = (name: string): Promise<unknown> => eventually(`${name} to end by itself`, () => !constellation.service(name).running);

describe('maintenance', () => {
  it('lets what runs finish, starts nothing, survives the death of every scheduler, and goes on when it is over', { timeout: LIMIT_MS }, async () => {
    await trigger('running');
    await begun('running');
    expect(await maintenance(true)).toMatchObject({ active: true, by: 'admin', reason: 'of the spec', running_tasks: 1, settled: false, changed: true });
    await trigger('waiting');
    for (const name of ['scheduler-1', 'scheduler-2']) {
      await constellation.kill(name);
      await constellation.restart(name);
    }
    await eventually('the metric of it', async () => (await metric('scheduler-1')) === 1);
    letGo('running');
    letGo('waiting');
    await eventually('what ran to end', async () => (await maintenance())['settled'] === true);
    await eventually('its successor to wait', async () => (await constellation.client.instances('held', 'running')).some((each) => each.task_id === 'after' && each.state === 'queued'));
    expect(await maintenance()).toMatchObject({ running_tasks: 0, queued_tasks: 1, queued_runs: 1, settled: true });
    const why = await constellation.client.must<{ reasons: { kind: string }[] }>('GET', '/api/millrace/v1/dags/held/dagRuns/waiting/why');
    expect(why.reasons[0]!.kind).toBe('maintenance');
    expect((await constellation.client.must<{ maintenance: object }>('GET', '/api/millrace/v1/ui/home')).maintenance).toMatchObject({ active: true, reason: 'of the spec' });
    expect(constellation.ledger().filter((line) => line.run === 'waiting' || line.task === 'after')).toEqual([]);
    expect(await maintenance(false)).toMatchObject({ active: false, settled: false });
    await ended('running');
    await ended('waiting');
    expect([await tries('running'), await tries('waiting')]).toEqual([[1, 1], [1, 1]]);
    const { rows } = await constellation.database.query(`select event, actor from audit_log where event like 'maintenance%' order by id`);
    expect(rows).toEqual([{ event: 'maintenance_on', actor: 'admin' }, { event: 'maintenance_off', actor: 'admin' }]);
  });
});

describe('a drain', () => {
  it('through the api empties a worker that finishes its task and ends with 0, while others take what comes', { timeout: LIMIT_MS }, async () => {
    await trigger('drained');
    await begun('drained');
    const name = await workerOf('drained');
    const asked = await constellation.client.must<{ workers: object[] }>('POST', `/api/millrace/v1/workers/${name}/drain`, {});
    expect(asked.workers).toMatchObject([{ worker_name: name, drain_asked_by: 'admin' }]);
    await eventually('the worker to drain', async () => (await constellation.client.must<{ workers: object[] }>('GET', `/api/millrace/v1/workers?state=draining`)).workers.length === 1);
    expect((await ops(name, '/readyz')).status).toBe(503);
    expect((await ops(name, '/livez')).status).toBe(200);
    await trigger('elsewhere');
    await begun('elsewhere');
    expect(await workerOf('elsewhere')).not.toBe(name);
    letGo('drained');
    letGo('elsewhere');
    await gone(name);
    expect(await constellation.service(name).stop()).toBe(0);
    await ended('drained');
    await ended('elsewhere');
    expect(await tries('drained')).toEqual([1, 1]);
    await constellation.restart(name);
  });

  it('by POST /drain needs the internal token, and does the same', { timeout: LIMIT_MS }, async () => {
    await trigger('posted');
    await begun('posted');
    const name = await workerOf('posted');
    for (const init of [{ method: 'POST' }, { method: 'POST', headers: { authorization: 'Bearer wrong' } }]) expect((await ops(name, '/drain', init)).status).toBe(401);
    expect((await ops(name, '/drain')).status).toBe(405);
    const answer = await ops(name, '/drain', authorised());
    expect([answer.status, await answer.json()]).toMatchObject([202, { status: 'draining', running: 1 }]);
    await eventually('the worker to say so', async () => (await ops(name, '/readyz')).status === 503);
    letGo('posted');
    await gone(name);
    expect(await constellation.service(name).stop()).toBe(0);
    await ended('posted');
    expect(await tries('posted')).toEqual([1, 1]);
    await constellation.restart(name);
  });

  it('of a scheduler leaves its runs to the others', { timeout: LIMIT_MS }, async () => {
    await Promise.all(['one', 'two', 'three', 'four'].map(trigger));
    await begun('one');
    expect((await ops('scheduler-1', '/drain', { method: 'POST' })).status).toBe(401);
    expect((await ops('scheduler-1', '/drain', authorised())).status).toBe(202);
    await gone('scheduler-1');
    expect(await constellation.service('scheduler-1').stop()).toBe(0);
    for (const run of ['one', 'two', 'three', 'four']) letGo(run);
    for (const run of ['one', 'two', 'three', 'four']) await ended(run);
    expect((await Promise.all(['one', 'two', 'three', 'four'].map(tries))).flat()).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    await constellation.restart('scheduler-1');
  });
});
