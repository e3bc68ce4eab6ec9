import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testDatabase } from '@millrace/test-services';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

const LIMIT_MS = 600_000;
const run = promisify(execFile);
/** Not where PostgreSQL runs in a container: then the guide's commands are nowhere to be run. */
const hasPgDump = await run('pg_dump', ['--version']).then(() => true, () => false);

const DAG = `import { existsSync } from 'node:fs';
import { chain, dag, task } from '@millrace/sdk';
import { LEDGER_FILE } from './ledger-file.js';
import { ledgered, sleep } from './ledgered.js';

dag('kept', { defaultArgs: { retries: 2, retryDelay: 0.2 } }, () => {
  const hold = task('hold', ledgered(async ({ runId, signal }) => {
    while (!existsSync(\`\${LEDGER_FILE}.\${runId}\`)) await sleep(20, signal);
  }));
  chain(task('first', ledgered(() => 'first'))(), hold(), task('last', ledgered(() => 'last'))());
});
`;

let constellation: Constellation;

beforeAll(async () => {
  constellation = await Constellation.start({
    label: 'backup', schedulers: 1, startTimeoutMs: 90_000, workers: [{ queues: ['default'], concurrency: 2 }], dags: [join(REPOSITORY_ROOT, 'test/dags/ledgered.ts')],
    settings: { 'scheduler.sweep_every_ms': 200, 'scheduler.lease_ttl_ms': 4_000, 'scheduler.beat_every_ms': 500, 'worker.self_fence_ms': 2_500 },
  });
  writeFileSync(join(constellation.dagsFolder, 'kept.ts'), DAG);
  await eventually('the dag to be published', async () => (await constellation.database.query('select 1 from dag where current_version_id is not null')).rows.length === 1);
}, LIMIT_MS);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
}, LIMIT_MS);

const trigger = (runId: string): Promise<unknown> => constellation.client.must('POST', '/api/v2/dags/kept/dagRuns', { dag_run_id: runId, logical_date: null });
const letGo = (runId: string): void => writeFileSync(`${constellation.ledgerFile}.${runId}`, '');
const begun = (runId: string): Promise<unknown> => eventually(`${runId} to begin`, () => constellation.ledger().some((line) => line.run === runId && line.task === 'hold' && line.event === 'start'));

/** The commands of docs/operators/backup-and-restore.md. */
describe.runIf(hasPgDump)('a backup', () => {
  it('that was made while runs were going on is restored into another database, and they go on there', { timeout: LIMIT_MS }, async () => {
    letGo('done-before');
    await trigger('done-before');
    await eventually('it to end', async () => (await constellation.client.run('kept', 'done-before')).state === 'success');
    await trigger('running-then');
    await begun('running-then');
    const dump = join(constellation.folder, 'millrace.dump');
    await run('pg_dump', ['--format=custom', `--file=${dump}`, constellation.databaseUrl]);
    await trigger('after-it');
    await begun('after-it');

    for (const name of constellation.serviceNames) await constellation.kill(name);
    await using restored = await testDatabase();
    await run('pg_restore', [`--dbname=${restored.url}`, '--exit-on-error', dump]);
    const { stdout } = await run(process.execPath, [join(REPOSITORY_ROOT, 'apps/cli/dist/main.js'), 'db', 'check'], { env: { PATH: process.env['PATH'] ?? '', MILLRACE_HOME: constellation.folder, MILLRACE__DATABASE__URL: restored.url } });
    expect(stdout).toMatch(/up to date/);

    for (const name of ['api', 'scheduler-1', 'worker-1', 'dag-processor']) await constellation.restart(name, { MILLRACE__DATABASE__URL: restored.url });
    const database = new pg.Client({ connectionString: restored.url });
    await database.connect();
    try {
      letGo('running-then');
      await eventually('what ran at the backup to end well', async () => (await database.query(`select 1 from dag_run where run_id = 'running-then' and state = 'success'`)).rows.length === 1, 120_000);
      const { rows: runs } = await database.query<{ run_id: string; state: string }>('select run_id, state from dag_run order by run_id');
      expect(runs, 'what was triggered after it is gone').toEqual([{ run_id: 'done-before', state: 'success' }, { run_id: 'running-then', state: 'success' }]);
      const { rows: tries } = await database.query<{ task_id: string; try_number: number }>(`select task_id, try_number from task_instance where run_id = 'running-then' order by task_id`);
      expect(tries).toEqual([{ task_id: 'first', try_number: 1 }, { task_id: 'hold', try_number: 2 }, { task_id: 'last', try_number: 1 }]);
      const { rows: [lost] } = await database.query<{ state: string; reason: string }>(`select state, reason from task_instance_history where run_id = 'running-then' and task_id = 'hold'`);
      expect(lost).toMatchObject({ state: 'lost', reason: expect.stringMatching(/^worker worker-1 was lost; .*may/) });
      const { rows: dags } = await database.query<{ dag_id: string; is_stale: boolean }>('select dag_id, is_stale from dag');
      expect(dags).toEqual([{ dag_id: 'kept', is_stale: false }]);
    } finally {
      await database.end();
      // They end before the database they are on.
      for (const name of ['dag-processor', 'worker-1', 'scheduler-1', 'api']) expect(await constellation.service(name).stop(60_000), name).toBe(0);
    }
  });
});
