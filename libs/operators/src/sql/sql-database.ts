import type { Connection, TaskContext } from '@millrace/sdk';
import type { SqlDialect } from './sql-text.js';

/** One row, by the names of its columns. Large integers, decimals, dates and times without a zone are texts: nothing is rounded or shifted. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Values of `$1` (PostgreSQL) or `?` (MySQL), or of `:name` (both). */
export type SqlParameters = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface SqlResult {
  /** Those the statement returned; empty for one that returns none. */
  readonly rows: readonly SqlRow[];
  /** Rows it returned or changed. */
  readonly rowCount: number;
}

/** An open connection to a database. */
export interface SqlDatabase extends AsyncDisposable {
  readonly dialect: SqlDialect;
  /** Runs one statement. */
  query(statement: string, parameters?: SqlParameters): Promise<SqlResult>;
  /** The rows of one statement in batches, in constant memory. @param batchRows rows at once @default 1000 */
  batches(statement: string, parameters?: SqlParameters, batchRows?: number): AsyncGenerator<readonly SqlRow[]>;
  /** All or nothing: commits when `work` resolves, else rolls back. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

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

export async function openSqlConnection(connection: Connection, signal: AbortSignal, connectSeconds = 30): Promise<SqlDatabase> {
  const dialect = DIALECTS[connection.connType.toLowerCase()];
  switch (dialect) {
    case 'postgres':
      return (await import('./postgres-database.js')).openPostgres(connection, signal, connectSeconds);
    case 'mysql':
      return (await import('./mysql-database.js')).openMysql(connection, signal, connectSeconds);
    case undefined:
      throw new TypeError(`connection "${connection.connectionId}" is of type "${connection.connType}"; SQL needs one of ${Object.keys(DIALECTS).join(', ')}`);
    default:
      return dialect satisfies never;
  }
}

/** A driver's error with the statement it is about: its first words, never its parameters. */
export function statementError(error: unknown, statement: string): Error {
  const { message, code } = error as Error & { code?: string };
  const shown = statement.replaceAll(/\s+/g, ' ').trim();
  return Object.assign(new Error(`${message} (in: ${shown.slice(0, 200)}${shown.length > 200 ? '…' : ''})`, { cause: error }), code === undefined ? {} : { code });
}
