import { execFile } from 'node:child_process';
import { createServer, connect as connectTcp } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import type { Channel, ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEAD_LETTER_QUEUE, WAKE_EXCHANGE } from '@millrace/contracts';
import { createLogger, createMetrics } from '@millrace/telemetry';
import { testAddresses, testVirtualHost } from '@millrace/test-services';
import type { TestVirtualHost } from '@millrace/test-services';
import { Inbox, attempts, describeBroker } from '../broker.conformance.js';
import { AmqpBroker } from './amqp-broker.js';
import type { AmqpBrokerOptions } from './amqp-broker.js';
import { taskQueueName } from './task-queue-topology.js';

const logger = createLogger({ service: 'spec', stream: new Writable({ write: (_line, _encoding, done) => done() }) });
let host: TestVirtualHost;
let admin: ChannelModel;

beforeAll(async () => {
  host = await testVirtualHost();
  admin = await connect(host.url);
});
afterAll(async () => {
  await admin.close();
  await host[Symbol.asyncDispose]();
});

async function withChannel<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> {
  const channel = await admin.createChannel();
  channel.on('error', () => undefined); // The failed call rejects with it.
  try {
    return await work(channel);
  } finally {
    await channel.close().catch(() => undefined);
  }
}

function connected(broker: AmqpBroker): Promise<void> {
  return broker.signals.publishing.next();
}

for (const queueType of ['quorum', 'classic'] as const) {
  // A classic queue counts no deliveries: a message may go round, and its attempt is claimed or refused at the first.
  describeBroker(`RabbitMQ with ${queueType} queues`, async () => ({
    create: (metrics) => new AmqpBroker({ url: host.url, service: 'spec', logger, metrics, queueType }),
    connected: (broker) => connected(broker as AmqpBroker),
    deadLetters: () => withChannel(async (channel) => (await channel.checkQueue(DEAD_LETTER_QUEUE)).messageCount),
    parksWhatKeepsComingBack: queueType === 'quorum',
    dispose: () => withChannel((channel) => channel.deleteQueue(DEAD_LETTER_QUEUE)).then(() => undefined),
  }));
}

