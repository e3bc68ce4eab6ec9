import { randomUUID } from 'node:crypto';
import { dagDocumentSchema } from '@millrace/contracts';
import { compilePlan, createRun, decide, type PlanSource, type RunEvent } from '@millrace/engine';
import { migrate } from '@millrace/persistence';
import { testDatabase, type TestDatabase } from '@millrace/test-services';
import type { RunId } from '@millrace/vocabulary';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPromises } from './check.js';
import { observe } from './observe.js';

/** The reading half of the checker against the real schema: what is planted by SQL must come out as a violation. */
describe('observe', () => {
  let own: TestDatabase;
  let database: pg.Client;
  const [version, session] = [randomUUID(), randomUUID()];
  const createdAt = 1_700_000_000_000;
  const { run, instance, attempt, decisions } = decidedRun(createdAt);

  beforeAll(async () => {
    own = await testDatabase();
    await migrate(own.url);
    database = new pg.Client({ connectionString: own.url });
    await database.connect();
    const document = dagDocumentSchema.parse({ format: 1, dagId: 'etl', tasks: [{ taskId: 'only', operator: 'Fn' }] });
    await database.query(`insert into dag_bundle (name) values ('dags')`);
    await database.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('etl', 'dags', 'etl.ts', '/etl.ts')`);
    await database.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values ($1, 'etl', 1, 'x', 'dags', $2)`, [version, document]);
    await database.query(
      `insert into dag_run (id, dag_id, run_id, dag_version_id, state, version, run_type, triggered_by, run_after, queued_at)
       values ($1, 'etl', 'one', $2, 'success', 2, 'manual', 'rest_api', now(), to_timestamp($3::float8 / 1000))`, [run, version, createdAt]);
    for (const [i, decision] of decisions.entries()) await database.query('insert into run_decision (dag_run_id, version, decided_at, events) values ($1, $2, now(), $3)', [run, i + 1, JSON.stringify(decision)]);
    await database.query(`insert into worker_session (id, worker_name, log_host, log_port, queues, slots, pid, lease_expires_at) values ($1, 'w', 'h', 1, '{default}', 4, 4242, now() + interval '1 minute')`, [session]);
    await database.query(
      `insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, state, try_number, attempt_id, attempt_seq, claim_token, session_id, operator, queued_at, start_date, end_date)
       values ($1, $2, 'etl', 'one', 'only', 'success', 1, $3, 1, $4, $5, 'Fn', now(), now(), now())`, [instance, run, attempt, randomUUID(), session]);
    await database.query(`insert into audit_log (event, dag_id, run_id, actor) values ('trigger_dag_run', 'etl', 'one', 'admin')`);
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
    { promise: 12, plant: `insert into outbox (id, dag_run_id, kind, payload) values ('${randomUUID()}', '${run}', 'callback', '{}')`, mend: `delete from outbox` },
    { promise: 13, plant: `update audit_log set run_id = 'other'`, mend: `update audit_log set run_id = 'one'` },
    { promise: 15, plant: `with a as (insert into asset (name, uri) values ('only_asset', 'x') returning id), v as (update dag_version set document = jsonb_set(document, '{tasks,0,outlets}', '[{"name":"only_asset","uri":"x"}]')) insert into asset_event (asset_id, source_dag_id, source_run_id, source_task_id) select id, 'etl', 'other', 'only' from a`, mend: `with v as (update dag_version set document = document #- '{tasks,0,outlets}'), e as (delete from asset_event) delete from asset_event` },
    { promise: 16, plant: `insert into callback (id, dag_id, dag_run_id, kind, state) values ('${randomUUID()}', 'etl', '${run}', 'success', 'success')`, mend: `delete from callback` },
    { promise: 2, plant: `update task_instance set state = 'queued'`, mend: `update task_instance set state = 'success'` },
    { promise: 4, plant: `update task_instance set claim_token = null`, mend: `update task_instance set claim_token = '${randomUUID()}'` },
    { promise: 6, plant: `update task_instance set attempt_id = '${randomUUID()}'`, mend: `update task_instance set attempt_id = '${attempt}'` },
    { promise: 8, plant: `update task_instance set try_number = 3`, mend: `update task_instance set try_number = 1` },
    { promise: 9, plant: `update worker_session set slots = 0`, mend: `update worker_session set slots = 4` },
    { promise: 11, plant: `update run_decision set version = version + 1`, mend: `update run_decision set version = version - 1` },
    { promise: 12, plant: `insert into run_event (id, dag_run_id, kind, payload) values ('${randomUUID()}', '${run}', 'finished', '{}')`, mend: 'delete from run_event' },
    { promise: 12, plant: `insert into timer (id, dag_run_id, kind, due_at) values ('${randomUUID()}', '${run}', 'retry', now())`, mend: 'delete from timer' },
    { promise: 12, plant: `update worker_session set pid = 1, lease_expires_at = now() - interval '1 second'`, mend: `update worker_session set pid = 4242, lease_expires_at = now() + interval '1 minute'` },
  ])('promise $promise: sees "$plant"', async ({ promise, plant, mend }) => {
    // Some of what is planted the database itself would refuse.
    await database.query('alter table task_instance disable trigger instance_arrows');
    await database.query(plant);
    const found = checkPromises(await look());
    await database.query(mend);
    expect(found.map((violation) => violation.promise)).toContain(promise);
    expect(checkPromises(await look())).toEqual([]);
  });
});

/** A run of one task, as the engine decides it: the stored rows must agree with its replay. */
function decidedRun(createdAtMs: number): { run: string; instance: string; attempt: string; decisions: { now: number; events: RunEvent[] }[] } {
  const run = randomUUID();
  const compiled = compilePlan(dagDocumentSchema.parse({ format: 1, dagId: 'etl', tasks: [{ taskId: 'only', operator: 'Fn' }] }) as PlanSource);
  if (!compiled.ok) throw new Error('the plan of this spec is wrong');
  const state = createRun(compiled.plan, { id: run as RunId, createdAtMs, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null });
  const started: { now: number; events: RunEvent[] } = { now: createdAtMs + 10, events: [{ type: 'started' }] };
  decide(state, started.events, started.now);
  const only = [...state.instances.values()][0]!;
  const attempt = only.attemptId!;
  const finished: RunEvent = { type: 'finished', instanceId: only.id, attemptId: attempt, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '' };
  return { run, instance: only.id, attempt, decisions: [started, { now: createdAtMs + 20, events: [finished] }] };
}
