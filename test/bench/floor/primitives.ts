import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import amqp from 'amqplib';
import pg from 'pg';
import { median } from '../measure/statistics.js';
import { openSession } from './wire.js';

/** What one step costs on this machine, each alone; ms are medians. */
export interface Primitives {
  readonly commit_ms: number;
  readonly batched_rows_per_s: number;
  readonly publish_deliver_classic_ms: number;
  readonly publish_deliver_quorum_ms: number;
  readonly grpc_round_trip_ms: number;
  readonly ipc_round_trip_ms: number;
}

const ROUNDS = 500;

export async function measurePrimitives(databaseUrl: string, brokerUrl: string): Promise<Primitives> {
  return {
    ...(await commits(databaseUrl)),
    publish_deliver_classic_ms: await publishDeliver(brokerUrl, 'classic'),
    publish_deliver_quorum_ms: await publishDeliver(brokerUrl, 'quorum'),
    grpc_round_trip_ms: await grpcRoundTrip(),
    ipc_round_trip_ms: await ipcRoundTrip(),
  };
}

async function repeat(once: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < ROUNDS / 10; i++) await once();
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const began = performance.now();
    await once();
    times.push(performance.now() - began);
  }
  return median(times);
}

async function commits(databaseUrl: string): Promise<Pick<Primitives, 'commit_ms' | 'batched_rows_per_s'>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('create table floor_commit (id bigint primary key, state int not null) with (fillfactor = 50)');
    await client.query('insert into floor_commit select g, 0 from generate_series(1, 10000) g');
    let id = 0;
    const commit = await repeat(() => client.query({ name: 'one', text: 'update floor_commit set state = state + 1 where id = any($1)', values: [[(id++ % 10_000) + 1]] }));
    const began = performance.now();
    for (let batch = 0; batch < 20; batch++) {
      await client.query({ name: 'one', text: 'update floor_commit set state = state + 1 where id = any($1)', values: [Array.from({ length: 500 }, (_, i) => batch * 500 + i + 1)] });
    }
    return { commit_ms: commit, batched_rows_per_s: (10_000 / (performance.now() - began)) * 1e3 };
  } finally {
    await client.query('drop table if exists floor_commit');
    await client.end();
  }
}

async function publishDeliver(brokerUrl: string, queueType: string): Promise<number> {
  const [forPublishing, forConsuming] = await Promise.all([amqp.connect(brokerUrl, { noDelay: true }), amqp.connect(brokerUrl, { noDelay: true })]);
  const publisher = await forPublishing.createConfirmChannel();
  const consumer = await forConsuming.createChannel();
  const queue = `floor.primitive.${queueType}`;
  try {
    await consumer.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': queueType } });
    await consumer.prefetch(100);
    let delivered: () => void = () => undefined;
    await consumer.consume(queue, (message) => {
      if (message !== null) consumer.ack(message);
      delivered();
    });
    return await repeat(() => new Promise<void>((resolve) => {
      delivered = resolve;
      publisher.sendToQueue(queue, Buffer.from('{"id":1}'), { persistent: true, mandatory: true });
    }));
  } finally {
    await consumer.deleteQueue(queue);
    await Promise.all([forPublishing.close(), forConsuming.close()]);
  }
}

async function grpcRoundTrip(): Promise<number> {
  const { child, port } = await startEcho();
  const stream = openSession(`127.0.0.1:${port}`);
  stream.on('error', () => undefined);
  const figure = await repeat(() => {
    const answer = once(stream, 'data');
    stream.write({ claim: [1] });
    return answer;
  });
  stream.cancel();
  child.kill();
  return figure;
}

async function ipcRoundTrip(): Promise<number> {
  const { child } = await startEcho();
  const figure = await repeat(() => {
    const answer = once(child, 'message');
    child.send([1]);
    return answer;
  });
  child.kill();
  return figure;
}

async function startEcho(): Promise<{ child: ReturnType<typeof fork>; port: number }> {
  const child = fork(fileURLToPath(new URL('./echo.js', import.meta.url)));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port };
}
