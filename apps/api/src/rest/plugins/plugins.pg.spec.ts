import { createHash } from 'node:crypto';
import { pluginDocumentSchema } from '@millrace/contracts';
import { Plugins } from '@millrace/persistence';
import type { ReportedPlugin } from '@millrace/persistence';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

/** As a bundle of a plugin module exports it. */
const CODE = `
export const __millrace_module__ = { default: { __millrace: 'plugin', name: 'finance', spec: { routes: [
  { method: 'GET', path: '/rates/:currency', handle: ({ params, query, headers, user }) => ({ rate: 1.5, of: params.currency, day: query.day ?? null, user: user.name, sees: Object.keys(headers).filter((name) => ['authorization', 'cookie'].includes(name)) }) },
  { method: 'POST', path: '/rates', handle: ({ body }) => ({ status: 201, headers: { 'x-made': 'yes', 'set-cookie': 'a=b' }, body: { took: body } }) },
  { method: 'GET', path: '/page', handle: () => ({ headers: { 'content-type': 'text/html' }, body: '<h1>Rates</h1>' }) },
  { method: 'GET', path: '/throws', handle: () => { throw new Error('no rates today'); } },
  { method: 'GET', path: '/crashes', handle: () => { setTimeout(() => { throw new Error('later'); }, 1); return new Promise(() => {}); } },
  { method: 'GET', path: '/steals', handle: async () => { const { readFileSync } = await import('node:fs'); try { return readFileSync('/proc/self/environ', 'utf8'); } catch (error) { return error.code; } } },
  { method: 'GET', path: '/pid', handle: () => process.pid },
] } } };`;

function plugin(source: string, document: object, code: string | null = null): ReportedPlugin {
  return { source, document: pluginDocumentSchema.parse(document), error: null, code: code === null ? null : Buffer.from(code), codeHash: code === null ? null : createHash('sha256').update(code).digest('hex') };
}

describe('plugins by REST', () => {
  let rig: ApiRig;
  let plugins: Plugins;
  beforeAll(async () => {
    rig = await ApiRig.open();
    plugins = new Plugins(rig.migrated.database);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  it('lists what was reported, each module once, and what is broken', async () => {
    const spark = plugin('@acme/spark', { name: 'spark', version: '3.0.0', hooks: ['SparkHook'], links: [{ name: 'Spark UI', operators: ['SparkOperator'] }], macros: ['cluster'], listeners: ['onRunFailed'] });
    await plugins.report('dags', [spark, plugin('plugins/old.ts', { name: 'old' })]);
    await plugins.report('more', [spark]);
    await plugins.report('dags', [spark, { source: 'plugins/broken.ts', document: null, error: { text: 'plugins/broken.ts:3:7: Error: no settings', file: 'plugins/broken.ts', line: 3 }, code: null, codeHash: null }]);
    expect((await rig.get('/api/v2/plugins')).body).toMatchObject({
      total_entries: 1,
      plugins: [{ name: 'spark', source: '@acme/spark', macros: ['macros.spark.cluster'], operator_extra_links: ['Spark UI'], listeners: ['onRunFailed'], hooks: ['SparkHook'], version: '3.0.0', fastapi_apps: [], flask_blueprints: [], timetables: [] }],
    });
    expect((await rig.get('/api/v2/plugins/importErrors')).body).toEqual({ total_entries: 1, import_errors: [{ source: 'plugins/broken.ts', error: 'plugins/broken.ts:3:7: Error: no settings', file: 'plugins/broken.ts', line: 3 }] });
    expect((await rig.get('/api/v2/plugins?limit=0')).body).toMatchObject({ plugins: [], total_entries: 1 });
    await plugins.report('more', []);
    await plugins.report('dags', []);
    expect((await rig.get('/api/v2/plugins')).body).toEqual({ plugins: [], total_entries: 0 });
  });

  it('passes requests to a plugin in a process of its own, which can harm nobody', async () => {
    await plugins.report('dags', [plugin('plugins/finance.ts', { name: 'finance', routes: [{ method: 'GET', path: '/rates/:currency' }] }, CODE)]);
    const ask = async (path: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; text: string }> => {
      const answer = await fetch(`${rig.url}/api/plugins/finance${path}`, { ...init, headers: { authorization: `Bearer ${await rig.login()}`, 'content-type': 'application/json' } });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    expect(JSON.parse((await ask('/rates/E%20R?day=2026-01-02')).text)).toEqual({ rate: 1.5, of: 'E R', day: '2026-01-02', user: 'admin', sees: [] });
    const made = await ask('/rates', { method: 'POST', body: '{"eur":1}' });
    expect([made.status, made.text, made.headers.get('x-made'), made.headers.get('set-cookie')]).toEqual([201, '{"took":{"eur":1}}', 'yes', null]);
    const page = await ask('/page');
    expect([page.text, page.headers.get('content-type'), page.headers.get('content-security-policy')]).toEqual(['<h1>Rates</h1>', 'text/html', 'sandbox allow-scripts']);
    expect(await ask('/throws')).toMatchObject({ status: 503, text: expect.stringContaining('plugin \\"finance\\" failed: Error: no rates today') });
    expect((await ask('/nothing')).status).toBe(404);
    expect((await ask('/rates')).status).toBe(405);
    // It has no files, so no environment of its neighbours either.
    expect((await ask('/steals')).text).toContain('ERR_ACCESS_DENIED');
    const before = (await ask('/pid')).text;
    expect(await ask('/crashes')).toMatchObject({ status: 503, text: expect.stringContaining('an error nobody caught') });
    const after = await ask('/pid');
    expect(after.status).toBe(200);
    expect(after.text).not.toBe(before);
    // New code, new process.
    await plugins.report('dags', [plugin('plugins/finance.ts', { name: 'finance' }, CODE.replace('rate: 1.5', 'rate: 2'))]);
    expect(JSON.parse((await ask('/rates/EUR')).text)).toMatchObject({ rate: 2 });
    expect((await rig.get('/api/plugins/unknown/x')).status).toBe(404);
    expect((await rig.call('GET', '/api/plugins/finance/pid', { token: null })).status).toBe(401);
  });
});
