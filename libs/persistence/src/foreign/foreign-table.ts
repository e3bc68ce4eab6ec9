import pg from 'pg';

/** A table of somebody else's, in which rows are looked for. Only reads. */
export interface ForeignTableOptions {
  readonly url: string;
  /** `table` or `schema.table`; plain names. */
  readonly table: string;
  readonly cursorColumn: string;
  readonly columns: readonly string[];
  readonly partitionKeyColumn: string | null;
  /** LISTEN here; null: only when asked. */
  readonly channel: string | null;
  readonly onNotified: () => void;
  readonly onEnded: (reason: string) => void;
}

export interface ForeignRow {
  /** Value of the cursor column as text, as the table would read it again. */
  readonly cursor: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly partitionKey: string | null;
}

/** One connection; when it ends, make another. */
export class ForeignTable {
  readonly #client: pg.Client;
  readonly #from: string;

  constructor(private readonly options: ForeignTableOptions) {
    this.#client = new pg.Client({
      connectionString: options.url,
      application_name: 'millrace-watcher',
      connectionTimeoutMillis: 5_000,
      statement_timeout: 5_000,
      keepAlive: true,
      options: '-c default_transaction_read_only=on -c lock_timeout=2000',
    });
    this.#from = options.table.split('.').map(quoted).join('.');
    let isOver = false;
    const end = (reason: string): void => {
      if (!isOver) options.onEnded(reason);
      isOver = true;
    };
    this.#client.on('error', (error) => end(error.message));
    this.#client.on('end', () => end('the connection was closed'));
    this.#client.on('notification', () => options.onNotified());
  }

  /** @throws Error that says what to mend: no such table or column, or a cursor column that does not tell rows apart */
  async open(): Promise<void> {
    await this.#client.connect();
    const { rows } = await this.#client.query<{ found: string | null; unique: boolean }>(UNIQUE, [this.#from, this.options.cursorColumn]);
    const [facts] = rows;
    if (facts === undefined || facts.found === null) throw new Error(`table ${this.options.table} has no column "${this.options.cursorColumn}"`);
    if (!facts.unique) throw new Error(`column "${this.options.cursorColumn}" of ${this.options.table} has no unique index of its own, so rows could be missed; name an id column as cursorColumn`);
    if (this.options.channel !== null) await this.#client.query(`listen ${quoted(this.options.channel)}`);
  }

  /** Where the table ends now; empty: it has no rows. */
  async newest(): Promise<string> {
    const cursor = quoted(this.options.cursorColumn);
    const { rows } = await this.#client.query<{ cursor: string }>(`select ${cursor}::text as cursor from ${this.#from} order by ${cursor} desc limit 1`);
    return rows[0]?.cursor ?? '';
  }

  /** Rows after a cursor, in its order. @param after empty: from the first */
  async rowsAfter(after: string, limit: number): Promise<ForeignRow[]> {
    const { columns, partitionKeyColumn } = this.options;
    const cursor = quoted(this.options.cursorColumn);
    const values = columns.length === 0 ? `'{}'::jsonb` : `jsonb_build_object(${columns.map((column) => `'${column}', ${quoted(column)}`).join(', ')})`;
    const { rows } = await this.#client.query<{ cursor: string; values: Record<string, unknown>; key: string | null }>(
      `select ${cursor}::text as cursor, ${values} as values, ${partitionKeyColumn === null ? 'null' : `${quoted(partitionKeyColumn)}::text`} as key
       from ${this.#from} ${after === '' ? '' : `where ${cursor} > $2`} order by ${cursor} limit $1`,
      after === '' ? [limit] : [limit, after],
    );
    return rows.map((row) => ({ cursor: row.cursor, values: row.values, partitionKey: row.key }));
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** $1 table as it is written, quoted; $2 column. */
const UNIQUE = `
select a.attname as found, exists (
  select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as unique
from pg_attribute a where a.attrelid = $1::regclass and a.attname = $2 and a.attnum > 0 and not a.attisdropped`;

/** Names were checked to be plain; upper case is kept. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
