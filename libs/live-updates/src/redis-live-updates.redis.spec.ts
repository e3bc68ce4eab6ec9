import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLogger, createMetrics } from '@millrace/telemetry';
import type { Metrics } from '@millrace/telemetry';
import { freePort, testRedis } from '@millrace/test-services';
import type { TestRedis } from '@millrace/test-services';
import { Ear, describeLiveUpdates, said, update } from './live-updates.conformance.js';
import { RedisLiveUpdates } from './redis-live-updates.js';

const logger = createLogger({ service: 'spec', stream: new Writable({ write: (_line, _encoding, done) => done() }) });
let redis: TestRedis;
let counter = 0;

beforeAll(async () => {
  redis = await testRedis();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

describeLiveUpdates('Redis', async () => {
  const prefix = `${redis.prefix}${++counter}`;
  return { create: () => new RedisLiveUpdates({ url: redis.url, prefix, logger }), dispose: () => Promise.resolve() };
});

describe('Redis in trouble', () => {
  const services: RedisLiveUpdates[] = [];
  const servers: ChildProcess[] = [];
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    for (const server of servers.splice(0)) await end(server);
  });

  function service(url: string, metrics: Metrics = createMetrics('spec', { process: false })): RedisLiveUpdates {
    const created = new RedisLiveUpdates({ url, logger, metrics, prefix: redis.prefix });
    services.push(created);
    return created;
  }
  /** A server of the spec's own, to be killed and frozen. */
  async function serverOn(port: number): Promise<ChildProcess> {
    const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
    servers.push(server);
    return server;
  }

  it('starts, publishes and stops without a Redis, and counts what was lost', async () => {
    const metrics = createMetrics('spec', { process: false });
    const away = service(`redis://127.0.0.1:${await freePort()}`, metrics);
    away.subscribe(() => undefined);
    await away.start();
    away.publish([update('a'), update('b')]);
    away.present('worker', 'w', {}, 1_000);
    expect(await away.whoIsPresent('worker')).toEqual([]);
    expect(away.connected).toBe(false);
    expect(await metrics.registry.metrics()).toContain('millrace_live_updates_dropped_total{service="spec"} 3');
    await away.stop();
  });

  it('is back after a Redis that was killed, and does not wait for one that is frozen', async () => {
    const port = await freePort();
    const first = await serverOn(port);
    const live = service(`redis://127.0.0.1:${port}`);
    const ear = new Ear();
    live.subscribe(ear.take);
    await live.start();
    await said(live, [ear], 'before');

    await end(first);
    await vi.waitFor(() => expect(live.connected).toBe(false), { timeout: 10_000 });
    live.publish([update('lost')]);

    const second = await serverOn(port);
    await said(live, [ear], 'after');
    expect(ear.runs.has('lost')).toBe(false);

    second.kill('SIGSTOP');
    for (let i = 0; i < 1_000; i++) live.publish([update(`frozen-${i}`)]);
    expect(await live.whoIsPresent('worker')).toEqual([]);
    second.kill('SIGCONT');
    await said(live, [ear], 'thawed');
  });

  it('does not care when everything in Redis is deleted', async () => {
    const live = service(redis.url);
    const ear = new Ear();
    live.subscribe(ear.take);
    await live.start();
    await said(live, [ear], 'before');
    live.present('worker', 'w', {}, 60_000);
    const client = new Redis(redis.url);
    await client.flushdb();
    client.disconnect();
    await said(live, [ear], 'after');
    live.present('worker', 'w', {}, 60_000);
    await vi.waitFor(async () => expect(await live.whoIsPresent('worker')).toHaveLength(1), { timeout: 10_000 });
  });

  it('talks to a Redis that asks for a certificate when it has one of the right authority, and says why when not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-redis-tls-'));
    try {
      const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
      const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      for (const ca of ['ours', 'theirs']) openssl('req', '-x509', ...ec, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`, '-days', '2');
      writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      for (const [name, by] of [['server', 'ours'], ['client', 'ours'], ['stranger', 'theirs']] as const) {
        openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
        openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', 'ext');
      }
      const file = (name: string): Buffer => readFileSync(join(folder, name));
      const port = await freePort();
      servers.push(spawn('redis-server', ['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', '', '--tls-cert-file', 'server.pem', '--tls-key-file', 'server.key', '--tls-ca-cert-file', 'ours.pem', '--tls-auth-clients', 'yes'], { cwd: folder, stdio: 'ignore' }));
      const said: string[] = [];
      const listening = createLogger({ service: 'spec', stream: new Writable({ write: (line, _encoding, done) => (said.push(String(line)), done()) }) });
      const connecting = (name: string | null): RedisLiveUpdates => {
        const created = new RedisLiveUpdates({ url: `rediss://localhost:${port}`, tls: { ca: file('ours.pem'), ...(name === null ? {} : { cert: file(`${name}.pem`), key: file(`${name}.key`) }) }, logger: listening, prefix: redis.prefix });
        services.push(created);
        return created;
      };
      const live = connecting('client');
      await live.start();
      await vi.waitFor(() => expect(live.connected).toBe(true), { timeout: 30_000 });
      for (const name of [null, 'stranger']) {
        said.length = 0;
        const refused = connecting(name);
        await refused.start();
        // The server's alert, or, where our own write was first, the connection it reset.
        await vi.waitFor(() => expect(said.join('')).toMatch(/no connection to Redis.*(certificate required|unknown ca|ECONNRESET|EPIPE|closed)/), { timeout: 30_000 });
        expect(refused.connected).toBe(false);
        await refused.stop();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 90_000);

  it('ignores what others write to the channel', async () => {
    const live = service(redis.url);
    const ear = new Ear();
    live.subscribe(ear.take);
    await live.start();
    await said(live, [ear], 'before');
    const client = new Redis(redis.url);
    for (const text of ['', '{', '{}', '[1,null,"x",{"kind":"bomb","atMs":1},{"kind":"run","atMs":"x"},{"kind":"run","atMs":1,"state":{}}]', JSON.stringify([update('good')])]) await client.publish(`${redis.prefix}:live`, text);
    client.disconnect();
    await vi.waitFor(() => expect(ear.runs.has('good')).toBe(true), { timeout: 10_000 });
    expect([...ear.runs]).toEqual(['before', 'good']);
  });
});

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}
