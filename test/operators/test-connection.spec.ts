import { testConnection } from '@millrace/operators';
import { testDatabase } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeConnection } from '../../apps/api/src/rest/connections/probe-connection.js';
import { gcsServer } from './gcs-server.js';
import { httpServer, json } from './http-server.js';
import type { HttpServer } from './http-server.js';
import { StandInEngine } from './docker-engine.js';
import { freePort } from '@millrace/test-services';

let web: HttpServer;
beforeAll(async () => {
  web = await httpServer(({ path, headers }, response) => {
    if (path === '/auth.test') return json(response, 200, headers.authorization === 'Bearer xoxb-right' ? { ok: true, user: 'bot', team: 'Data' } : { ok: false, error: 'invalid_auth' });
    return response.writeHead(headers.authorization === `Basic ${Buffer.from('ada:right-password').toString('base64')}` ? 204 : 401).end();
  });
});
afterAll(() => web[Symbol.asyncDispose]());

const probe = (fields: object) => probeConnection({ connection_id: 'c', conn_type: 'http', password: null, extra: null, ...fields });

describe('testing a connection', () => {
  it('logs in to PostgreSQL, and hides what a server repeats', async () => {
    await using database = await testDatabase();
    const url = new URL(database.url);
    const given = { conn_type: 'postgres', host: url.hostname, port: Number(url.port || 5_432), login: decodeURIComponent(url.username), password: url.password === '' ? null : decodeURIComponent(url.password), schema: database.name };
    expect(await probe(given)).toEqual({ status: true, message: expect.stringMatching(/^Connection successfully tested: PostgreSQL \d+/) });
    const refused = await probe({ ...given, password: 'no_such_database', schema: 'no_such_database' });
    expect(refused.status).toBe(false);
    expect(refused.message).not.toContain('no_such_database');
  });

  it('asks web servers, Slack, Docker and Google', async () => {
    const http = { host: '127.0.0.1', port: web.port, login: 'ada' };
    expect(await probe({ ...http, password: 'right-password' })).toEqual({ status: true, message: 'Connection successfully tested: 204 No Content' });
    expect(await probe({ ...http, password: 'wrong-password' })).toEqual({ status: false, message: '401 Unauthorized' });
    expect(await probe({ conn_type: 'slack', host: web.url, password: 'xoxb-right' })).toEqual({ status: true, message: 'Connection successfully tested: this is bot in Data' });
    expect(await probe({ conn_type: 'slack', host: web.url, password: 'xoxb-wrong' })).toEqual({ status: false, message: "Slack's auth.test refused: invalid_auth" });
    await using engine = await StandInEngine.start();
    expect((await probe({ conn_type: 'docker', host: engine.url })).message).toBe('Connection successfully tested: Docker 25.0.0-stand-in');
    await using gcs = await gcsServer(['one', 'two']);
    expect((await probe({ conn_type: 'google_cloud_platform', extra: JSON.stringify({ endpoint_url: gcs.url }) })).message).toBe('Connection successfully tested: 2 buckets');
  });

  it('dials what it cannot log in to, and names the types it knows', async () => {
    expect((await probe({ conn_type: 'redis', host: '127.0.0.1', port: web.port })).message).toMatch(/^Somebody listens on 127\.0\.0\.1:\d+; login and rights were not tried$/);
    expect((await probe({ conn_type: 'redis', host: '127.0.0.1', port: await freePort() })).message).toMatch(/ECONNREFUSED/);
    expect((await probe({ conn_type: 'fs' })).message).toMatch(/of type "fs" cannot be tested from the api.*postgres/);
    expect((await probe({ extra: 'no json' })).message).toBe('extra is not JSON');
    await expect(testConnection({ connectionId: 'c', connType: 'smtp', host: '127.0.0.1', port: await freePort(), login: null, password: null, schema: null, extra: {} }, new AbortController().signal)).rejects.toThrow(/ECONNREFUSED/);
  });
});
