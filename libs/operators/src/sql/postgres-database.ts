import { readFile } from 'node:fs/promises';
import type { Connection } from '@millrace/sdk';
import type { ClientConfig } from 'pg';
import { loadLibrary } from '../libraries/load-library.js';
import { statementError } from './sql-database.js';
import type { SqlDatabase, SqlParameters, SqlResult, SqlRow } from './sql-database.js';
import { bindNames } from './sql-text.js';

type Pg = { readonly default: typeof import('pg') };
type PgClient = import('pg').Client;
type PgCursor = { readonly default: typeof import('pg-cursor') };

/** `date` and `timestamp` mean no moment: as texts they stay what they are in every time zone. */
const KEPT_AS_TEXT = new Set([1_082, 1_114, 1_115, 1_182]);

/** @param connectSeconds until the server must have let us in */
export async function openPostgres(connection: Connection, signal: AbortSignal, connectSeconds: number): Promise<SqlDatabase> {
  signal.throwIfAborted();
  const { default: pg } = await loadLibrary<Pg>('pg', 'a connection to PostgreSQL');
  const config: ClientConfig = {
    host: connection.host ?? 'localhost',
    port: connection.port ?? 5_432,
    user: connection.login ?? undefined,
    password: connection.password ?? undefined,
    database: connection.schema || undefined,
    connectionTimeoutMillis: connectSeconds * 1_000,
    application_name: 'millrace-task',
    ssl: await sslOf(connection.extra),
    ...(typeof connection.extra['options'] === 'string' ? { options: connection.extra['options'] } : {}),
    types: { getTypeParser: ((oid: number, format: 'text' | 'binary') => (KEPT_AS_TEXT.has(oid) ? (text: string) => text : pg.types.getTypeParser(oid, format))) as typeof pg.types.getTypeParser },
  };
  const client = new pg.Client(config);
  client.on('error', () => undefined); // The server went away between two statements: the next one tells.
  await client.connect();
  return new PostgresDatabase(client, signal, async () => {
    const other = new pg.Client(config);
    await other.connect();
    try {
      await other.query('select pg_cancel_backend($1)', [(client as unknown as { processID: number }).processID]);
    } finally {
      await other.end();
    }
  });
}

class PostgresDatabase implements SqlDatabase {
  readonly dialect = 'postgres';

  constructor(private readonly client: PgClient, private readonly signal: AbortSignal, private readonly cancel: () => Promise<void>) {}

  async query(statement: string, parameters: SqlParameters = []): Promise<SqlResult> {
    const { text, values } = bound(statement, parameters);
    const result = await this.#cancellable(statement, () => this.client.query({ text, values: [...values] }));
    return { rows: result.rows as SqlRow[], rowCount: result.rowCount ?? 0 };
  }

  async *batches(statement: string, parameters: SqlParameters = [], batchRows = 1_000): AsyncGenerator<readonly SqlRow[]> {
    const { default: Cursor } = await loadLibrary<PgCursor>('pg-cursor', 'reading rows in batches');
    const { text, values } = bound(statement, parameters);
    const cursor = this.client.query(new Cursor<SqlRow>(text, [...values]));
    try {
      for (;;) {
        const rows = await this.#cancellable(statement, () => cursor.read(batchRows));
        if (rows.length === 0) return;
        yield rows;
      }
    } finally {
      await cursor.close();
    }
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.client.query('begin');
    try {
      const result = await work();
      await this.client.query('commit');
      return result;
    } catch (error) {
      await this.client.query('rollback').catch(() => undefined); // The connection is gone: so is the transaction.
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
    const stop = (): void => void this.cancel().catch(() => this.client.end());
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

function bound(statement: string, parameters: SqlParameters): { readonly text: string; readonly values: readonly unknown[] } {
  return Array.isArray(parameters) ? { text: statement, values: parameters } : bindNames(statement, parameters as Readonly<Record<string, unknown>>, 'postgres');
}

/** libpq's words: without sslmode no TLS, `require` encrypts, `verify-ca` and `verify-full` also check who answers. */
async function sslOf(extra: Readonly<Record<string, unknown>>): Promise<ClientConfig['ssl']> {
  const mode = extra['sslmode'] ?? 'disable';
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return false;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
    case 'verify-full': {
      const file = extra['sslrootcert'];
      const ca = typeof file === 'string' ? await readFile(file, 'utf8') : undefined;
      return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }), ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}) };
    }
    default:
      throw new RangeError(`extra.sslmode must be disable, require, verify-ca or verify-full, got ${JSON.stringify(mode)}`);
  }
}
