import { join } from 'node:path';
import amqp from 'amqplib';
import pg from 'pg';
import { testDatabase } from '@millrace/test-services';
import type { TestDatabase } from '@millrace/test-services';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

/** Tasks, messages and rows report events while the schedulers are killed in turn: each is recorded once, and used by one run of each dag that waits. */
const RUNS = 40;
const MESSAGES = 400;
const ROWS = 400;

let constellation: Constellation;
let outside: TestDatabase;

beforeAll(async () => {
  outside = await testDatabase();
  await onOutside((client) => client.query('create table outside (id bigint generated always as identity primary key, n int)'));
  constellation = await Constellation.start({
    label: 'assets',
    schedulers: 2,
    workers: [{ queues: ['default'], concurrency: 8 }],
    dags: [join(REPOSITORY_ROOT, 'test/dags/assets.ts')],
    settings: { 'scheduler.sweep_every_ms': 200, 'scheduler.lease_ttl_ms': 3_000, 'scheduler.beat_every_ms': 500, 'worker.self_fence_ms': 2_000 },
  });
  await eventually('the dags to be published', async () => (await count('select count(*) from dag where current_version_id is not null')) >= 5);
  await onBroker(async (channel) => void (await channel.assertExchange('outside', 'topic', { durable: true })));
  await connection('outside_mq', constellation.brokerUrl);
  await connection('outside_db', outside.url);
  await eventually('the watchers to listen', async () => (await count(`select count(*) from asset_watcher where connected_at is not null and lease_until > now() and (kind = 'rabbitmq' or cursor_value is not null)`)) === 2);
  await constellation.client.compareWithDocument();
}, 180_000);
afterAll(async () => {
  if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
  await outside?.[Symbol.asyncDispose]();
}, 120_000);

const count = async (sql: string, values: unknown[] = []): Promise<number> => Number((await constellation.database.query<{ count: string }>(sql, values)).rows[0]!.count);
const eventsOf = (asset: string): Promise<number> => count('select count(*) from asset_event e join asset a on a.id = e.asset_id where a.name = $1', [asset]);

async function connection(id: string, address: string): Promise<void> {
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  await constellation.client.must('POST', '/api/v2/connections', {
    connection_id: id, conn_type: protocol.replace(':', ''), host: hostname, login: decodeURIComponent(username), schema: decodeURIComponent(pathname.slice(1)),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }), ...(port === '' ? {} : { port: Number(port) }),
  });
}

async function onOutside<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: outside.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function onBroker<T>(work: (channel: amqp.ConfirmChannel) => Promise<T>): Promise<T> {
  const model = await amqp.connect(constellation.brokerUrl);
  model.on('error', () => undefined); // a call under way rejects with it
  try {
    return await work(await model.createConfirmChannel());
  } finally {
    await model.close();
  }
}

it('every event is recorded once and used once, though both schedulers are killed in turn', async () => {
  let isOver = false;
  let kills = 0;
  const killing = (async () => {
    for (let round = 0; !isOver; round++) {
      const name = `scheduler-${(round % 2) + 1}`;
      await constellation.kill(name);
      kills++;
      await constellation.restart(name);
      // The other must get a part of the work before it is its turn.
      const before = await count('select count(*) from asset_event');
      await eventually('some work to be done', async () => isOver || (await count('select count(*) from asset_event')) > before);
    }
  })();
  const runs = Array.from({ length: RUNS }, (_, n) => `r${n}`);
  for (let n = 0; n < MESSAGES; n += 40) {
    await onBroker(async (channel) => {
      for (let i = n; i < n + 40; i++) channel.publish('outside', 'x', Buffer.from(JSON.stringify({ n: i })), { messageId: `m${i}`, persistent: true });
      await channel.waitForConfirms();
    });
    await onOutside((client) => client.query('insert into outside (n) select generate_series($1::int, $1::int + 39)', [n]));
    await Promise.all(runs.slice((n / 40) * 4, (n / 40) * 4 + 4).map((runId) => constellation.client.trigger('makes', runId)));
    await eventually('a part to be recorded', async () => (await eventsOf('messages')) >= n / 2);
    // However slow the machine: there is work left when a scheduler is killed.
    await eventually('a scheduler to be killed meanwhile', () => kills > Math.min(2, n / 40), 60_000);
  }
  await eventually('everything to be recorded', async () => (await eventsOf('messages')) >= MESSAGES && (await eventsOf('rows')) >= ROWS && (await eventsOf('made')) >= RUNS && (await eventsOf('found')) >= RUNS, 120_000);
  isOver = true;
  await killing;
  await eventually('nothing to wait for any more', async () => (await count('select (select count(*) from asset_queued_event) + (select count(*) from outbox) as count')) === 0, 60_000);

  const { rows: recorded } = await constellation.database.query<{ name: string; events: string; different: string; uses: string }>(
    `select a.name, count(distinct e.id) as events, count(distinct coalesce(e.extra->>'n', e.extra->>'of')) as different, count(x.*) as uses
     from asset_event e join asset a on a.id = e.asset_id left join dag_run_asset_event x on x.event_id = e.id group by a.name order by a.name`,
  );
  expect(recorded.map(({ name, events, different, uses }) => [name, Number(events), Number(different), Number(uses)])).toEqual([
    ['found', RUNS, RUNS, RUNS], ['made', RUNS, RUNS, RUNS], ['messages', MESSAGES, MESSAGES, MESSAGES], ['rows', ROWS, ROWS, ROWS],
  ]);
  expect(await count('select count(*) from asset_watcher_parked')).toBe(0);
  expect(kills).toBeGreaterThan(2);
}, 300_000);
