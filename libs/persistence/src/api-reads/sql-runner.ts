import type { QueryResult, QueryResultRow } from 'pg';

/** Runs a statement by its text: a pool (each statement its own transaction) or the client of an open transaction. */
export interface SqlRunner {
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<Row>>;
}
