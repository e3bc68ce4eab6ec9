import type { WatcherDocument } from '@millrace/contracts';
import { ForeignTable } from '@millrace/persistence';
import type { AssetWatchers, ForeignRow, WatcherRow } from '@millrace/persistence';
import { PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import type { OpenConnection, WatchedItem, WatchedSource, WatcherReport } from './watched-source.js';
import { addressOf, troubleOf } from './watched-source.js';

type PostgresConfig = Extract<WatcherDocument, { kind: 'postgres' }>;

const PAGE = 1_000;
/** Pages one look reads; the next goes on. */
const PAGES_MAX = 20;
/**
 * Numbers are given out before rows are visible: a row may appear behind others that were seen. So long after a row was seen nothing is
 * expected to appear before it any more, and the cursor moves past it.
 */
export const SETTLE_MS = 10_000;
const RETRY_MS = 2_000;
const EXTRA_MAX_BYTES = 65_536;

/** Every row that appears is an event. */
export class PostgresWatch implements WatchedSource {
  #isStopped = false;
  #table: ForeignTable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  /** null: it has never looked. */
  #after: string | null;

  constructor(
    private readonly watcher: WatcherRow,
    private readonly openConnection: OpenConnection,
    private readonly report: WatcherReport,
    private readonly watchers: AssetWatchers,
    private readonly settleMs: number = SETTLE_MS,
  ) {
    this.#after = watcher.cursor;
  }

  get #config(): PostgresConfig {
    return this.watcher.config as PostgresConfig;
  }

  start(): void {
    this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking?.catch(() => undefined);
    await this.#table?.close();
  }

  /** Looks now; a call while it looks makes it look once more. */
  #look(): void {
    if (this.#isStopped) return;
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#again = false;
    let waitMs = this.#config.pollSeconds * 1_000;
    this.#looking = this.#once()
      .catch(async (error: unknown) => {
        this.report.trouble(troubleOf(error));
        waitMs = Math.max(waitMs, RETRY_MS);
        await this.#drop();
      })
      .finally(() => {
        this.#looking = undefined;
        if (this.#isStopped) return;
        if (this.#again) this.#look();
        else this.#timer = setTimeout(() => this.#look(), waitMs);
      });
  }

  async #once(): Promise<void> {
    const table = (this.#table ??= await this.#connect());
    if (this.#after === null) {
      const newest = await table.newest();
      await this.report.take([], newest);
      this.#after = newest;
      return;
    }
    let from = this.#after;
    let isUnsettled = false;
    for (let page = 0; page < PAGES_MAX && !this.#isStopped; page++) {
      const rows = await table.rowsAfter(from, PAGE);
      if (rows.length === 0) return;
      const known = await this.watchers.known(this.watcher.id, rows.map((row) => row.cursor), this.settleMs);
      const unsettledAt = rows.findIndex((row) => known.get(row.cursor) !== true);
      const settles = isUnsettled ? [] : rows.slice(0, unsettledAt < 0 ? rows.length : unsettledAt).map((row) => row.cursor);
      isUnsettled ||= unsettledAt >= 0;
      const cursor = settles.at(-1) ?? null;
      const fresh = rows.filter((row) => !known.has(row.cursor));
      if (fresh.length > 0 || cursor !== null) await this.report.take(fresh.map((row) => this.#itemOf(row)), cursor, settles);
      if (cursor !== null) this.#after = cursor;
      from = rows.at(-1)!.cursor;
      if (rows.length < PAGE) return;
    }
    this.#again = true;
  }

  async #connect(): Promise<ForeignTable> {
    const config = this.#config;
    const connection = await this.openConnection(config.connId, this.watcher.dags);
    if (connection === undefined) throw new Error(`there is no connection "${config.connId}"`);
    const table = new ForeignTable({
      url: addressOf('postgres', connection, 5432, config.connId),
      table: config.table, cursorColumn: config.cursorColumn, columns: config.columns, partitionKeyColumn: config.partitionKeyColumn, channel: config.channel,
      onNotified: () => this.#look(),
      onEnded: (reason) => {
        if (this.#table !== table) return;
        this.#table = undefined;
        if (!this.#isStopped) this.report.trouble(troubleOf(new Error(reason)));
      },
    });
    try {
      await table.open();
    } catch (error) {
      await table.close();
      throw error;
    }
    this.report.connected();
    return table;
  }

  async #drop(): Promise<void> {
    const table = this.#table;
    this.#table = undefined;
    await table?.close();
  }

  #itemOf(row: ForeignRow): WatchedItem {
    const seen = { item: row.cursor, cursor: row.cursor, sameAs: null };
    const extra = { [this.#config.cursorColumn]: row.cursor, ...row.values };
    const json = JSON.stringify(extra);
    if (Buffer.byteLength(json) > EXTRA_MAX_BYTES) return { ...seen, ok: false, error: `the row has ${Buffer.byteLength(json)} bytes as JSON; the limit is ${EXTRA_MAX_BYTES}: name fewer columns`, content: json.slice(0, 2_000) };
    if (this.#config.partitionKeyColumn !== null && (row.partitionKey === null || row.partitionKey === '' || row.partitionKey.length > PARTITION_KEY_MAX_LENGTH)) {
      return { ...seen, ok: false, error: `column "${this.#config.partitionKeyColumn}" holds no partition key of 1 to ${PARTITION_KEY_MAX_LENGTH} characters`, content: json.slice(0, 2_000) };
    }
    return { ...seen, ok: true, extra, partitionKey: row.partitionKey };
  }
}
