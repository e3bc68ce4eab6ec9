import type pg from 'pg';
import { DataSource } from 'typeorm';
import { ConnectionEntity } from '../connections/connection.entity.js';
import { ImportErrorEntity } from '../import-errors/import-error.entity.js';
import { PoolEntity } from '../pools/pool.entity.js';
import { AppUserEntity } from '../users/app-user.entity.js';
import { VariableEntity } from '../variables/variable.entity.js';

/** Connections for entities apart from the statements' pool: pages of settings must not wait behind it. */
const ENTITY_CONNECTIONS_MAX = 4;

/** Opens TypeORM for the tables people edit as they are. Fails when the database is away; the caller waits and tries again. */
export async function openEntities(url: string, applicationName: string): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url,
    applicationName,
    entities: [PoolEntity, VariableEntity, ConnectionEntity, AppUserEntity, ImportErrorEntity],
    synchronize: false,
    logging: false,
    extra: { max: ENTITY_CONNECTIONS_MAX, statement_timeout: 30_000, connectionTimeoutMillis: 5_000, onConnect: listen },
  });
  return source.initialize();
}

/** A connection that ends between two statements must not end the process, whoever has it just then: the next statement on it fails. */
function listen(client: pg.Client): void {
  client.on('error', () => undefined);
}
