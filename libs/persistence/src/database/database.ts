import pg from 'pg';
import type { HealthReport, Service } from '@millrace/lifecycle';

/** Where and how to connect. */
export interface DatabaseOptions {
  readonly url: string;
  /** Connections per pool. */
  readonly poolSize: number;
  /** Prepared statements by name; off behind proxies that cannot keep them. */
  readonly namedStatements: boolean;
  readonly applicationName: string;
}

/** One SQL text with its name; the name is also its prepared statement's. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Whatever can run a statement: a pool, or one connection in a transaction. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

const INT8_OID = 20;

/** bigint columns here are counts and versions far below 2^53. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/**
 * The pools of one process.
 * `hot` is for statements on the path between two tasks: sequential scans are off there, because a cached plan
 * made while a table was small would otherwise go on scanning it when it is not.
 */
export class Database implements Service, Queryable {
  readonly name = 'database';
  readonly pool: pg.Pool;
  readonly hot: HotConnections;
  #lastError: { at: number; message: string } | undefined;

  constructor(readonly options: DatabaseOptions) {
    const base: pg.PoolConfig = {
      connectionString: options.url,
      application_name: options.applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      types,
    };
    const safety = '-c lock_timeout=2000 -c idle_in_transaction_session_timeout=5000 -c synchronous_commit=on';
    // Compiling a statement, or calling workers for it, takes longer than any page of a list should, and is decided by the planner's guess of the table.
    const short = '-c jit=off -c max_parallel_workers_per_gather=0';
    this.pool = new pg.Pool({ ...base, max: options.poolSize, statement_timeout: 30_000, options: `${safety} ${short}` });
    const hot = new pg.Pool({
      ...base,
      max: Math.max(2, Math.ceil(options.poolSize / 2)),
      statement_timeout: 10_000,
      options: `${safety} -c enable_seqscan=off -c plan_cache_mode=force_generic_plan ${short}`,
    });
    // A connection that breaks must not end the process; the next query reports it. The pool listens to idle ones only, and between its hand-over
    // and the first listener of who got it an end that came in the same packet as the greeting would have none.
    const note = (error: Error): void => void (this.#lastError = { at: Date.now(), message: error.message });
    for (const pool of [this.pool, hot]) pool.on('error', note).on('connect', (client) => void client.on('error', note));
    this.hot = new HotConnections(hot, options.namedStatements);
  }

  /** Waits for nothing: connections open on first use. */
  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.allSettled([this.pool.ended ? undefined : this.pool.end(), this.hot.end()]);
  }

  async query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return runStatement<Row>(this.pool, statement, values, this.options.namedStatements);
  }

  /** Runs `work` in one transaction; rolls back when it throws. */
  async inTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return transact(this.pool, this.options.namedStatements, work);
  }

  /** Connections of each pool now: `waiting` are callers for whom there is none. */
  get connections(): readonly { readonly pool: 'general' | 'hot'; readonly used: number; readonly idle: number; readonly waiting: number; readonly max: number }[] {
    return [{ pool: 'general', ...usageOf(this.pool) }, { pool: 'hot', ...this.hot.usage }];
  }

  async health(): Promise<HealthReport> {
    try {
      await this.pool.query('select 1');
      return { ok: true, checks: { database: { ok: true } } };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { ok: false, checks: { database: { ok: false, detail: this.#lastError ? `${detail}; before that: ${this.#lastError.message}` : detail } } };
    }
  }
}

/** Connections for the hot path only. */
export class HotConnections implements Queryable {
  readonly #pool: pg.Pool;
  readonly #named: boolean;

  constructor(pool: pg.Pool, named: boolean) {
    this.#pool = pool;
    this.#named = named;
  }

  get usage(): PoolUsage {
    return usageOf(this.#pool);
  }

  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return runStatement<Row>(this.#pool, statement, values, this.#named);
  }

  inTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return transact(this.#pool, this.#named, work);
  }

  async end(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }
}

/** Only obtainable inside `inTransaction`: what takes one may write. */
export class Transaction implements Queryable {
  constructor(
    readonly client: pg.PoolClient,
    private readonly named: boolean,
  ) {}

  query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return runStatement<Row>(this.client, statement, values, this.named);
  }
}

interface PoolUsage {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

function usageOf(pool: pg.Pool): PoolUsage {
  return { used: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount, max: pool.options.max };
}

async function runStatement<Row extends pg.QueryResultRow>(
  target: pg.Pool | pg.PoolClient,
  statement: Statement,
  values: readonly unknown[],
  named: boolean,
): Promise<Row[]> {
  const query = named ? { name: statement.name, text: statement.text, values: values as unknown[] } : { text: statement.text, values: values as unknown[] };
  const result = await target.query<Row>(query);
  return result.rows;
}

async function transact<T>(pool: pg.Pool, named: boolean, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that ends while it is ours (terminated, timed out) says so here; the statement in hand, or the next one, fails with it.
  const onError = (error: Error): void => void (broken = error);
  client.on('error', onError);
  try {
    await client.query('begin');
    const result = await work(new Transaction(client, named));
    await client.query('commit');
    return result;
  } catch (error) {
    try {
      await client.query('rollback');
    } catch (rollbackError) {
      // The connection is gone; the server rolls back by itself. Do not give it back to the pool.
      broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    }
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/** PostgreSQL's error code, e.g. `23505`; undefined when the error is not PostgreSQL's (connection refused, closed …). */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** True when trying the same again later may succeed: serialisation, deadlock, lock time-out, shutdown, connection loss. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return true;
  return /^(08|40|53|57P|55P03|25P0)/.test(state);
}

/** patient: this transaction may stand idle, and its statements run, for a minute: for runs of very many instances. It holds its locks as long. */
const PATIENT: Statement = { name: 'patient', text: `select set_config('idle_in_transaction_session_timeout', '60s', true), set_config('statement_timeout', '60s', true)` };

export async function patient(tx: Transaction): Promise<void> {
  await tx.query(PATIENT);
}
