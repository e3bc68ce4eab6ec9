import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ManagedService } from '@millrace/lifecycle';
import { AssetWatchers, WatcherTaking, isTransient } from '@millrace/persistence';
import type { Database, WatcherRow } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { recordAssetEvents } from '../assets/record-events.js';
import { PostgresWatch } from './watch-postgres.js';
import { RabbitMqWatch } from './watch-rabbitmq.js';
import type { OpenConnection, WatchedItem, WatchedSource, WatcherReport } from './watched-source.js';
import { troubleOf } from './watched-source.js';

export interface WatcherDeskOptions {
  /** Who holds the leases: the scheduler's id. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly everyMs: number;
  /** See `SETTLE_MS`; specs wait less. */
  readonly settleMs?: number;
}

interface Held {
  readonly watcher: WatcherRow;
  readonly source: WatchedSource;
}

const FORGET_EVERY = 300;

/**
 * Holds connections to what dags have watched. Which scheduler holds which is a lease in the database; a scheduler that dies loses its own
 * within a few seconds. Leases are only about work: that an item counts once is kept by its name, written in the transaction of its event.
 */
export class WatcherDesk extends ManagedService {
  readonly name = 'watchers';
  readonly #watchers: AssetWatchers;
  readonly #held = new Map<number, Held>();
  #loop: Promise<void> | undefined;
  #pass = 0;

  constructor(
    private readonly database: Database,
    private readonly openConnection: OpenConnection,
    private readonly look: (dagIds: readonly string[]) => void,
    private readonly logger: Logger,
    private readonly options: WatcherDeskOptions,
  ) {
    super();
    this.#watchers = new AssetWatchers(database);
  }

  get watching(): number {
    return this.#held.size;
  }

  protected async open(signal: AbortSignal): Promise<void> {
    this.#loop = this.#run(signal);
  }

  protected async close(): Promise<void> {
    await this.#loop;
    await Promise.all([...this.#held.keys()].map((id) => this.#letGo(id)));
    await this.#watchers.release(this.options.owner).catch(() => undefined);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failing = false;
    while (!signal.aborted) {
      try {
        await this.#renew();
        failing = false;
      } catch (error) {
        if (!failing) this.logger.warn('watchers cannot be leased now; trying again', { error: troubleOf(error) });
        failing = true;
      }
      await sleep(this.options.everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #renew(): Promise<void> {
    const rows = await this.#watchers.lease(this.options.owner, this.options.leaseMs);
    const mine = new Map(rows.map((row) => [row.id, row]));
    for (const [id, { watcher }] of this.#held) {
      const now = mine.get(id);
      if (now === undefined || now.kind !== watcher.kind || !isDeepStrictEqual([now.config, now.dags], [watcher.config, watcher.dags])) await this.#letGo(id);
    }
    for (const row of rows) if (!this.#held.has(row.id)) this.#watch(row);
    if (this.#pass++ % FORGET_EVERY === 0) await this.#watchers.forgetOld();
  }

  #watch(watcher: WatcherRow): void {
    const facts = { asset: watcher.assetName, watcher: watcher.name, kind: watcher.kind };
    let trouble = '';
    const report: WatcherReport = {
      take: (items, cursor, settles) => this.take(watcher, items, cursor, settles ?? []),
      connected: () => {
        trouble = '';
        this.logger.info('watching', facts);
        void this.#watchers.connected(watcher.id).catch(() => undefined);
      },
      trouble: (reason) => {
        if (reason === trouble) return;
        trouble = reason;
        this.logger.warn('a watcher has trouble; trying again', { ...facts, reason });
        void this.#watchers.trouble(watcher.id, reason).catch(() => undefined);
      },
    };
    const source =
      watcher.kind === 'rabbitmq' ? new RabbitMqWatch(watcher, this.openConnection, report, this.logger)
      : watcher.kind === 'postgres' ? new PostgresWatch(watcher, this.openConnection, report, this.#watchers, this.options.settleMs)
      : null;
    // Of a newer version: left to a scheduler that knows it.
    if (source === null) return report.trouble(`this version knows no watcher of kind "${watcher.kind}"`);
    this.#held.set(watcher.id, { watcher, source });
    source.start();
  }

  async #letGo(id: number): Promise<void> {
    const held = this.#held.get(id);
    this.#held.delete(id);
    await held?.source.stop();
  }

  /** One transaction for all; when one of them cannot be written, each by itself, and that one is parked. */
  async take(watcher: WatcherRow, items: readonly WatchedItem[], cursor: string | null, settles: readonly string[]): Promise<void> {
    try {
      await this.#write(watcher, items, cursor, settles);
    } catch (error) {
      if (isTransient(error) || error instanceof NotHeld) throw error;
      if (items.length !== 1) {
        for (const item of items) await this.take(watcher, [item], null, []);
        return this.#write(watcher, [], cursor, settles);
      }
      const [item] = items as [WatchedItem];
      await this.#write(watcher, [{ item: item.item, cursor: item.cursor, sameAs: item.sameAs, ok: false, error: troubleOf(error), content: item.ok ? JSON.stringify(item.extra).slice(0, 2_000) : item.content }], cursor, settles);
    }
  }

  async #write(watcher: WatcherRow, items: readonly WatchedItem[], cursor: string | null, settles: readonly string[]): Promise<void> {
    const dagIds = await this.database.inTransaction(async (tx) => {
      const taking = new WatcherTaking(tx, watcher.id);
      if (!(await taking.hold(this.options.owner))) throw new NotHeld('another scheduler watches by now');
      const fresh = items.length === 0 ? new Set<string>() : await taking.noteSeen(items.map(({ item, cursor: at, sameAs }) => ({ item, cursor: at, sameAs })));
      const news = items.filter((item) => fresh.has(item.item));
      const events = news.flatMap((item) => (item.ok ? [{ name: watcher.assetName, uri: watcher.assetUri, group: null, extra: { ...item.extra, from_watcher: watcher.name }, aliases: [], partitionKey: item.partitionKey, instanceId: null }] : []));
      for (const item of news) if (!item.ok) await taking.park(item.item, item.content, item.error);
      const recorded = events.length === 0 ? { dagIds: [] } : await recordAssetEvents(tx, events);
      await taking.advance(cursor, events.length > 0);
      await taking.forget(settles);
      return recorded.dagIds;
    });
    if (dagIds.length > 0) this.look(dagIds);
  }
}

class NotHeld extends Error {}
