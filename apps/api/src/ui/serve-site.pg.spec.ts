import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from '../testing/api-rig.js';
import { serveSite } from './serve-site.js';

let site: string;
beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), 'millrace-site-'));
  await mkdir(join(site, 'static'));
  await writeFile(join(site, 'index.html'), '<!doctype html><meta name="csp-nonce" content="__MILLRACE_NONCE__">');
  await writeFile(join(site, 'static', 'main-abc.js'), `export const long = '${'x'.repeat(5_000)}';`);
});
afterAll(() => rm(site, { recursive: true, force: true }));

async function served() {
  const fastify = Fastify();
  await serveSite(fastify, `${site}/`);
  return fastify;
}
const HTML = { accept: 'text/html,*/*;q=0.8' };

it('answers every address of the UI with the one page, under a policy that lets nothing foreign or inline run', async () => {
  const fastify = await served();
  const nonces = new Set<string>();
  for (const url of ['/', '/dags', '/dags/a%2Fb/runs/c?view=graph']) {
    const { statusCode, headers, body } = await fastify.inject({ url, headers: HTML });
    expect(statusCode, url).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', 'x-frame-options': 'DENY' });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toMatch(/unsafe|\*/);
    const nonce = /'nonce-([\w-]+)'/.exec(policy)![1]!;
    expect(body).toContain(`content="${nonce}"`);
    nonces.add(nonce);
  }
  expect(nonces.size).toBe(3);
  await fastify.close();
});

it('keeps hashed files for a year, packed for who can unpack', async () => {
  const fastify = await served();
  const plain = await fastify.inject({ url: '/static/main-abc.js' });
  expect(plain.headers).toMatchObject({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' });
  const packed = await fastify.inject({ url: '/static/main-abc.js', headers: { 'accept-encoding': 'gzip, br' } });
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(packed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 10);
  await fastify.close();
});

it('leaves what is not there to the api: its paths, files that are gone, and whoever asks for no page', async () => {
  await using rig = await ApiRig.open();
  for (const path of ['/api/v2/nothing', '/static/gone.js', '/auth/nothing']) expect((await rig.get(path, { token: null, headers: HTML })).status, path).toBe(404);
  expect((await rig.get('/nowhere', { token: null })).status).toBe(404);
  expect((await rig.get('/nowhere', { token: null, headers: HTML })).status).toBe(200);
});
