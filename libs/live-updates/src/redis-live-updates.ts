import { Redis } from 'ioredis';
import { ManagedService, backoffMs } from '@millrace/lifecycle';
import type { ClientTlsFiles } from '@millrace/lifecycle';
import { createMetrics } from '@millrace/telemetry';
import type { Logger, Metrics } from '@millrace/telemetry';
import { readUpdates } from './check-update.js';
import { Coalescer } from './coalescer.js';
import type { LiveUpdate, LiveUpdates, Presence, PresenceKind } from './live-updates.js';

export interface RedisLiveUpdatesOptions {
  /** `redis.url`. */
  readonly url: string;
  /** For `rediss:`. */
  readonly tls?: ClientTlsFiles | undefined;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Before every key and channel; installations that share a Redis need different ones. Default `millrace`. */
  readonly prefix?: string;
}

/** Bytes a slow Redis may leave unsent before updates are dropped. */
const MAX_UNSENT_BYTES = 4_194_304;

/**
 * Live updates over Redis pub/sub, presence as keys with a time to live. Redis may be away, slow or emptied: then updates are
 * dropped and counted, and nothing waits. The subscribing connection is opened with the first subscriber.
 */
export class RedisLiveUpdates extends ManagedService implements LiveUpdates {
  readonly name = 'live-updates';
  private readonly handlers = new Set<(update: LiveUpdate) => void>();
  private readonly coalescer: Coalescer;
  private readonly dropped;
  private readonly errors;
  private readonly prefix: string;
  private commands: Redis | null = null;
  private subscriber: Redis | null = null;

  constructor(private readonly options: RedisLiveUpdatesOptions) {
    super();
    const metrics = options.metrics ?? createMetrics('live-updates', { process: false });
    this.dropped = metrics.counter({ name: 'live_updates_dropped_total', help: 'Live updates and presences not sent because Redis was away or slow.' });
    this.errors = metrics.counter({ name: 'live_updates_errors_total', help: 'Failed Redis commands and malformed messages.' });
    this.prefix = options.prefix ?? 'millrace';
    this.coalescer = new Coalescer((updates) => this.send(updates), (count) => this.dropped.inc(count));
  }

  /** Whether updates can be sent now. */
  get connected(): boolean {
    return this.commands?.status === 'ready';
  }

  get hearsOthers(): boolean {
    return this.subscriber?.status === 'ready';
  }

  publish(updates: readonly LiveUpdate[]): void {
    if (this.connected) this.coalescer.add(updates);
    else this.dropped.inc(updates.length);
  }

  subscribe(handler: (update: LiveUpdate) => void): () => void {
    const mine = (update: LiveUpdate): void => handler(update); // The same function may subscribe twice.
    this.handlers.add(mine);
    if (this.commands !== null) this.openSubscriber();
    return () => void this.handlers.delete(mine);
  }

  present(kind: PresenceKind, id: string, facts: Readonly<Record<string, string | number>>, ttlMs: number): void {
    const redis = this.commands;
    if (redis === null || !this.connected) return this.dropped.inc();
    redis
      .multi()
      .sadd(this.presenceIndex(kind), id)
      .set(this.presenceKey(kind, id), JSON.stringify(facts), 'PX', Math.max(1, Math.round(ttlMs)))
      .exec()
      .catch(() => this.errors.inc());
  }

  async whoIsPresent(kind: PresenceKind): Promise<readonly Presence[]> {
    const redis = this.commands;
    if (redis === null || !this.connected) return [];
    try {
      const ids = await redis.smembers(this.presenceIndex(kind));
      if (ids.length === 0) return [];
      const values = await redis.mget(ids.map((id) => this.presenceKey(kind, id)));
      const gone = ids.filter((_, i) => values[i] === null || values[i] === undefined);
      if (gone.length > 0) redis.srem(this.presenceIndex(kind), ...gone).catch(() => this.errors.inc());
      return ids.flatMap((id, i) => {
        const facts = factsOf(values[i]);
        return facts === null ? [] : [{ id, facts }];
      });
    } catch {
      this.errors.inc();
      return [];
    }
  }

  /** Resolves without a connection. */
  protected async open(): Promise<void> {
    this.commands = this.connect('publish');
    if (this.handlers.size > 0) this.openSubscriber();
  }

  protected async close(): Promise<void> {
    this.coalescer.clear();
    this.commands?.disconnect();
    this.subscriber?.disconnect();
    this.commands = null;
    this.subscriber = null;
  }

  private connect(purpose: string): Redis {
    const redis = new Redis(this.options.url, {
      ...(this.options.tls === undefined ? {} : { tls: this.options.tls }),
      // A command without a connection fails at once: waiting for Redis is the one thing nobody may do.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      connectTimeout: 5_000,
      commandTimeout: 2_000,
      lazyConnect: true,
      retryStrategy: (failures) => backoffMs(failures, { minMs: 50, maxMs: 2_000 }),
    });
    let told = false;
    redis.on('error', (error: Error) => {
      this.errors.inc();
      if (told) return;
      told = true;
      this.options.logger.warn('no connection to Redis; live updates are dropped until it is back', { purpose, reason: error.message || (error as NodeJS.ErrnoException).code });
    });
    redis.on('ready', () => {
      if (told) this.options.logger.info('connected to Redis again', { purpose });
      told = false;
    });
    redis.connect().catch(() => undefined); // Told by the error event; tried again by the retry strategy.
    return redis;
  }

  private openSubscriber(): void {
    if (this.subscriber !== null) return;
    const subscriber = this.connect('subscribe');
    this.subscriber = subscriber;
    subscriber.on('ready', () => {
      subscriber.subscribe(this.channel).catch(() => this.errors.inc());
    });
    subscriber.on('message', (_channel: string, text: string) => this.onMessage(text));
  }

  private send(updates: readonly LiveUpdate[]): void {
    const redis = this.commands;
    const unsent = (redis as unknown as { readonly stream?: { readonly writableLength: number } } | null)?.stream?.writableLength ?? 0;
    if (redis === null || !this.connected || unsent > MAX_UNSENT_BYTES) return this.dropped.inc(updates.length);
    redis.publish(this.channel, JSON.stringify(updates)).catch(() => {
      this.errors.inc();
      this.dropped.inc(updates.length);
    });
  }

  private onMessage(text: string): void {
    const updates = readUpdates(text);
    if (updates === null) return this.errors.inc();
    for (const update of updates) {
      for (const handler of [...this.handlers]) {
        try {
          handler(update);
        } catch (error) {
          this.options.logger.error('a handler of live updates failed', { error });
        }
      }
    }
  }

  private get channel(): string {
    return `${this.prefix}:live`;
  }
  private presenceIndex(kind: PresenceKind): string {
    return `${this.prefix}:present:${kind}`;
  }
  private presenceKey(kind: PresenceKind, id: string): string {
    return `${this.prefix}:present:${kind}:${id}`;
  }
}

function factsOf(text: string | null | undefined): Presence['facts'] | null {
  if (text === null || text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return Object.fromEntries(Object.entries(value).filter(([, fact]) => typeof fact === 'string' || typeof fact === 'number'));
  } catch {
    return null;
  }
}
