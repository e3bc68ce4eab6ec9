import { InProcessLiveUpdates } from '@millrace/live-updates';
import { InProcessBroker } from '@millrace/messaging';
import { migrate } from '@millrace/persistence';
import { migratedDatabase } from '@millrace/persistence/testing';
import { freePort, testDatabase, waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { createApi } from './index.js';
import { ApiRig, apiConfiguration, listeningLogger } from './testing/api-rig.js';

describe('the api as a service', () => {
  it('waits for a database without schema, says what to do, and starts when it is there', async () => {
    await using database = await testDatabase();
    const logged: string[] = [];
    const api = createApi({ config: apiConfiguration(database.url, '/nonexistent'), broker: new InProcessBroker(), liveUpdates: new InProcessLiveUpdates(), logger: listeningLogger(logged) });
    const starting = api.start();
    await waitFor(() => logged.find((line) => line.includes('waiting for the database')), { timeoutMs: 15_000, what: 'the api to say that it waits' });
    expect(logged.join('\n')).toContain('millrace db migrate');
    // Its port is open already: alive, not ready, and why.
    const ask = async (path: string) => fetch(`http://127.0.0.1:${api.httpPort}${path}`).then(async (answer) => ({ status: answer.status, retryAfter: answer.headers.get('retry-after'), text: await answer.text() }));
    expect(await ask('/livez')).toMatchObject({ status: 200 });
    for (const path of ['/readyz', '/health', '/api/v2/dags']) expect(await ask(path)).toMatchObject({ status: 503, retryAfter: '5', text: expect.stringContaining('millrace db migrate') });
    await migrate(database.url);
    await starting;
    expect(logged.filter((line) => line.startsWith('info ready'))).toHaveLength(1);
    expect(await ask('/readyz')).toMatchObject({ status: 200 });
    await api.stop();
  });

  it('shows metrics on a port of their own when it is given one, and there alone', async () => {
    const migrated = await migratedDatabase();
    await using _ = migrated;
    const opsPort = await freePort();
    const api = createApi({ config: apiConfiguration(migrated.url, '/nonexistent', { 'api.ops_port': opsPort }), broker: new InProcessBroker(), liveUpdates: new InProcessLiveUpdates(), logger: listeningLogger([]) });
    await api.start();
    const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    expect(text).toContain('millrace_database_connections{pool="hot",state="used",service="api"}');
    expect((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${api.httpPort}/metrics`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${api.httpPort}/readyz`)).status).toBe(200);
    await api.stop();
  });

  it('can be stopped while it waits', async () => {
    const logged: string[] = [];
    const config = apiConfiguration('postgres://nobody@127.0.0.1:1/none', '/nonexistent');
    const api = createApi({ config, broker: new InProcessBroker(), liveUpdates: new InProcessLiveUpdates(), logger: listeningLogger(logged) });
    const starting = api.start();
    await waitFor(() => logged.length > 0, { timeoutMs: 15_000, what: 'the api to say that it waits' });
    await api.stop();
    await starting;
    expect(api.httpPort).toBe(0);
  });

  it('says which port is in use', async () => {
    await using rig = await ApiRig.open();
    const second = createApi({
      config: apiConfiguration(rig.migrated.url, rig.logsFolder, { 'api.port': rig.api.httpPort }),
      broker: new InProcessBroker(), liveUpdates: new InProcessLiveUpdates(), logger: listeningLogger([]),
    });
    await expect(second.start()).rejects.toThrow(`port ${rig.api.httpPort} on 127.0.0.1 is in use`);
    await second.stop();
  });

  it('stops with readers of a live log and of updates still there, and starts again', async () => {
    await using rig = await ApiRig.open();
    const authorization = `Bearer ${await rig.login()}`;
    const updates = await fetch(`${rig.url}/api/millrace/v1/updates?dag_id=etl`, { headers: { authorization } });
    const reader = updates.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe(': here\n\n');
    rig.liveUpdates.publish([{ kind: 'run', dagId: 'other', runId: 'r', state: 'queued', atMs: 1 }, { kind: 'run', dagId: 'etl', runId: 'r', state: 'success', atMs: 2 }]);
    expect((await reader.read()).value).toMatch(/^id: [0-9a-f]{8}-\d+\nevent: run\ndata: \{"kind":"run","dagId":"etl","runId":"r","state":"success","atMs":2\}\n\n$/);
    await rig.api.stop();
    await expect(fetch(`http://127.0.0.1:${rig.api.httpPort || 1}/livez`)).rejects.toThrow();
    await rig.api.start();
    expect((await rig.get('/health', { token: null })).body).toMatchObject({ status: 'healthy', checks: { database: { ok: true } } });
    expect((await rig.get('/metrics', { token: null })).body).toContain('millrace_process_cpu_user_seconds_total');
    expect((await rig.get('/livez', { token: null })).status).toBe(200);
  });
});
