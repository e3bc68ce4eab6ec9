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

/** A driver's error with the statement it is about: its first words, never its parameters. */
export function statementError(error: unknown, statement: string): Error {
  const { message, code } = error as Error & { code?: string };
  const shown = statement.replaceAll(/\s+/g, ' ').trim();
  return Object.assign(new Error(`${message} (in: ${shown.slice(0, 200)}${shown.length > 200 ? '…' : ''})`, { cause: error }), code === undefined ? {} : { code });
}
