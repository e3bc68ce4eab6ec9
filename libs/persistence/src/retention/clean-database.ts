import type { Database, Statement } from '../database/database.js';

export interface CleanOptions {
  /** What ended before this goes. */
  readonly before: Date;
  /** Only counts. */
  readonly dryRun: boolean;
  /** Names of {@link CLEANED}; empty: all. */
  readonly tables: readonly string[];
  /** After each statement: what is gone, of how many there were at first. */
  readonly onProgress?: (table: string, rows: number, of: number) => void;
}

/** Rows of one statement: long enough to get on, short enough that nobody waits for its locks. */
const BATCH = 5_000;
/** Runs that are looked up at once; a look reads the whole table. */
const RUNS_PER_LOOK = 20_000;

/** Of each dag the newest run stays. Index: dag_run_recent. */
const RUNS_THAT_GO = `state in ('success', 'failed') and end_date < $1 and exists (
  select from dag_run n where n.dag_id = dag_run.dag_id and (n.run_after > dag_run.run_after or (n.run_after = dag_run.run_after and n.id < dag_run.id)))`;

/** clean-look-runs: runs that go, with how many instances go with each. $1 before. */
const LOOK_RUNS: Statement = {
  name: 'clean-look-runs',
  text: `select r.id, (select count(*)::int from task_instance t where t.dag_run_id = r.id) as instances from (select id from dag_run where ${RUNS_THAT_GO} limit ${RUNS_PER_LOOK}) r`,
};

/** clean-runs: these runs, with all that is theirs, if they still may go (somebody may have cleared one). $1 before, $2 uuid[] ids. */
const CLEAN_RUNS: Statement = { name: 'clean-runs', text: `with gone as (delete from dag_run where id = any($2::uuid[]) and ${RUNS_THAT_GO} returning 1) select count(*)::int as n from gone` };

/**
 * What is cleaned, in this order, with the rows that go ($1: before). With a run go its instances, XComs, timers, events and state. Of each dag the newest run stays:
 * the next one may look back at it. Nothing that has not ended is touched.
 */
export const CLEANED: readonly { readonly table: string; readonly key: string; readonly where: string }[] = [
  { table: 'dag_run', key: 'id', where: RUNS_THAT_GO },
  { table: 'run_decision', key: '(decided_at, dag_run_id, version)', where: `decided_at < $1 and not exists (select 1 from dag_run r where r.id = run_decision.dag_run_id and r.state in ('queued', 'running'))` },
  { table: 'task_instance_history', key: '(recorded_at, id)', where: `recorded_at < $1 and not exists (select 1 from dag_run r where r.id = task_instance_history.dag_run_id)` },
  { table: 'audit_log', key: '(at, id)', where: 'at < $1' },
  { table: 'asset_event', key: 'id', where: `created_at < $1 and not exists (select 1 from asset_queued_event q where q.event_id = asset_event.id) and not exists (select 1 from dag_run_asset_event e where e.event_id = asset_event.id) and not exists (select 1 from partition_request_event e join partition_request p on p.id = e.request_id where e.event_id = asset_event.id and p.dag_run_id is null)` },
  { table: 'worker_session', key: 'id', where: `state in ('ended', 'lost') and ended_at < $1` },
  { table: 'service_instance', key: 'id', where: 'last_beat_at < $1' },
  { table: 'dag_version', key: 'id', where: `created_at < $1 and not exists (select 1 from dag_run r where r.dag_version_id = dag_version.id) and not exists (select 1 from dag d where d.current_version_id = dag_version.id)` },
  { table: 'bundle_blob', key: 'hash', where: `created_at < $1 and not exists (select 1 from dag_version v where v.bundle_hash = bundle_blob.hash) and not exists (select 1 from dag_source_outcome o where o.bundle_hash = bundle_blob.hash)` },
  { table: 'dag_source_blob', key: 'hash', where: `created_at < $1 and not exists (select 1 from dag_source_revision r where r.files @> jsonb_build_array(jsonb_build_object('hash', dag_source_blob.hash)))` },
];

/**
 * Deletes what is old, in batches, each in a transaction of its own: it may be stopped at any time, and run while everything works. A run goes whole, with its instances;
 * as many runs go at once as have {@link BATCH} instances together.
 */
export async function cleanDatabase(database: Database, { before, dryRun, tables, onProgress }: CleanOptions): Promise<{ readonly table: string; readonly rows: number }[]> {
  const report: { table: string; rows: number }[] = [];
  for (const { table, key, where } of CLEANED.filter((each) => tables.length === 0 || tables.includes(each.table))) {
    const total = (await database.query<{ n: number }>({ name: `clean-count-${table}`, text: `select count(*)::int as n from ${table} where ${where}` }, [before]))[0]!.n;
    let rows = dryRun ? total : 0;
    if (!dryRun && total > 0) {
      for await (const gone of table === 'dag_run' ? cleanRuns(database, before) : cleanRows(database, before, table, key, where)) {
        rows += gone;
        onProgress?.(table, rows, Math.max(total, rows));
      }
    }
    report.push({ table, rows });
  }
  return report;
}

async function* cleanRuns(database: Database, before: Date): AsyncGenerator<number> {
  for (;;) {
    const found = await database.query<{ id: string; instances: number }>(LOOK_RUNS, [before]);
    let gone = 0;
    for (const ids of inBatches(found)) {
      const [row] = await database.query<{ n: number }>(CLEAN_RUNS, [before, ids]);
      gone += row!.n;
      yield row!.n;
    }
    if (found.length < RUNS_PER_LOOK || gone === 0) return;
  }
}

async function* cleanRows(database: Database, before: Date, table: string, key: string, where: string): AsyncGenerator<number> {
  const statement: Statement = { name: `clean-${table}`, text: `with gone as (delete from ${table} where ${key} in (select ${key.replace(/^\(|\)$/g, '')} from ${table} where ${where} limit ${BATCH}) returning 1) select count(*)::int as n from gone` };
  for (let n = BATCH; n === BATCH; ) {
    n = (await database.query<{ n: number }>(statement, [before]))[0]!.n;
    if (n > 0) yield n;
  }
}

/** At least one run each; a run of more instances than a batch goes alone. */
function inBatches(runs: readonly { readonly id: string; readonly instances: number }[]): string[][] {
  const batches: string[][] = [];
  let [batch, size]: [string[], number] = [[], 0];
  for (const { id, instances } of runs) {
    if (batch.length > 0 && size + instances + 1 > BATCH) {
      batches.push(batch);
      [batch, size] = [[], 0];
    }
    batch.push(id);
    size += instances + 1;
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}
