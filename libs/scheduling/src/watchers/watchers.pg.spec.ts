import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import pg from 'pg';
import type { DagDocumentInput } from '@millrace/contracts';
import { AssetWatchers } from '@millrace/persistence';
import { testDatabase, testVirtualHost, waitFor } from '@millrace/test-services';
import { expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { addressOf, troubleOf } from './watched-source.js';
import type { WatcherConnection } from './watched-source.js';
import { RabbitMqWatch, itemOf } from './watch-rabbitmq.js';
import { WatcherDesk } from './watcher-desk.js';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const QUICK = { leaseMs: 1_500, everyMs: 100, settleMs: 400 };

function connectionOf(url: string): WatcherConnection {
  const { hostname, port, username, password, pathname } = new URL(url);
  return { connType: 'x', host: hostname, port: port === '' ? null : Number(port), login: decodeURIComponent(username) || null, password: decodeURIComponent(password) || null, schema: decodeURIComponent(pathname.slice(1)) };
}

const waits = (dagId: string, watcher: object): DagDocumentInput => ({
  format: 1, dagId, maxActiveRuns: 1_000, tasks: [{ taskId: 't', operator: 'x' }],
  schedule: { kind: 'assets', condition: { asset: { name: 'orders', uri: 's3://orders', watchers: [{ name: 'w', connId: 'outside', ...watcher }] } } as never },
});

async function rigWith(dag: DagDocumentInput, outside: string, owners = ['one'], settleMs = QUICK.settleMs) {
  const rig = await SchedulerRig.open();
  await rig.publish(dag);
  await rig.addWorker(() => ({}));
  const desks = owners.map((owner) => new WatcherDesk(rig.migrated.database, async (id) => (id === 'outside' ? connectionOf(outside) : undefined), (dagIds) => rig.cores[0]!.assets.forDags(dagIds), silent, { owner, ...QUICK, settleMs }));
  for (const desk of desks) await desk.start();
  const extras = async (): Promise<unknown[]> => (await rig.sql<{ extra: unknown }>('select extra from asset_event order by id')).map((row) => row.extra);
  const runs = async (): Promise<number> => (await rig.sql<{ n: number }>(`select count(*)::int as n from dag_run where dag_id = $1 and run_type = 'asset_triggered'`, [dag.dagId]))[0]!.n;
  const watcher = async () => (await rig.sql<{ last_error: string | null; connected_at: Date | null; lease_owner: string | null; cursor_value: string | null }>('select * from asset_watcher'))[0]!;
  return {
    rig, desks, extras, runs, watcher,
    async [Symbol.asyncDispose]() {
      for (const desk of desks) await desk.stop();
      await rig[Symbol.asyncDispose]();
    },
  };
}

async function brokerWith(exchange: string) {
  const host = await testVirtualHost();
  const model = await connect(host.url);
  const channel = await model.createConfirmChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const publish = async (content: unknown, more: object = {}): Promise<void> => {
    channel.publish(exchange, 'order.paid', Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), more);
    await channel.waitForConfirms();
  };
  return {
    url: host.url, publish,
    async [Symbol.asyncDispose]() {
      await model.close();
      await host[Symbol.asyncDispose]();
    },
  };
}
const rabbit = { kind: 'rabbitmq', exchange: 'orders', routingKey: 'order.*', queue: null, partitionKeyField: null };

it('a message is an event and starts a run; one that comes again changes nothing; poison is parked and shown', async () => {
  await using broker = await brokerWith('orders');
  await using made = await rigWith(waits('reads', rabbit), broker.url);
  await waitFor(async () => (await made.watcher()).connected_at !== null, { timeoutMs: 10_000, what: 'the watcher to listen' });
  await broker.publish({ order: 1 }, { messageId: 'm1' });
  await waitFor(async () => (await made.runs()) === 1, { timeoutMs: 10_000, what: 'a run' });
  await broker.publish({ order: 1 }, { messageId: 'm1' });
  await broker.publish('just text', { messageId: 'm2' });
  await broker.publish(Buffer.from([0xff, 0xfe, 0x00]), { messageId: 'm3' });
  await broker.publish('x'.repeat(70_000), { messageId: 'm4' });
  await broker.publish({ order: 5 });
  await waitFor(async () => (await made.extras()).length === 3, { timeoutMs: 10_000, what: 'three events' });
  expect(await made.extras()).toEqual([{ order: 1, from_watcher: 'w' }, { body: 'just text', from_watcher: 'w' }, { order: 5, from_watcher: 'w' }]);
  expect(await made.rig.sql('select item, error from asset_watcher_parked order by item')).toEqual([
    { item: 'id m3', error: 'the message is no UTF-8 text' }, { item: 'id m4', error: 'the message has 70000 bytes; the limit is 65536' },
  ]);
});

