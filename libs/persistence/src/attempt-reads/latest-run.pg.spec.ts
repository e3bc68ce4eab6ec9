import { expect, it } from 'vitest';
import { migratedDatabase } from '../testing/migrated-database.js';
import { AttemptReads } from './attempt-reads.js';

const VERSION = '01890000-0000-7000-8000-00000000000a';

it('is the newest its schedule has asked for by now, made or not', async () => {
  await using migrated = await migratedDatabase();
  const { pool } = migrated.database;
  await pool.query(`insert into dag_bundle (name) values ('b')`);
  await pool.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('d', 'b', 'd.ts', 'd.ts'), ('other', 'b', 'o.ts', 'o.ts')`);
  await pool.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values ($1, 'd', 1, 'x', 'b', '{}')`, [VERSION]);
  const run = (runId: string, type: string, after: string): Promise<unknown> =>
    pool.query(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after) values (gen_random_uuid(), 'd', $1, $2, 'running', $3, 'timetable', now() + $4::interval)`, [runId, VERSION, type, after]);
  await run('old', 'scheduled', '-2 days');
  await run('new', 'scheduled', '-1 day');
  await run('again', 'backfill', '-3 days');
  await run('by hand', 'manual', '-9 days');
  const reads = new AttemptReads(migrated.database);
  const latest = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const runId of ['old', 'new', 'again', 'by hand']) if (await reads.isLatestRun('d', runId)) found.push(runId);
    return found;
  };
  expect(await latest()).toEqual(['new', 'by hand']);
  // One is due and could not be made yet: max_active_runs, a scheduler that is away.
  await pool.query(`update dag set next_run_after = now() - interval '1 minute' where dag_id = 'd'`);
  expect(await latest()).toEqual(['by hand']);
  await pool.query(`update dag set next_run_after = now() + interval '1 hour' where dag_id = 'd'`);
  expect(await latest()).toEqual(['new', 'by hand']);
});
