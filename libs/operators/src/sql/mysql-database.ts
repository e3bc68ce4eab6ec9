import { readFile } from 'node:fs/promises';
import type { Connection } from '@millrace/sdk';
import type { Connection as MysqlConnection, ConnectionOptions, ResultSetHeader } from 'mysql2/promise';
import { loadLibrary } from '../libraries/load-library.js';
import { statementError } from './sql-database.js';
import type { SqlDatabase, SqlParameters, SqlResult, SqlRow } from './sql-database.js';
import { bindNames } from './sql-text.js';

type Mysql = typeof import('mysql2/promise');

/** @param connectSeconds until the server must have let us in */
export async function openMysql(connection: Connection, signal: AbortSignal, connectSeconds: number): Promise<SqlDatabase> {
  signal.throwIfAborted();
  const mysql = await loadLibrary<Mysql>('mysql2/promise', 'a connection to MySQL or MariaDB');
  const { extra } = connection;
  const options: ConnectionOptions = {
    host: connection.host ?? 'localhost',
    port: connection.port ?? 3_306,
    user: connection.login ?? undefined,
    password: connection.password ?? undefined,
    database: connection.schema || undefined,
    charset: typeof extra['charset'] === 'string' ? extra['charset'] : 'utf8mb4',
    connectTimeout: connectSeconds * 1_000,
    // Nothing is rounded or shifted on its way: see SqlRow.
    supportBigNumbers: true,
    dateStrings: true,
    // One statement at a time: a value that was put into a text cannot bring a second one with it.
    multipleStatements: false,
    ...(await sslOf(extra)),
  };
  const client = await mysql.createConnection(options);
  return new MysqlDatabase(client, signal, async () => {
    const other = await mysql.createConnection(options);
    try {
      await other.query(`kill query ${client.threadId}`);
    } finally {
      await other.end();
    }
  });
}

class MysqlDatabase implements SqlDatabase {
  readonly dialect = 'mysql';

  constructor(private readonly client: MysqlConnection, private readonly signal: AbortSignal, private readonly cancel: () => Promise<void>) {
    client.on('error', () => undefined); // The server went away between two statements: the next one tells.
  }

  async query(statement: string, parameters: SqlParameters = []): Promise<SqlResult> {
    const { text, values } = bound(statement, parameters);
    const [result] = await this.#cancellable(statement, () => this.client.query(text, values));
    if (Array.isArray(result)) return { rows: (result as SqlRow[]).map(plain), rowCount: result.length };
    return { rows: [], rowCount: (result as ResultSetHeader).affectedRows };
  }

  async *batches(statement: string, parameters: SqlParameters = [], batchRows = 1_000): AsyncGenerator<readonly SqlRow[]> {
    const { text, values } = bound(statement, parameters);
    this.signal.throwIfAborted();
    // The promise interface has no streams; the connection below it has.
    const stream = (this.client as unknown as { readonly connection: import('mysql2').Connection }).connection.query(text, values).stream({ highWaterMark: batchRows });
    const stop = (): void => {
      void this.cancel().catch(() => undefined);
      stream.destroy(this.signal.reason as Error);
    };
    this.signal.addEventListener('abort', stop, { once: true });
    let rows: SqlRow[] = [];
    let isDone = false;
    try {
      for await (const row of stream as AsyncIterable<SqlRow>) {
        rows.push(plain(row));
        if (rows.length < batchRows) continue;
        yield rows;
        rows = [];
      }
      isDone = true;
      if (rows.length > 0) yield rows;
    } catch (error) {
      this.signal.throwIfAborted();
      throw statementError(error, statement);
    } finally {
      this.signal.removeEventListener('abort', stop);
      // Whoever stops in the middle leaves rows on their way, and the connection of no use.
      if (!isDone) this.client.destroy();
    }
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.client.beginTransaction();
    try {
      const result = await work();
      await this.client.commit();
      return result;
    } catch (error) {
      await this.client.rollback().catch(() => undefined); // The connection is gone: so is the transaction.
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #cancellable<T>(statement: string, run: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const stop = (): void => void this.cancel().catch(() => this.client.destroy());
    this.signal.addEventListener('abort', stop, { once: true });
    try {
      return await run();
    } catch (error) {
      this.signal.throwIfAborted();
      throw statementError(error, statement);
    } finally {
      this.signal.removeEventListener('abort', stop);
    }
  }
}

/** The driver's rows are of a class of its own. */
function plain(row: SqlRow): SqlRow {
  return { ...row };
}

function bound(statement: string, parameters: SqlParameters): { readonly text: string; readonly values: unknown[] } {
  const { text, values } = Array.isArray(parameters) ? { text: statement, values: parameters as readonly unknown[] } : bindNames(statement, parameters as Readonly<Record<string, unknown>>, 'mysql');
  return { text, values: [...values] };
}

/** `extra.ssl`: true, or `{ ca: '/path/of/ca.pem' }`. */
async function sslOf(extra: Readonly<Record<string, unknown>>): Promise<Pick<ConnectionOptions, 'ssl'>> {
  const { ssl } = extra;
  if (ssl === undefined || ssl === false) return {};
  if (ssl === true) return { ssl: {} };
  const ca = typeof ssl === 'object' && ssl !== null ? (ssl as Record<string, unknown>)['ca'] : undefined;
  if (typeof ca !== 'string') throw new TypeError('extra.ssl must be true, or an object with the path of a CA file: { "ca": "/etc/ssl/db.pem" }');
  return { ssl: { ca: ca.includes('-----BEGIN') ? ca : await readFile(ca, 'utf8') } };
}
