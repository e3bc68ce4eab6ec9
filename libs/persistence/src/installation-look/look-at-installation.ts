import type { Database } from '../database/database.js';

export interface DatabaseFacts {
  /** E.g. 150020. */
  readonly versionNumber: number;
  readonly version: string;
  readonly connections: number;
  readonly maxConnections: number;
  readonly synchronousCommit: string;
  readonly autovacuum: string;
}

/** What the server says of itself; any role may ask. */
export async function databaseFacts(database: Database): Promise<DatabaseFacts> {
  const [row] = await database.query<DatabaseFacts & Record<string, unknown>>({
    name: 'look-database',
    text: `select current_setting('server_version_num')::int as "versionNumber", current_setting('server_version') as version,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections, current_setting('max_connections')::int as "maxConnections",
  current_setting('synchronous_commit') as "synchronousCommit", current_setting('autovacuum') as autovacuum`,
  });
  return row!;
}

/** Milliseconds of a transaction that leaves nothing behind. */
export async function commitDurationMs(database: Database): Promise<number> {
  const beganMs = performance.now();
  await database.inTransaction((tx) => tx.query({ name: 'look-commit', text: 'create temporary table if not exists look_commit (n int) on commit drop' }));
  return Math.round(performance.now() - beganMs);
}

/** Services that said within half a minute that they live, by kind, and workers with a lease, with their queues. */
export async function livingServices(database: Database): Promise<{ readonly services: readonly { readonly kind: string; readonly count: number }[]; readonly workers: readonly { readonly name: string; readonly queues: string[] }[] }> {
  const services = await database.query<{ kind: string; count: number }>({ name: 'look-services', text: `select kind, count(*)::int as count from service_instance where ended_at is null and last_beat_at > now() - interval '30 seconds' group by 1` });
  const workers = await database.query<{ name: string; queues: string[] }>({ name: 'look-workers', text: `select worker_name as name, queues from worker_session where state = 'active' and lease_expires_at > now()` });
  return { services, workers };
}