describe('RabbitMQ in trouble', () => {
  let broker: AmqpBroker;
  let queue: string;
  let proxy: Proxy;

  beforeEach(async () => {
    queue = `trouble-${Math.random().toString(36).slice(2)}`;
    proxy = await Proxy.toward(new URL(host.url));
  });
  afterEach(async () => {
    await broker.stop();
    await proxy.close();
  });

  async function started(options: Partial<AmqpBrokerOptions> = {}): Promise<AmqpBroker> {
    broker = new AmqpBroker({ url: host.url, service: 'spec', logger, ...options });
    const up = connected(broker);
    await broker.start();
    await up;
    return broker;
  }

  it('starts without a broker, says what is wrong, and works when it comes', async () => {
    await proxy.close();
    broker = new AmqpBroker({ url: proxy.url, service: 'spec', logger });
    const inbox = new Inbox();
    await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
    await broker.start();
    await broker.listen([1], () => undefined);
    expect(await broker.publishAttempts(queue, attempts())).toBe('not-connected');
    expect(await broker.depth(queue)).toBeNull();
    await vi.waitFor(() => expect(broker.health().checks['broker_publish']?.detail).toMatch(/reconnecting for \d+ s: .*ECONNREFUSED/), { timeout: 10_000 });
    const up = connected(broker);
    await proxy.listen();
    await up;
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
    (await inbox.at(0)).ack();
    await vi.waitFor(() => expect(broker.health()).toEqual({ ok: true, checks: { broker_publish: { ok: true }, broker_consume: { ok: true } } }), { timeout: 10_000 });
  });

  it('stops at once while it is still looking for a broker', async () => {
    await proxy.close();
    broker = new AmqpBroker({ url: proxy.url, service: 'spec', logger });
    await broker.start();
    await broker.stop();
    expect(broker.health().ok).toBe(false);
  });

  it('tells a refused password without repeating it', async () => {
    const url = new URL(host.url);
    url.password = 'not-the-password';
    broker = new AmqpBroker({ url: url.href, service: 'spec', logger });
    await broker.start();
    await vi.waitFor(() => expect(broker.health().checks['broker_publish']?.detail).toMatch(/ACCESS_REFUSED|403/), { timeout: 10_000 });
    expect(JSON.stringify(broker.health())).not.toContain('not-the-password');
  });

  it('goes on consuming when the queue is deleted underneath', async () => {
    await started();
    const inbox = new Inbox();
    await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
    await broker.publishAttempts(queue, attempts());
    (await inbox.at(0)).ack();
    await vi.waitFor(() => expect(broker.health().ok).toBe(true));
    const again = broker.signals.consuming.next();
    await withChannel((channel) => channel.deleteQueue(taskQueueName(queue)));
    await again;
    const message = attempts();
    await vi.waitFor(async () => expect(await broker.publishAttempts(queue, message)).toBe('confirmed'), { timeout: 10_000 });
    expect((await inbox.at(1)).message).toEqual(message);
  });

  it('tells that a message found no queue, and declares the queue for the next', async () => {
    await started();
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
    await withChannel((channel) => channel.deleteQueue(taskQueueName(queue)));
    expect(await broker.publishAttempts(queue, attempts())).toBe('unroutable');
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
  });

  it('comes back when every connection is closed by an operator, and never throws meanwhile', async () => {
    await started();
    const inbox = new Inbox();
    const rung = new Set<string>();
    await broker.consumeAttempts(queue, { prefetch: 100 }, (delivery) => {
      delivery.ack();
      inbox.take(delivery);
    });
    await broker.listen([4], (wake) => wake.runs.forEach((run) => rung.add(run)));
    await vi.waitFor(() => expect(broker.health().ok).toBe(true), { timeout: 10_000 });
    const [publishing, consuming] = [connected(broker), broker.signals.consuming.next()];
    let publish = true;
    const results = new Set<string>();
    const publishers = Array.from({ length: 4 }, async () => {
      while (publish) {
        results.add(await broker.publishAttempts(queue, attempts()));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await closeAllConnections();
    await Promise.all([publishing, consuming]);
    publish = false;
    await Promise.all(publishers);
    expect([...results].filter((result) => result === 'unroutable' || result === 'refused')).toEqual([]);
    const message = attempts();
    expect(await broker.publishAttempts(queue, message)).toBe('confirmed');
    await vi.waitFor(() => expect(inbox.deliveries.some((delivery) => delivery.message.ids[0]?.[0] === message.ids[0]?.[0])).toBe(true), { timeout: 10_000 });
    broker.ring(4, { v: 1, runs: ['00000000-0000-7000-8000-000000000001'], dags: [] });
    await vi.waitFor(() => expect(rung.size).toBe(1), { timeout: 10_000 });
  });

  it('gives up a connection on which no confirm comes, and makes another', async () => {
    await started({ url: proxy.url, confirmTimeoutMs: 300 });
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
    proxy.freeze();
    expect(await broker.publishAttempts(queue, attempts())).toBe('timed-out');
    const up = connected(broker);
    proxy.thaw();
    await up;
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
  });

  it('keeps a bounded window of unconfirmed messages, and confirms all of a crowd', async () => {
    await started();
    const results = await Promise.all(Array.from({ length: 5_000 }, () => broker.publishAttempts(queue, attempts())));
    expect(new Set(results)).toEqual(new Set(['confirmed']));
    await vi.waitFor(async () => expect(await broker.depth(queue)).toBe(5_000), { timeout: 20_000 });
  });

  it('parks garbage from the wire with its reason counted, and goes on', async () => {
    const metrics = createMetrics('spec', { process: false });
    await started({ metrics });
    const inbox = new Inbox();
    await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
    await broker.depth(queue); // The queue exists from here on.
    const garbage = [Buffer.alloc(0), Buffer.from('{'), Buffer.from([0xff, 0xfe]), Buffer.from('{"__proto__":{"v":1}}'), Buffer.from('[]'), Buffer.from(JSON.stringify({ ...attempts(), v: 99 })), Buffer.alloc(4_194_305, 'a')];
    // Confirmed: what a channel sent to a quorum queue and nobody waits for may go when it is closed.
    const sender = await admin.createConfirmChannel();
    for (const content of garbage) sender.sendToQueue(taskQueueName(queue), content);
    await sender.waitForConfirms();
    await sender.close();
    const good = attempts();
    await broker.publishAttempts(queue, good);
    expect((await inbox.at(0)).message).toEqual(good);
    await vi.waitFor(async () => expect(await metrics.registry.metrics()).toContain(`millrace_broker_malformed_messages_total{kind="attempts",service="spec"} ${garbage.length}`), { timeout: 10_000 });
    await vi.waitFor(() => withChannel(async (channel) => expect((await channel.checkQueue(DEAD_LETTER_QUEUE)).messageCount).toBeGreaterThanOrEqual(garbage.length)), { timeout: 10_000 });
  });

  it('ignores garbage at the doorbell', async () => {
    await started();
    const rung: string[] = [];
    await broker.listen([2], (wake) => rung.push(...wake.runs));
    await vi.waitFor(() => expect(broker.health().ok).toBe(true), { timeout: 10_000 });
    await withChannel(async (channel) => {
      for (const text of ['', '[]', '{"v":2,"runs":[],"dags":[]}', '{"v":1,"runs":["not a uuid"],"dags":[]}']) channel.publish(WAKE_EXCHANGE, '2', Buffer.from(text));
    });
    broker.ring(2, { v: 1, runs: ['00000000-0000-7000-8000-000000000002'], dags: [] });
    await vi.waitFor(() => expect(rung).toEqual(['00000000-0000-7000-8000-000000000002']), { timeout: 10_000 });
  });

  it('uses a queue that exists with other arguments as it is', async () => {
    await withChannel((channel) => channel.assertQueue(taskQueueName(queue), { durable: true }));
    await started();
    const inbox = new Inbox();
    await broker.consumeAttempts(queue, { prefetch: 10 }, inbox.take);
    expect(await broker.publishAttempts(queue, attempts())).toBe('confirmed');
    (await inbox.at(0)).ack();
  });
});

async function closeAllConnections(): Promise<void> {
  const [command, ...args] = testAddresses().rabbitmqctl;
  if (command === undefined) throw new Error('this spec needs rabbitmqctl');
  // The spec's own connection goes too, and is opened again.
  admin.on('error', () => undefined);
  await promisify(execFile)(command, [...args, '--quiet', 'close_all_connections', '--vhost', host.name, 'spec']);
  admin = await connect(host.url);
}

/** A TCP proxy before the broker that can be away (closed) or silent (frozen). */
class Proxy {
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();
  private frozen = false;
  private port = 0;

  private constructor(private readonly target: URL) {}

  static async toward(target: URL): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.listen();
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href;
  }

  async listen(): Promise<void> {
    const server = createServer((inner) => {
      const outer = connectTcp({ host: this.target.hostname, port: Number(this.target.port || 5672) });
      for (const [from, to] of [[inner, outer], [outer, inner]] as const) {
        this.sockets.add(from);
        from.on('data', (chunk) => to.write(chunk));
        from.on('error', () => undefined);
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
        if (this.frozen) from.pause();
      }
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  freeze(): void {
    this.frozen = true;
    for (const socket of this.sockets) socket.pause();
  }

  thaw(): void {
    this.frozen = false;
    for (const socket of this.sockets) socket.resume();
  }

  async close(): Promise<void> {
    const server = this.server;
    this.server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
