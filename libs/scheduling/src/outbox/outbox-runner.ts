import { Outbox, isTransient } from '@millrace/persistence';
import type { Database, OutboxRow, Transaction } from '@millrace/persistence';
import { Signal } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';

/** What is done after the transaction of a handled row is committed (ring a doorbell, start a run). May be lost: only speed. */
export type AfterOutbox = () => void;

/** Carries out one kind of effect. */
export interface OutboxHandler {
  readonly kind: string;
  /**
   * Everything it writes, it writes through `tx`; the row is deleted in the same transaction, so it happens exactly once. It may be
   * called again for the same row after a failure, with nothing of the first call left. Throw {@link Unrepairable} when another try is useless.
   */
  handle(tx: Transaction, row: OutboxRow): Promise<AfterOutbox | void>;
}

/** Another try would fail the same way: the row is parked, and shown. */
export class Unrepairable extends Error {}

const BATCH = 50;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5 * 60_000;
/** With the pauses above: about three hours. */
const MAX_TRIES = 45;

/**
 * Carries out effects that decisions owe. Any scheduler may take any row; `SKIP LOCKED` keeps them apart. Rung after each commit that wrote
 * one, and by the sweeper for what was left behind.
 */
export class OutboxRunner {
  readonly signals = { handled: new Signal('after-outbox-before-commit') };
  readonly counters = { done: 0, failed: 0, parked: 0 };
  readonly #handlers: ReadonlyMap<string, OutboxHandler>;
  #running: Promise<number> | undefined;
  #again = false;

  constructor(
    private readonly database: Database,
    handlers: readonly OutboxHandler[],
    private readonly logger: Logger,
  ) {
    this.#handlers = new Map(handlers.map((handler) => [handler.kind, handler]));
    if (this.#handlers.size !== handlers.length) throw new Error('two outbox handlers for one kind');
  }

  /** There may be something to do. Never throws, never waits. */
  poke(): void {
    void this.once().catch((error: unknown) => this.logger.debug('effects are left to the next sweep', { error: textOf(error) }));
  }

  /** Carries out everything that is due; resolves with how many effects happened. Calls that overlap share one pass and a further one. */
  once(): Promise<number> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#drain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #drain(): Promise<number> {
    if (this.#handlers.size === 0) return 0;
    let total = 0;
    for (;;) {
      this.#again = false;
      const done = await this.#pass();
      total += done;
      if (done < BATCH && !this.#again) return total;
    }
  }

  /** A whole batch in one transaction; when one of it fails, each by itself. */
  async #pass(): Promise<number> {
    let taken: OutboxRow[] = [];
    try {
      return await this.#transact(BATCH, (rows) => (taken = rows));
    } catch (error) {
      if (taken.length === 0) throw error;
      let done = 0;
      for (let i = 0; i < taken.length; i++) done += await this.#single();
      return done;
    }
  }

  async #single(): Promise<number> {
    let taken: OutboxRow | undefined;
    try {
      return await this.#transact(1, (rows) => (taken = rows[0]));
    } catch (error) {
      if (taken === undefined) throw error;
      await this.#failed(taken, error);
      return 0;
    }
  }

  async #transact(limit: number, taken: (rows: OutboxRow[]) => void): Promise<number> {
    const after: AfterOutbox[] = [];
    const count = await this.database.inTransaction(async (tx) => {
      const outbox = new Outbox(tx);
      const rows = await outbox.take([...this.#handlers.keys()], limit);
      taken(rows);
      for (const row of rows) {
        const follow = await this.#handlers.get(row.kind)!.handle(tx, row);
        if (follow !== undefined) after.push(follow);
      }
      await outbox.done(rows.map((row) => row.id));
      if (rows.length > 0) this.signals.handled.emit();
      return rows.length;
    });
    this.counters.done += count;
    for (const follow of after) follow();
    return count;
  }

  async #failed(row: OutboxRow, error: unknown): Promise<void> {
    const reason = textOf(error);
    const isParked = error instanceof Unrepairable || row.tries + 1 >= MAX_TRIES;
    if (isParked) this.counters.parked++;
    else this.counters.failed++;
    const inMs = isParked ? null : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(row.tries, 12));
    const facts = { kind: row.kind, outbox_id: row.id, run: row.runId, tries: row.tries + 1, error: reason };
    if (isParked) this.logger.error('an effect was given up; it is kept as parked', facts);
    else this.logger[isTransient(error) && row.tries < 2 ? 'debug' : 'warn']('an effect failed; it is tried again', facts);
    await new Outbox(this.database).again(row.id, reason, inMs);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
