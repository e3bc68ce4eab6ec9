import { testConnection } from '@millrace/operators';
import { freePort, testDatabase } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gcsServer } from './gcs-server.js';
import { httpServer, json } from './http-server.js';
import type { HttpServer } from './http-server.js';
import { StandInEngine } from './docker-engine.js';

let web: HttpServer;
beforeAll(async () => {
  web = await httpServer(({ path, headers }, response) => {
    if (path === '/auth.test') return json(response, 200, headers.authorization === 'Bearer xoxb-right' ? { ok: true, user: 'bot', team: 'Data' } : { ok: false, error: 'invalid_auth' });
    return response.writeHead(headers.authorization === `Basic ${Buffer.from('ada:right-password').toString('base64')}` ? 204 : 401).end();
  });
});
afterAll(() => web[Symbol.asyncDispose]());

const FIELDS = { connectionId: 'c', connType: 'http', host: null, port: null, login: null, password: null, schema: null, extra: {} };
const probe = (fields: Partial<typeof FIELDS> | object): Promise<{ status: boolean; message: string }> =>
  testConnection({ ...FIELDS, ...fields }, new AbortController().signal).then((message) => ({ status: true, message }), (error: Error) => ({ status: false, message: error.message }));

describe('testing a connection', () => {
  it('logs in to PostgreSQL', async () => {
    await using database = await testDatabase();
    const url = new URL(database.url);
    const given = { connType: 'postgres', host: url.hostname, port: Number(url.port || 5_432), login: decodeURIComponent(url.username), password: url.password === '' ? null : decodeURIComponent(url.password), schema: database.name };
    expect(await probe(given)).toEqual({ status: true, message: expect.stringMatching(/^Connection successfully tested: PostgreSQL \d+/) });
    expect((await probe({ ...given, schema: 'no_such_database' })).status).toBe(false);
  });

  it('asks web servers, Slack, Docker and Google', async () => {
    const http = { host: '127.0.0.1', port: web.port, login: 'ada' };
    expect(await probe({ ...http, password: 'right-password' })).toEqual({ status: true, message: 'Connection successfully tested: 204 No Content' });
    expect(await probe({ ...http, password: 'wrong-password' })).toEqual({ status: false, message: '401 Unauthorized' });
    expect(await probe({ connType: 'slack', host: web.url, password: 'xoxb-right' })).toEqual({ status: true, message: 'Connection successfully tested: this is bot in Data' });
    expect(await probe({ connType: 'slack', host: web.url, password: 'xoxb-wrong' })).toEqual({ status: false, message: "Slack's auth.test refused: invalid_auth" });
    await using engine = await StandInEngine.start();
    expect((await probe({ connType: 'docker', host: engine.url })).message).toBe('Connection successfully tested: Docker 25.0.0-stand-in');
    await using gcs = await gcsServer(['one', 'two']);
    expect((await probe({ connType: 'google_cloud_platform', extra: { endpoint_url: gcs.url } })).message).toBe('Connection successfully tested: 2 buckets');
  });

  it('dials what it cannot log in to, and names the types it knows', async () => {
    expect((await probe({ connType: 'redis', host: '127.0.0.1', port: web.port })).message).toMatch(/^Somebody listens on 127\.0\.0\.1:\d+; login and rights were not tried$/);
    expect((await probe({ connType: 'redis', host: '127.0.0.1', port: await freePort() })).message).toMatch(/ECONNREFUSED/);
    expect((await probe({ connType: 'fs' })).message).toMatch(/of type "fs" cannot be tested from the api.*postgres/);
    expect((await probe({ connType: 'smtp', host: '127.0.0.1', port: await freePort() })).message).toMatch(/ECONNREFUSED/);
  });
});
