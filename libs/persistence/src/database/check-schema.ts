import type { Database } from './database.js';

/** Rejects while the database is away, or has no schema yet (`millrace db migrate`). */
export async function checkSchema(database: Database): Promise<void> {
  await database.query({ name: 'schema-is-there', text: 'select 1 from worker_session limit 1' });
}
