import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pendingMigrations } from '@millrace/persistence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation, migrateWith } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { checkPromises } from '../oracle/check.js';
import { readSchema } from './schema.js';

const PREVIOUS = process.env['MILLRACE_PREVIOUS_BUILD'];
const DAGS = ['load_chain', 'load_fan', 'load_flaky', 'load_long'];
const ROUNDS = 4;
const LIMIT_MS = 600_000;

if (PREVIOUS === undefined) throw new Error('MILLRACE_PREVIOUS_BUILD names no build: node test/upgrade/run.mjs COMMIT');

let constellation: Constellation;
let round = 0;

beforeAll(async () => {
  constellation = await Constellation.start({
    label: 'upgrade', build: PREVIOUS, schedulers: 2, logServers: ['host'], startTimeoutMs: 120_000,
    workers: [1, 2].map(() => ({ queues: ['default', 'other'], concurrency: 4, host: 'host' })),
    // What the previous build can read, this one must too.
    dags: ['mixed-load.ts', 'ledgered.ts', 'told.ts'].map((file) => join(PREVIOUS, 'test/dags', file)).filter(existsSync),
  });
  await published();
}, LIMIT_MS);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
}, LIMIT_MS);

const published = (): Promise<unknown> => eventually('the dags to be published', async () => (await constellation.database.query(`select 1 from dag where dag_id = any($1) and current_version_id is not null`, [DAGS])).rows.length === DAGS.length);

/** Runs of every dag go on while `change` happens; all of them must end well, without an attempt that was not theirs. */
async function under(change: () => Promise<unknown>): Promise<void> {
  const stage = ++round;
  const runs: [string, string][] = [];
  let over = false;
  const load = (async () => {
    for (let n = 0; n < ROUNDS || !over; n++) {
      await Promise.all(DAGS.map(async (dagId) => {
        const runId = `stage-${stage}-${n}`;
        // The api itself is replaced too: whoever gets no answer asks again, for the same run.
        await eventually(`${dagId}/${runId} to be taken`, async () => {
          const answer = await constellation.client.trigger(dagId, runId);
          return answer === 'done' || (await constellation.database.query('select 1 from dag_run where dag_id = $1 and run_id = $2', [dagId, runId])).rows.length === 1;
        }, 120_000);
        runs.push([dagId, runId]);
      }));
      await eventually('the load to get on', async () => (await constellation.database.query(`select count(*)::int as n from dag_run where state in ('queued', 'running')`)).rows[0].n < 12, 120_000);
    }
  })();
  try {
    await change();
  } finally {
    over = true;
    await load;
  }
  await eventually(`all runs of stage ${stage} to end`, async () => (await constellation.database.query(`select 1 from dag_run where run_id like $1 and state in ('queued', 'running')`, [`stage-${stage}-%`])).rows.length === 0, 180_000);
  const { rows } = await constellation.database.query<{ dag_id: string; run_id: string; task_id: string; state: string; try_number: number; reason: string | null }>(
    `select t.dag_id, t.run_id, t.task_id, t.state, t.try_number, t.reason from task_instance t where t.run_id like $1 and (t.state <> 'success' or t.try_number <> case when t.task_id = 'wobble' then 2 else 1 end)`, [`stage-${stage}-%`]);
  expect(rows).toEqual([]);
  expect(runs.length).toBeGreaterThanOrEqual(DAGS.length * ROUNDS);
}

const buildOf = (name: string): string => readFileSync(`/proc/${constellation.service(name).pid}/cmdline`, 'utf8');

/** In good order, as a rolling update does it. */
async function roll(name: string, build: string): Promise<void> {
  expect(await constellation.service(name).stop(120_000), name).toBe(0);
  constellation.useBuild(name, build);
  await constellation.restart(name);
  expect(buildOf(name)).toContain(`${build}/apps/`);
}

describe('the previous build and this one', () => {
  const stages: [string, () => Promise<unknown>][] = [
    ['the previous build alone', async () => {
      for (const name of constellation.serviceNames) expect(buildOf(name)).toContain(`${PREVIOUS}/apps/`);
      if (process.env['MILLRACE_RECORD_SCHEMA'] === '1') writeFileSync(join(import.meta.dirname, 'previous-schema.json'), `${JSON.stringify(await readSchema(constellation.database), null, 1)}\n`);
      // Else nothing of the schema would be tried here; two builds with the same one are still worth a run.
      console.log(`migrations of this build that the previous one has not: ${(await pendingMigrations(constellation.databaseUrl)).join(', ') || 'none'}`);
    }],
    ['migrations of this build under services of the previous one', async () => {
      await migrateWith(REPOSITORY_ROOT, constellation.databaseUrl);
      expect(await pendingMigrations(constellation.databaseUrl)).toEqual([]);
    }],
    ['a scheduler of each', () => roll('scheduler-1', REPOSITORY_ROOT)],
    ['and a worker of each', () => roll('worker-1', REPOSITORY_ROOT)],
    ['and this build’s api', () => roll('api', REPOSITORY_ROOT)],
    ['and this build’s dag-processor and log-server', async () => {
      await roll('dag-processor', REPOSITORY_ROOT);
      await roll('log-server-host', REPOSITORY_ROOT);
      await published();
    }],
    ['the scheduler rolled back, on the new schema', () => roll('scheduler-1', PREVIOUS!)],
    ['everything but one worker is this build', async () => {
      await roll('scheduler-1', REPOSITORY_ROOT);
      await roll('scheduler-2', REPOSITORY_ROOT);
    }],
    ['this build alone', () => roll('worker-2', REPOSITORY_ROOT)],
  ];
  for (const [title, change] of stages) it(title, () => under(change), LIMIT_MS);

  it('kept every promise, and logged no error', { timeout: LIMIT_MS }, async () => {
    // Whatever has a schedule would end tasks between the look at the ledger and the look at the database.
    await constellation.client.must('PATCH', '/api/v2/dags/load_ticks', { is_paused: true });
    await eventually('everything to end', async () => (await constellation.database.query(`select 1 from dag_run where state = 'running'`)).rows.length === 0, 120_000);
    await constellation.database.query(`delete from dag_run where state = 'queued'`);
    const observed = await constellation.observe();
    console.log(`${observed.runs?.length ?? 0} runs, ${observed.ledger.length} lines in the ledger`);
    // A replay decides again with this build what the previous one decided: rules may have been mended in between.
    expect(checkPromises(observed).filter(({ promise }) => promise !== 11)).toEqual([]);
    const errors = readdirSync(constellation.logsFolder).flatMap((file) => readFileSync(join(constellation.logsFolder, file), 'utf8').split('\n').filter((line) => line.includes('"level":"error"')).map((line) => `${file}: ${line.slice(0, 400)}`));
    expect(errors).toEqual([]);
  });
});
