import type { WatcherDocument } from '@millrace/contracts';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';

/** Something outside that is listened to, made by {@link rabbitmq} or {@link postgres}. */
export type Watcher = WatcherDocument;

export interface RabbitMqOptions {
  /** Shown, and told apart by, within the asset. @default 'rabbitmq' */
  readonly name?: string;
  /** A connection of type `amqp` or `rabbitmq`. */
  readonly connId: string;
  readonly exchange: string;
  /** @default '#' */
  readonly routingKey?: string;
  /** An existing queue to take from. @default a durable queue of the watcher's own, bound to the exchange */
  readonly queue?: string;
  /** Field of the JSON body that is the event's partition key. */
  readonly partitionKeyField?: string;
}

/**
 * Every message is an event of the asset: its JSON body is the event's extra.
 * @example asset('orders', { watchers: [rabbitmq({ connId: 'shop', exchange: 'orders', routingKey: 'order.paid' })] })
 */
export function rabbitmq(options: RabbitMqOptions): Watcher {
  required(options, 'rabbitmq', ['connId', 'exchange']);
  return {
    kind: 'rabbitmq',
    name: options.name ?? 'rabbitmq',
    connId: options.connId,
    exchange: options.exchange,
    routingKey: options.routingKey ?? '#',
    queue: options.queue ?? null,
    partitionKeyField: options.partitionKeyField ?? null,
  };
}

export interface PostgresOptions {
  /** Shown, and told apart by, within the asset. @default 'postgres' */
  readonly name?: string;
  /** A connection of type `postgres`; a user that may only read the table is enough. */
  readonly connId: string;
  /** `table` or `schema.table`. */
  readonly table: string;
  /** A column that only grows: a serial id or a time of insertion. @default 'id' */
  readonly cursorColumn?: string;
  /** Columns that go into the event's extra, besides the cursor. */
  readonly columns?: readonly string[];
  /** LISTEN here: rows are looked for as soon as somebody notifies. */
  readonly channel?: string;
  /** @default '500ms' */
  readonly pollEvery?: Duration;
  /** Column that is the event's partition key. */
  readonly partitionKeyColumn?: string;
}

/**
 * Every row that is inserted is an event of the asset. Rows that were there before the watcher are none.
 * @example asset('orders', { watchers: [postgres({ connId: 'shop', table: 'orders', columns: ['customer'] })] })
 */
export function postgres(options: PostgresOptions): Watcher {
  required(options, 'postgres', ['connId', 'table']);
  return {
    kind: 'postgres',
    name: options.name ?? 'postgres',
    connId: options.connId,
    table: options.table,
    cursorColumn: options.cursorColumn ?? 'id',
    columns: [...(options.columns ?? [])],
    channel: options.channel ?? null,
    pollSeconds: options.pollEvery === undefined ? 0.5 : secondsOf(options.pollEvery, 'pollEvery'),
    partitionKeyColumn: options.partitionKeyColumn ?? null,
  };
}

function required(options: object, what: string, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    if (typeof value !== 'string' || value === '') throw new RangeError(`${what}() needs ${name}, got ${JSON.stringify(value)}`);
  }
}
