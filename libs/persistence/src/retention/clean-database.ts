import type { Database, Statement } from '../database/database.js';

export interface CleanOptions {
  /** What ended before this goes. */
  readonly before: Date;
  /** Only counts. */
  readonly dryRun: boolean;
  /** Names of {@link CLEANED}; empty: all. */
  readonly tables: readonly string[];
  readonly onProgress?: (table: string, rows: number) => void;
}

/** Rows of one statement: long enough to get on, short enough that nobody waits for its locks. */
const BATCH = 1_000;

/**
 * What is cleaned, in this order, with the rows that go ($1: before). With a run go its instances, XComs, timers, events and state. Of each dag the newest run stays:
 * the next one may look back at it. Nothing that has not ended is touched.
 */
export const CLEANED: readonly { readonly table: string; readonly key: string; readonly where: string }[] = [
  { table: 'dag_run', key: 'id', where: `state in ('success', 'failed') and end_date < $1 and id not in (select distinct on (n.dag_id) n.id from dag_run n order by n.dag_id, n.run_after desc, n.id)` },
  { table: 'run_decision', key: '(decided_at, dag_run_id, version)', where: `decided_at < $1 and not exists (select 1 from dag_run r where r.id = run_decision.dag_run_id and r.state in ('queued', 'running'))` },
  { table: 'task_instance_history', key: '(recorded_at, id)', where: `recorded_at < $1 and not exists (select 1 from dag_run r where r.id = task_instance_history.dag_run_id)` },
  { table: 'audit_log', key: '(at, id)', where: 'at < $1' },
  { table: 'asset_event', key: 'id', where: `created_at < $1 and not exists (select 1 from asset_queued_event q where q.event_id = asset_event.id) and not exists (select 1 from dag_run_asset_event e where e.event_id = asset_event.id) and not exists (select 1 from partition_request_event e join partition_request p on p.id = e.request_id where e.event_id = asset_event.id and p.dag_run_id is null)` },
  { table: 'worker_session', key: 'id', where: `state in ('ended', 'lost') and ended_at < $1` },
  { table: 'service_instance', key: 'id', where: 'last_beat_at < $1' },
  { table: 'dag_version', key: 'id', where: `created_at < $1 and not exists (select 1 from dag_run r where r.dag_version_id = dag_version.id) and not exists (select 1 from dag d where d.current_version_id = dag_version.id)` },
  { table: 'bundle_blob', key: 'hash', where: `created_at < $1 and not exists (select 1 from dag_version v where v.bundle_hash = bundle_blob.hash)` },
];

/** Deletes what is old, in batches, each in a transaction of its own: it may be stopped at any time, and run while everything works. */
export async function cleanDatabase(database: Database, { before, dryRun, tables, onProgress }: CleanOptions): Promise<{ readonly table: string; readonly rows: number }[]> {
  const report: { table: string; rows: number }[] = [];
  for (const { table, key, where } of CLEANED.filter((each) => tables.length === 0 || tables.includes(each.table))) {
    let rows = 0;
    if (dryRun) rows = (await database.query<{ n: number }>({ name: `clean-count-${table}`, text: `select count(*)::int as n from ${table} where ${where}` }, [before]))[0]!.n;
    else {
      const statement: Statement = { name: `clean-${table}`, text: `with gone as (delete from ${table} where ${key} in (select ${key.replace(/^\(|\)$/g, '')} from ${table} where ${where} limit ${BATCH}) returning 1) select count(*)::int as n from gone` };
      for (let n = BATCH; n === BATCH; rows += n) {
        n = (await database.query<{ n: number }>(statement, [before]))[0]!.n;
        if (n > 0) onProgress?.(table, rows + n);
      }
    }
    report.push({ table, rows });
  }
  return report;
}
