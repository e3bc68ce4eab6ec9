import type { Configuration } from '@millrace/configuration';
import { Database } from './database.js';

/** The database of a service, from its configuration. */
export function openDatabase(config: Configuration, applicationName: string): Database {
  return new Database({
    url: config['database.url'],
    poolSize: config['database.pool_size'],
    namedStatements: config['database.named_statements'],
    applicationName,
  });
}
