import { randomUUID } from 'node:crypto';
import { migrate } from '@millrace/persistence';
import { testDatabase, type TestDatabase } from '@millrace/test-services';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPromises } from './check.js';
import { observe } from './observe.js';

/** The reading half of the checker against the real schema: what is planted by SQL must come out as a violation. */
describe('observe', () => {
  let own: TestDatabase;
  let database: pg.Client;
  const [version, run, instance, attempt, session] = [randomUUID(), randomUUID(), randomUUID(), randomUUID(), randomUUID()];

  beforeAll(async () => {
    own = await testDatabase();
    await migrate(own.url);
    database = new pg.Client({ connectionString: own.url });
    await database.connect();
    const document = { maxActiveTasks: 16, tasks: [{ taskId: 'only', upstream: [], triggerRule: 'all_success', retries: 0, expand: null }] };
    await database.query(`insert into dag_bundle (name) values ('dags')`);
    await database.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('etl', 'dags', 'etl.ts', '/etl.ts')`);
    await database.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values ($1, 'etl', 1, 'x', 'dags', $2)`, [version, document]);
    await database.query(
      `insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after) values ($1, 'etl', 'one', $2, 'success', 'manual', 'rest_api', now())`, [run, version]);
    await database.query(`insert into worker_session (id, worker_name, log_host, log_port, queues, slots, pid, lease_expires_at) values ($1, 'w', 'h', 1, '{default}', 4, 4242, now() + interval '1 minute')`, [session]);
    await database.query(
      `insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, attempt_id, attempt_seq, claim_token, session_id, operator, queued_at, start_date, end_date)
       values ($1, $2, 'etl', 'one', 'only', 'success', 1, $3, 1, $4, $5, 'Fn', now(), now(), now())`, [instance, run, attempt, randomUUID(), session]);
  });
  afterAll(async () => {
    await database?.end();
    await own?.[Symbol.asyncDispose]();
  });

  const lines = ['start', 'end'].map((event, i) => ({
    event: event as 'start' | 'end', attempt, fence: 1, dag: 'etl', run: 'one', task: 'only', index: [], try: 1, pid: 1, ns: String(i + 1), ...(event === 'end' ? { ok: true } : {}),
  }));
  const look = () => observe(database, {
    ledger: lines, journal: [{ action: 'trigger', dagId: 'etl', runId: 'one', answer: 'done', detail: '200' }], liveWorkerPids: new Set([4242]), deadLetters: 0, queuedMessages: 0,
  });

  it('reads a lawful database as lawful', async () => {
    expect(checkPromises(await look())).toEqual([]);
  });

  it.each([
    { promise: 1, plant: `update dag_run set run_id = 'other'`, mend: `update dag_run set run_id = 'one'` },
    { promise: 2, plant: `update task_instance set state = 'queued'`, mend: `update task_instance set state = 'success'` },
    { promise: 4, plant: `update task_instance set claim_token = null`, mend: `update task_instance set claim_token = '${randomUUID()}'` },
    { promise: 6, plant: `update task_instance set attempt_id = '${randomUUID()}'`, mend: `update task_instance set attempt_id = '${attempt}'` },
    { promise: 8, plant: `update task_instance set try_number = 3`, mend: `update task_instance set try_number = 1` },
    { promise: 9, plant: `update worker_session set slots = 0`, mend: `update worker_session set slots = 4` },
    { promise: 12, plant: `insert into run_event (id, dag_run_id, kind, payload) values ('${randomUUID()}', '${run}', 'finished', '{}')`, mend: 'delete from run_event' },
    { promise: 12, plant: `insert into timer (id, dag_run_id, kind, due_at) values ('${randomUUID()}', '${run}', 'retry', now())`, mend: 'delete from timer' },
    { promise: 12, plant: `update worker_session set pid = 1, lease_expires_at = now() - interval '1 second'`, mend: `update worker_session set pid = 4242, lease_expires_at = now() + interval '1 minute'` },
  ])('promise $promise: sees "$plant"', async ({ promise, plant, mend }) => {
    await database.query(plant);
    const found = checkPromises(await look());
    await database.query(mend);
    expect(found.map((violation) => violation.promise)).toContain(promise);
    expect(checkPromises(await look())).toEqual([]);
  });
});
