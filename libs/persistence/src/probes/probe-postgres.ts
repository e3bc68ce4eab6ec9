import pg from 'pg';

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
}

/** Logs in to some PostgreSQL and asks it something. Rejects with what it said, or when it did not answer in time. */
export async function probePostgres(address: PostgresAddress, withinMs: number): Promise<void> {
  const client = new pg.Client({ ...address, connectionTimeoutMillis: withinMs, statement_timeout: withinMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}
