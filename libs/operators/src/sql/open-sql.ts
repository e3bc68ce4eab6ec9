import type { Connection, TaskContext } from '@millrace/sdk';
import { openMysql } from './mysql-database.js';
import { openPostgres } from './postgres-database.js';
import type { SqlDatabase } from './sql-database.js';
import type { SqlDialect } from './sql-text.js';

/** Types of connections, by the dialect they speak. */
const DIALECTS: Readonly<Record<string, SqlDialect>> = { postgres: 'postgres', postgresql: 'postgres', mysql: 'mysql', mariadb: 'mysql' };

/**
 * Opens the database a connection names; a statement that runs when the try is stopped is cancelled on the server.
 * @example
 * const load = task('load', async (_, context) => {
 *   await using database = await openSql('warehouse', context);
 *   for await (const rows of database.batches('select * from orders where day = :day', { day: context.ds })) await send(rows);
 * });
 * @throws TypeError when the connection is of no type that speaks SQL
 */
export async function openSql(connectionId: string, context: Pick<TaskContext, 'connections' | 'signal'>): Promise<SqlDatabase> {
  const connection = await context.connections.get(connectionId);
  return openSqlConnection(connection, context.signal);
}

/** @param connectSeconds until the server must have let us in */
export async function openSqlConnection(connection: Connection, signal: AbortSignal, connectSeconds = 30): Promise<SqlDatabase> {
  const dialect = DIALECTS[connection.connType.toLowerCase()];
  switch (dialect) {
    case 'postgres':
      return openPostgres(connection, signal, connectSeconds);
    case 'mysql':
      return openMysql(connection, signal, connectSeconds);
    case undefined:
      throw new TypeError(`connection "${connection.connectionId}" is of type "${connection.connType}"; SQL needs one of ${Object.keys(DIALECTS).join(', ')}`);
    default:
      return dialect satisfies never;
  }
}
