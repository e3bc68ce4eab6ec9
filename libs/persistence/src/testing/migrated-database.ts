import { testDatabase } from '@millrace/test-services';
import { Database } from '../database/database.js';
import { migrate } from '../migrations/migrate.js';

export interface MigratedDatabase extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
}

/** A database of the spec's own with the current schema; gone when disposed. For specs only. */
export async function migratedDatabase(): Promise<MigratedDatabase> {
  const created = await testDatabase();
  await migrate(created.url);
  const database = new Database({ url: created.url, poolSize: 8, namedStatements: true, applicationName: 'millrace-spec' });
  return {
    url: created.url,
    database,
    async [Symbol.asyncDispose]() {
      await database.stop();
      await created[Symbol.asyncDispose]();
    },
  };
}
