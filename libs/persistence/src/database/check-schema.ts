import type { Database, Queryable } from './database.js';

/** Rejects while the database is away, or has no schema yet (`millrace db migrate`). */
export async function checkSchema(database: Database): Promise<void> {
  await database.query({ name: 'schema-is-there', text: 'select 1 from worker_session limit 1' });
}

/** The database's clock, milliseconds since 1970 UTC. */
export async function databaseNow(on: Queryable): Promise<number> {
  const [row] = await on.query<{ nowMs: number }>({ name: 'database-now', text: 'select extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"' });
  return row!.nowMs;
}
