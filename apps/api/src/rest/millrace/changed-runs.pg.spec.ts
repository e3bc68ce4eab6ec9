import { ChangedRunsReader } from '@millrace/persistence';
import { migratedDatabase } from '@millrace/persistence/testing';
import { createLogger } from '@millrace/telemetry';
import type { LiveUpdate } from '@millrace/live-updates';
import { expect, it, vi } from 'vitest';
import { ChangedRuns } from './changed-runs.js';

const RUN = '0199a000-0000-7000-8000-000000000001';
const OTHER = '0199a000-0000-7000-8000-000000000002';
const WAIT = { timeout: 60_000, interval: 50 };

it('tells of each decision once, and only while it is needed', async () => {
  await using migrated = await migratedDatabase();
  const { pool } = migrated.database;
  const told: LiveUpdate[] = [];
  let isNeeded = false;
  let asked = 0;
  const changes = new ChangedRuns(new ChangedRunsReader(pool), () => (asked++, isNeeded), (update) => told.push(update), createLogger({ service: 'spec', level: 'error', format: 'json' }));
  const decide = (id: string, version: number, state: string): Promise<unknown> =>
    pool.query(`with run as (update dag_run set state = $3, version = $2::bigint where id = $1 returning id) insert into run_decision (dag_run_id, version, decided_at, events) select id, $2::bigint, now(), '[]' from run`, [id, version, state]);
  await pool.query(`insert into dag_bundle (name) values ('dags') on conflict do nothing`);
  await pool.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('etl', 'dags', 'etl.ts', '/dags/etl.ts')`);
  const { rows: [made] } = await pool.query<{ id: string }>(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values (gen_random_uuid(), 'etl', 1, 'h', 'dags', '{}') returning id`);
  for (const [at, id] of [RUN, OTHER].entries()) await pool.query(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after) values ($1, 'etl', $2, $3, 'queued', 'manual', 'rest_api', now())`, [id, `run ${at + 1}`, made!.id]);

  changes.start();
  try {
    await decide(OTHER, 1, 'running');
    await vi.waitFor(() => expect(asked).toBeGreaterThan(0), WAIT);
    expect(told).toEqual([]);
    isNeeded = true;
    await decide(RUN, 1, 'running');
    await vi.waitFor(() => expect(told.filter((one) => one.runId === 'run 1')).toMatchObject([{ kind: 'run', dagId: 'etl', state: 'running' }]), WAIT);
    await decide(RUN, 2, 'success');
    await vi.waitFor(() => expect(told.filter((one) => one.runId === 'run 1').map((one) => one.state)).toEqual(['running', 'success']), WAIT);
    const before = asked;
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before + 1), WAIT);
    expect(told.filter((one) => one.runId === 'run 1')).toHaveLength(2);
  } finally {
    changes.stop();
  }
}, 120_000);
