import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { tortureStartStop } from '@millrace/lifecycle';
import type { HealthReport } from '@millrace/lifecycle';
import { createMetrics } from './create-metrics.js';
import { OpsServer } from './ops-server.js';

let health: () => HealthReport;
const metrics = createMetrics('spec');
const server = new OpsServer({ port: 0, health: () => health(), registry: metrics.registry, extra: { '/extra': (_request, response) => void response.end('extra') } });
afterEach(() => server.stop());

async function get(path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

describe('OpsServer', () => {
  it('answers health by what the service says', async () => {
    await server.start();
    health = () => ({ ok: true, checks: { database: { ok: true } } });
    const good = await get('/health');
    expect(good).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(good.text)).toEqual({ status: 'healthy', ok: true, checks: { database: { ok: true } } });
    health = () => ({ ok: false, checks: { database: { ok: false, detail: 'gone' } } });
    expect(await get('/health?x=1')).toMatchObject({ status: 503, text: expect.stringContaining('gone') });
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/livez')).status).toBe(200);
  });

  it('says that asking failed, without secrets', async () => {
    await server.start();
    health = () => { throw new Error('postgres://u:canary@h'); };
    const answer = await get('/health');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('canary');
  });

  it('shows metrics with the prefix and the service', async () => {
    await server.start();
    metrics.counter({ name: 'spec_total', help: 'h', labels: ['result'] as const }).inc({ result: 'ok' });
    metrics.counter({ name: 'spec_total', help: 'h', labels: ['result'] as const }).inc({ result: 'ok' });
    metrics.gauge({ name: 'spec_size', help: 'h', collect: (gauge) => gauge.set(7) });
    metrics.histogram({ name: 'spec_seconds', help: 'h', buckets: [1, 2] }).observe(1.5);
    const { text, type } = await get('/metrics');
    expect(type).toContain('text/plain');
    expect(text).toContain('millrace_spec_total{result="ok",service="spec"} 2');
    expect(text).toContain('millrace_spec_size{service="spec"} 7');
    expect(text).toContain('millrace_spec_seconds_bucket{le="2",service="spec"} 1');
    expect(text).toContain('millrace_nodejs_eventloop_lag_seconds{service="spec"}');
  });

  it('answers more paths, and no others', async () => {
    await server.start();
    expect(await get('/extra')).toMatchObject({ status: 200, text: 'extra' });
    expect((await get('/health', 'POST')).status).toBe(405);
    expect((await get('/constructor')).status).toBe(404);
    expect((await get('/')).status).toBe(404);
  });

  it('says plainly that a port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(new OpsServer({ port, health, registry: metrics.registry }).start()).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
    await new Promise((resolve) => other.close(resolve));
  });

  it('survives overlapping starts and stops', async () => {
    await tortureStartStop(server, { rounds: 200, check: () => expect(server.port).toBe(0) });
    await server.start();
    expect((await get('/livez')).status).toBe(200);
  });
});