it('what was published while nobody listened waits; one scheduler of two listens, and the other takes over', async () => {
  await using broker = await brokerWith('orders');
  await using made = await rigWith(waits('reads', rabbit), broker.url, ['one', 'two']);
  await waitFor(async () => (await made.watcher()).connected_at !== null, { timeoutMs: 10_000, what: 'the watcher to listen' });
  expect(made.desks.map((desk) => desk.watching).sort()).toEqual([0, 1]);
  const [first] = made.desks[0]!.watching === 1 ? [made.desks[0]!] : [made.desks[1]!];
  await broker.publish({ order: 1 });
  await waitFor(async () => (await made.extras()).length === 1, { timeoutMs: 10_000, what: 'the first event' });
  await first.stop();
  await broker.publish({ order: 2 });
  await waitFor(async () => (await made.extras()).length === 2, { timeoutMs: 10_000, what: 'the second event' });
});

it('a message whose end was not heard of is taken once', async () => {
  await using broker = await brokerWith('orders');
  await using made = await rigWith(waits('reads', rabbit), broker.url, []);
  await made.rig.sql(`update asset_watcher set lease_owner = 'me', lease_until = now() + interval '1 hour'`);
  const watchers = new AssetWatchers(made.rig.migrated.database);
  const [row] = await watchers.lease('me', 3_600_000);
  const desk = new WatcherDesk(made.rig.migrated.database, async () => connectionOf(broker.url), () => {}, silent, { owner: 'me', ...QUICK });
  let isCut = true;
  let stop: () => Promise<void> = async () => {};
  const listening = new Promise<void>((resolve) => {
    const watch = new RabbitMqWatch(row!, async () => connectionOf(broker.url), {
      take: async (items, cursor) => {
        await desk.take(row!, items, cursor, []);
        // Committed, and then the scheduler is gone before it could acknowledge.
        if (isCut) throw new Error('gone');
      },
      connected: resolve,
      trouble: () => (isCut = false),
    }, silent);
    watch.start();
    stop = () => watch.stop();
  });
  await listening;
  for (const n of [1, 2, 3]) await broker.publish({ order: n });
  await broker.publish({ order: 3 }, { messageId: 'named' });
  await waitFor(async () => (await made.extras()).length >= 4 && !isCut, { timeoutMs: 10_000, what: 'the events' });
  await broker.publish({ order: 'last' });
  await waitFor(async () => JSON.stringify(await made.extras()).includes('last'), { timeoutMs: 10_000, what: 'the last event' });
  expect((await made.extras()).map((extra) => (extra as { order: unknown }).order).toSorted()).toEqual([1, 2, 3, 3, 'last']);
  await stop();
});
it('what cannot be listened to is told where the watcher is shown', async () => {
  await using broker = await brokerWith('orders');
  await using made = await rigWith(waits('reads', { ...rabbit, exchange: 'nowhere' }), broker.url);
  await waitFor(async () => (await made.watcher()).last_error?.includes("no exchange 'nowhere'"), { timeoutMs: 10_000, what: 'the trouble to be told' });
});

async function tableWith(columns: string) {
  const database = await testDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`create table orders (${columns})`);
  return {
    url: database.url, client,
    async [Symbol.asyncDispose]() {
      await client.end();
      await database[Symbol.asyncDispose]();
    },
  };
}
const rows = { kind: 'postgres', table: 'orders', cursorColumn: 'id', columns: ['customer'], channel: null, pollSeconds: 0.1, partitionKeyColumn: null };
const ids = (extras: readonly unknown[]): unknown[] => extras.map((extra) => (extra as { id: unknown }).id);

