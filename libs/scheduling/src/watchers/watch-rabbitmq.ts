import { createHash, randomUUID } from 'node:crypto';
import type { WatcherDocument } from '@millrace/contracts';
import { NaturalBatcher } from '@millrace/lifecycle';
import { ForeignQueue } from '@millrace/messaging';
import type { ForeignMessage } from '@millrace/messaging';
import type { WatcherRow } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import type { OpenConnection, WatchedItem, WatchedSource, WatcherReport } from './watched-source.js';
import { addressOf, troubleOf } from './watched-source.js';

type RabbitMqConfig = Extract<WatcherDocument, { kind: 'rabbitmq' }>;

const PREFETCH = 100;
const BODY_MAX_BYTES = 65_536;
/** Shown of a message that could not be used. */
const SHOWN_CHARS = 2_000;
/** What could not be written goes back after this long: the database is away, and the broker would give it again at once. */
const RELEASE_AFTER_MS = 1_000;

/** Every message is an event. It is acknowledged after the commit; when it comes again, its name is known. */
export class RabbitMqWatch implements WatchedSource {
  #queue: ForeignQueue | undefined;
  #isStopped = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #batcher: NaturalBatcher<WatchedItem, null>;
  readonly #releases = new Set<NodeJS.Timeout>();

  constructor(
    private readonly watcher: WatcherRow,
    private readonly openConnection: OpenConnection,
    private readonly report: WatcherReport,
    private readonly logger: Logger,
  ) {
    this.#batcher = new NaturalBatcher({
      maxSize: PREFETCH,
      flush: async (items) => {
        await this.report.take(items, null);
        return items.map(() => null);
      },
    });
  }

  start(): void {
    void this.#open().catch((error: unknown) => {
      this.report.trouble(troubleOf(error));
      if (!this.#isStopped) this.#retry = setTimeout(() => this.start(), 5_000);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    for (const timer of this.#releases) clearTimeout(timer);
    await this.#queue?.close();
  }

  async #open(): Promise<void> {
    const config = this.watcher.config as RabbitMqConfig;
    const connection = await this.openConnection(config.connId, this.watcher.dags);
    if (connection === undefined) throw new Error(`there is no connection "${config.connId}"`);
    if (this.#isStopped) return;
    this.#queue = new ForeignQueue({
      url: addressOf('amqp', connection, 5672, config.connId),
      exchange: config.exchange, routingKey: config.routingKey, queue: config.queue, ownQueue: ownQueueOf(this.watcher), prefetch: PREFETCH,
      name: `${this.watcher.assetName}.${this.watcher.name}`, logger: this.logger,
      onMessage: (message) => void this.#take(message),
      onConnected: () => this.report.connected(),
      onTrouble: (reason) => this.report.trouble(troubleOf(new Error(reason))),
    });
    this.#queue.open();
  }

  async #take(message: ForeignMessage): Promise<void> {
    try {
      await this.#batcher.add(itemOf(message, this.watcher.config as RabbitMqConfig));
      message.ack();
    } catch (error) {
      this.report.trouble(troubleOf(error));
      const timer = setTimeout(() => {
        this.#releases.delete(timer);
        message.release();
      }, RELEASE_AFTER_MS);
      this.#releases.add(timer);
    }
  }
}

/** A queue of its own for each watcher: what was published while nobody listened waits there. */
function ownQueueOf(watcher: WatcherRow): string {
  const named = `${watcher.assetName}.${watcher.name}`.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, 100);
  return `millrace.watch.${named}.${createHash('sha256').update(`${watcher.assetName}\n${watcher.assetUri}\n${watcher.name}`).digest('hex').slice(0, 8)}`;
}

/** Its name is the sender's id; without one its content tells whether it was taken before the broker gave it again. */
export function itemOf(message: ForeignMessage, config: Pick<RabbitMqConfig, 'partitionKeyField'>): WatchedItem {
  const content = createHash('sha256').update(message.exchange).update('\n').update(message.routingKey).update('\n').update(message.content).digest('hex');
  const name = message.messageId === null ? { item: `content ${content} ${randomUUID()}`, sameAs: message.redelivered ? `content ${content} ` : null } : { item: `id ${message.messageId.slice(0, 500).replaceAll('\0', '')}`, sameAs: null };
  const seen = { ...name, cursor: null };
  const refused = (error: string): WatchedItem => ({ ...seen, ok: false, error, content: shown(message.content) });
  if (message.content.length > BODY_MAX_BYTES) return refused(`the message has ${message.content.length} bytes; the limit is ${BODY_MAX_BYTES}`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(message.content);
  } catch {
    return refused('the message is no UTF-8 text');
  }
  if (text.includes('\0') || /\\u0000/.test(text)) return refused('the message holds a NUL character, which cannot be stored');
  const body = parsed(text);
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const extra = isObject ? (body as Record<string, unknown>) : { body };
  if (config.partitionKeyField === null) return { ...seen, ok: true, extra, partitionKey: null };
  const key = isObject ? (body as Record<string, unknown>)[config.partitionKeyField] : undefined;
  if ((typeof key !== 'string' && typeof key !== 'number') || String(key) === '' || String(key).length > PARTITION_KEY_MAX_LENGTH) {
    return refused(`the message has no field "${config.partitionKeyField}" with a partition key of 1 to ${PARTITION_KEY_MAX_LENGTH} characters`);
  }
  return { ...seen, ok: true, extra, partitionKey: String(key) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function shown(content: Buffer): string {
  return content.subarray(0, SHOWN_CHARS).toString('utf8').replaceAll('\0', '\u2400');
}
