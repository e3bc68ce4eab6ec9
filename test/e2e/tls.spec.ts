import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { certificatesOf } from './certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-e2e-tls-'));
let constellation: Constellation;
beforeAll(async () => {
  const ours = certificatesOf(folder, 'ours');
  constellation = await Constellation.start({
    label: 'e2e_tls',
    schedulers: 1,
    workers: [{ queues: ['default', 'other'], concurrency: 4 }, { queues: ['strangers'], concurrency: 1, settings: certificatesOf(folder, 'theirs') }],
    dags: ['ledgered.ts', 'path.ts'].map((file) => join(REPOSITORY_ROOT, 'test/dags', file)),
    settings: ours,
  });
  await eventually('the dags to be published', async () => (await constellation.database.query(`select from dag where dag_id = 'diamond' and current_version_id is not null`)).rowCount === 1);
}, 120_000);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

it('a worker of the same authority runs tasks, and the api reads their log from it over TLS', async () => {
  expect(await constellation.client.trigger('diamond', 'one')).toBe('done');
  await eventually('the run to succeed', async () => (await constellation.client.run('diamond', 'one')).state === 'success');
  const log = await constellation.client.log('diamond', 'one', 'left', 1);
  expect(log).toContain('left runs on the other queue');
  expect(log).toMatch(/\*\*\* Fetching here: https:\/\/127\.0\.0\.1:\d+/);
}, 120_000);

it('a worker of another authority gets no session, and says why', async () => {
  const said = (): string => readFileSync(join(constellation.logsFolder, 'worker-2.jsonl'), 'utf8');
  await eventually('the worker to say that it is refused', () => /a scheduler cannot be reached.*certificate/.test(said()));
  const { rows } = await constellation.database.query<{ worker_name: string }>('select distinct worker_name from worker_session');
  expect(rows).toEqual([{ worker_name: 'worker-1' }]);
}, 120_000);