it('a row is an event and starts a run; rows from before are none', async () => {
  await using table = await tableWith('id bigint generated always as identity primary key, customer text');
  await table.client.query(`insert into orders (customer) values ('before')`);
  await using made = await rigWith(waits('reads', rows), table.url);
  await waitFor(async () => (await made.watcher()).cursor_value === '1', { timeoutMs: 10_000, what: 'the watcher to look' });
  await table.client.query(`insert into orders (customer) values ('eve')`);
  await waitFor(async () => (await made.runs()) === 1, { timeoutMs: 10_000, what: 'a run' });
  expect(await made.extras()).toEqual([{ id: '2', customer: 'eve', from_watcher: 'w' }]);
});

it('no row is missed or counted twice: those that appear behind others, many at once, and over a restart', async () => {
  await using table = await tableWith('id bigint generated always as identity primary key, customer text');
  // Longer than anything here takes until the late row is committed.
  await using made = await rigWith(waits('reads', { ...rows, channel: 'orders' }), table.url, ['one', 'two'], 8_000);
  await waitFor(async () => (await made.watcher()).cursor_value !== null, { timeoutMs: 10_000, what: 'the watcher to look' });
  const late = new pg.Client({ connectionString: table.url });
  await late.connect();
  await late.query('begin');
  await late.query(`insert into orders (customer) values ('late')`);
  await table.client.query(`insert into orders (customer) select 'many' from generate_series(1, 1200)`);
  await table.client.query('notify orders');
  await waitFor(async () => (await made.extras()).length === 1_200, { timeoutMs: 15_000, what: 'the many' });
  await late.query('commit');
  await late.end();
  await waitFor(async () => (await made.extras()).length === 1_201, { timeoutMs: 10_000, what: 'the late one' });
  await made.desks[made.desks[0]!.watching === 1 ? 0 : 1]!.stop();
  await table.client.query(`insert into orders (customer) values ('after')`);
  await waitFor(async () => (await made.extras()).length === 1_202, { timeoutMs: 10_000, what: 'the one after the restart' });
  expect(new Set(ids(await made.extras())).size).toBe(1_202);
  // What was seen is forgotten once the cursor is past it.
  await waitFor(async () => (await made.rig.sql('select 1 from asset_watcher_seen')).length === 0, { timeoutMs: 25_000, what: 'the cursor to move on' });
  expect((await made.watcher()).cursor_value).toBe('1202');
});

it.each([
  ['a column that does not tell rows apart', { cursorColumn: 'customer' }, 'has no unique index of its own'],
  ['a column that is not there', { cursorColumn: 'nothing' }, 'table orders has no column "nothing"'],
  ['a table that is not there', { table: 'nothing' }, 'relation "nothing" does not exist'],
  ['a connection that is not there', { connId: 'other' }, 'there is no connection "other"'],
])('says of %s what to mend', async (_, more, message) => {
  await using table = await tableWith('id int primary key, customer text');
  await using made = await rigWith(waits('reads', { ...rows, ...more }), table.url);
  await waitFor(async () => (await made.watcher()).last_error?.includes(message), { timeoutMs: 10_000, what: 'the trouble to be told' });
});

it.each([
  ['an object', '{"key": "eu", "rows": 1}', 'key', { ok: true, extra: { key: 'eu', rows: 1 }, partitionKey: 'eu' }],
  ['a number as key', '{"key": 7}', 'key', { ok: true, partitionKey: '7' }],
  ['no key', '{"rows": 1}', 'key', { ok: false }],
  ['a list where a key is needed', '[1]', 'key', { ok: false }],
  ['a list', '[1]', null, { ok: true, extra: { body: [1] } }],
  ['a NUL', '{"a": "\\u0000"}', null, { ok: false }],
])('reads a message with %s', (_, content, partitionKeyField, expected) => {
  const message = { messageId: randomUUID(), exchange: 'e', routingKey: 'r', content: Buffer.from(content), redelivered: false, ack() {}, release() {} };
  expect(itemOf(message, { partitionKeyField })).toMatchObject(expected);
});

it('a password stays in the address', () => {
  expect(addressOf('amqp', { connType: 'amqp', host: 'h', port: null, login: 'joe', password: 'p@ss/word', schema: '/' }, 5672, 'c')).toBe('amqp://joe:p%40ss%2Fword@h:5672/%2F');
  expect(troubleOf(new Error('connect amqp://joe:secret@h failed'))).toBe('connect amqp://***@h failed');
});
