import { describe, expect, it } from 'vitest';
import { migratedDatabase } from '../testing/migrated-database.js';
import { cleanDatabase } from './clean-database.js';
import { maintainPartitions } from './partitions.js';

const NOW = new Date('2026-11-23T12:00:00Z');

describe('partitions', () => {
  it('are made ahead, take their rows, and are dropped whole when they are old', async () => {
    await using migrated = await migratedDatabase();
    const { database } = migrated;
    const first = await maintainPartitions(database, NOW, {});
    expect(first.made).toEqual(['run_decision_p20261124', 'run_decision_p20261125', 'run_decision_p20261126', 'run_decision_p20261127', 'run_decision_p20261128', 'run_decision_p20261129', 'run_decision_p20261130',
      'task_instance_history_p20261201', 'task_instance_history_p20270101', 'audit_log_p20261201', 'audit_log_p20270101']);
    expect(await maintainPartitions(database, NOW, {})).toEqual({ made: [], dropped: [], postponed: [] });
    for (const at of ['2026-11-23T23:00Z', '2026-11-24T00:00Z', '2026-11-25T00:00Z']) await database.pool.query(`insert into run_decision (dag_run_id, version, decided_at, events) values (gen_random_uuid(), 1, $1, '[]')`, [at]);
    const rows = async () => (await database.pool.query<{ at: string }>(`select tableoid::regclass::text || ' ' || to_char(decided_at at time zone 'utc', 'DD') as at from run_decision order by 1`)).rows.map((row) => row.at);
    expect(await rows()).toEqual(['run_decision_default 23', 'run_decision_p20261124 24', 'run_decision_p20261125 25']);
    const later = await maintainPartitions(database, new Date('2026-12-09T00:00:00Z'), { run_decision: 14 });
    expect(later.dropped).toEqual(['run_decision_p20261124']);
    expect(await rows()).toEqual(['run_decision_default 23', 'run_decision_p20261125 25']);
  });

  it('are left for later where rows stand in the way, and that is told', async () => {
    await using migrated = await migratedDatabase();
    const { database } = migrated;
    await database.pool.query(`insert into run_decision (dag_run_id, version, decided_at, events) values (gen_random_uuid(), 1, '2026-11-24T01:00Z', '[]')`);
    const report = await maintainPartitions(database, NOW, {});
    expect(report.postponed).toHaveLength(1);
    expect(report.postponed[0]).toMatch(/run_decision_p20261124: .*default/);
    expect(report.made).toContain('run_decision_p20261125');
  });

  it('may be made from several places at once', async () => {
    await using migrated = await migratedDatabase();
    const reports = await Promise.all([1, 2, 3].map(() => maintainPartitions(migrated.database, NOW, {})));
    expect(reports.flatMap((report) => report.postponed)).toEqual([]);
    expect(new Set(reports.flatMap((report) => report.made)).size).toBe(11);
  });
});

describe('cleanDatabase', () => {
  it('deletes what ended long ago and nothing else; the newest run of a dag stays', async () => {
    await using migrated = await migratedDatabase();
    const { pool } = migrated.database;
    await pool.query(`insert into dag_bundle (name) values ('b')`);
    await pool.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('d', 'b', 'd.ts', 'd.ts')`);
    const version = (await pool.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values (gen_random_uuid(), 'd', 1, 'h', 'b', '{}') returning id`)).rows[0].id as string;
    const run = async (name: string, state: string, end: string | null, after: string) => {
      const id = (await pool.query(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after, end_date) values (gen_random_uuid(), 'd', $1, $2, $3, 'manual', 'test', $4, $5) returning id`, [name, version, state, after, end])).rows[0].id as string;
      await pool.query(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, operator, state) values (gen_random_uuid(), $1, 'd', $2, 't', 'o', 'success')`, [id, name]);
    };
    await run('old', 'success', '2026-01-01', '2026-01-01');
    await run('old-and-running', 'running', null, '2026-01-02');
    await run('recent', 'failed', '2026-11-01', '2026-01-03');
    await run('newest', 'success', '2026-01-05', '2026-01-04');
    await pool.query(`insert into service_instance (id, kind, hostname, last_beat_at) values ('gone', 'api', 'h', '2026-01-01')`);
    const before = new Date('2026-06-01');
    const counted = await cleanDatabase(migrated.database, { before, dryRun: true, tables: [] });
    expect(counted.find((each) => each.table === 'dag_run')).toEqual({ table: 'dag_run', rows: 1 });
    expect((await pool.query('select count(*)::int as n from dag_run')).rows[0].n).toBe(4);
    const report = await cleanDatabase(migrated.database, { before, dryRun: false, tables: [] });
    expect(Object.fromEntries(report.map(({ table, rows }) => [table, rows]))).toMatchObject({ dag_run: 1, service_instance: 1, dag_version: 0 });
    expect((await pool.query('select run_id from dag_run order by 1')).rows.map((row) => row.run_id)).toEqual(['newest', 'old-and-running', 'recent']);
    expect((await pool.query('select count(*)::int as n from task_instance')).rows[0].n).toBe(3);
    expect((await cleanDatabase(migrated.database, { before, dryRun: false, tables: ['dag_run'] }))).toEqual([{ table: 'dag_run', rows: 0 }]);
  });

  it('goes in batches that are bounded by instances, tells how far it is, and leaves whole runs when it is stopped', async () => {
    await using migrated = await migratedDatabase();
    const { pool } = migrated.database;
    await pool.query(`insert into dag_bundle (name) values ('b')`);
    await pool.query(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('d', 'b', 'd.ts', 'd.ts')`);
    await pool.query(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values (gen_random_uuid(), 'd', 1, 'h', 'b', '{}')`);
    await pool.query(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after, end_date)
      select gen_random_uuid(), 'd', 'r' || i, v.id, 'success', 'manual', 'test', timestamptz '2026-01-01' + i * interval '1 minute', timestamptz '2026-01-01' from dag_version v, generate_series(1, 13) i`);
    // One of 6,000 instances, which is more than a batch, and twelve of 1,000.
    await pool.query(`insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, operator, state)
      select gen_random_uuid(), r.id, 'd', r.run_id, 't' || i, 'o', 'success' from dag_run r, generate_series(1, 6000) i where i <= 1000 or r.run_id = 'r1'`);
    const told: [number, number][] = [];
    const stopped = cleanDatabase(migrated.database, { before: new Date('2026-06-01'), dryRun: false, tables: ['dag_run'], onProgress: (_, rows, of) => {
      told.push([rows, of]);
      if (told.length === 2) throw new Error('stopped by the spec');
    } });
    await expect(stopped).rejects.toThrow('stopped by the spec');
    expect((await pool.query(`select run_id, count(*)::int as n from task_instance group by 1 having count(*) not in (1000, 6000)`)).rows).toEqual([]);
    await cleanDatabase(migrated.database, { before: new Date('2026-06-01'), dryRun: false, tables: ['dag_run'], onProgress: (_, rows, of) => told.push([rows, of]) });
    expect((await pool.query('select run_id from dag_run')).rows).toEqual([{ run_id: 'r13' }]);
    expect((await pool.query('select count(*)::int as n from task_instance')).rows).toEqual([{ n: 1000 }]);
    expect(told.length).toBeGreaterThanOrEqual(4);
    expect(told.every(([rows, of]) => rows > 0 && rows <= of)).toBe(true);
    expect(told.at(-1)![0]).toBe(told.at(-1)![1]);
  });
});
