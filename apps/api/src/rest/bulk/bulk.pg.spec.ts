import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
});
afterAll(() => rig[Symbol.asyncDispose]());

const bulk = (path: string, ...actions: object[]) => rig.call('PATCH', `/api/v2/${path}`, { body: { actions } });

describe('many at once', () => {
  it('creates, updates and deletes, and says of each action what came of it', async () => {
    const answer = await bulk('variables', { action: 'create', entities: [{ key: 'a', value: '1' }, { key: 'b', value: { x: [1] } }] });
    expect([answer.status, answer.body]).toEqual([200, { create: { success: ['a', 'b'], errors: [] }, update: null, delete: null }]);
    const more = await bulk('variables', { action: 'update', entities: [{ key: 'a', value: '2', description: 'no' }], update_mask: ['value'] }, { action: 'delete', entities: ['b'] });
    expect(more.body).toMatchObject({ update: { success: ['a'] }, delete: { success: ['b'] } });
    expect((await rig.get('/api/v2/variables')).body.variables).toMatchObject([{ key: 'a', value: '2', description: null }]);
  });

  it.each([
    ['fail', { success: [], errors: [{ error: 'The pools with these pool names already exist: p', status_code: 409 }] }, 1, 404],
    ['skip', { success: ['new_skip'], errors: [] }, 1, 200],
    ['overwrite', { success: ['p', 'new_overwrite'], errors: [] }, 7, 200],
  ])('what exists, with %s', async (onExistence, expected, slots, statusOfNew) => {
    await rig.call('POST', '/api/v2/pools', { body: { name: 'p', slots: 1 } });
    await rig.call('PATCH', '/api/v2/pools/p', { body: { slots: 1 } });
    const answer = await bulk('pools', { action: 'create', action_on_existence: onExistence, entities: [{ name: 'p', slots: 7 }, { name: `new_${onExistence}`, slots: 2 }] });
    expect(answer.body.create).toEqual(expected);
    expect((await rig.get('/api/v2/pools/p')).body.slots).toBe(slots);
    expect((await rig.get(`/api/v2/pools/new_${onExistence}`)).status).toBe(statusOfNew);
  });

  it('what does not exist, with fail and with skip', async () => {
    const failing = await bulk('connections', { action: 'delete', entities: ['none', 'neither'] });
    expect(failing.body.delete).toEqual({ success: [], errors: [{ error: 'The connections with these connection_ids were not found: none, neither', status_code: 404 }] });
    expect((await bulk('connections', { action: 'delete', action_on_non_existence: 'skip', entities: ['none'] })).body.delete).toEqual({ success: [], errors: [] });
  });

  it('one that is refused does not hold up the others', async () => {
    await rig.call('POST', '/api/v2/pools', { body: { name: 'doomed', slots: 1 } });
    const answer = await bulk('pools', { action: 'delete', entities: ['default_pool', 'doomed'] });
    expect(answer.body.delete).toMatchObject({ success: ['doomed'], errors: [{ status_code: 400 }] });
  });

  it('refuses what is no action, a body too many, and who may not', async () => {
    expect((await bulk('pools', { action: 'rename', entities: [] })).status).toBe(422);
    expect((await bulk('pools', { action: 'create', entities: [{ name: '', slots: 1 }] })).status).toBe(422);
    await rig.sql(`insert into app_user (name, password_hash, role) select 'vera', password_hash, 'Viewer' from app_user where name = 'admin'`);
    expect((await rig.call('PATCH', '/api/v2/pools', { token: await rig.login('vera'), body: { actions: [] } })).status).toBe(403);
  });
});

describe('connections', () => {
  it('that operators look for can be made, and stay when they exist', async () => {
    await rig.call('POST', '/api/v2/connections', { body: { connection_id: 'http_default', conn_type: 'http', host: 'mine' } });
    expect((await rig.call('POST', '/api/v2/connections/defaults')).status).toBe(204);
    expect((await rig.get('/api/v2/connections/http_default')).body.host).toBe('mine');
    expect((await rig.get('/api/v2/connections/postgres_default')).body).toMatchObject({ conn_type: 'postgres', port: 5432 });
  });

  it('are not tried unless the installation says so', async () => {
    expect((await rig.call('POST', '/api/v2/connections/test', { body: { connection_id: 'x', conn_type: 'http', host: '127.0.0.1' } })).status).toBe(403);
  });

  it('are tried, with the stored password for a masked one, and no secret in the answer', async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.headers.authorization === `Basic ${Buffer.from('me:hunter2').toString('base64')}` ? 200 : 401;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using open = await ApiRig.open({ 'security.test_connections': true });
    const body = { connection_id: 'web', conn_type: 'http', host: '127.0.0.1', port, login: 'me' };
    const test = (more: object) => open.call('POST', '/api/v2/connections/test', { body: { ...body, ...more } }).then((answer) => answer.body);
    expect(await test({ password: 'wrong' })).toEqual({ status: false, message: '401 Unauthorized' });
    await open.call('POST', '/api/v2/connections', { body: { ...body, password: 'hunter2' } });
    expect(await test({ password: '***' })).toMatchObject({ status: true });
    const database = new URL(open.migrated.url);
    const postgres = { connection_id: 'pg', conn_type: 'postgres', host: database.hostname, port: Number(database.port || 5432), login: decodeURIComponent(database.username), schema: database.pathname.slice(1) };
    expect(await test({ ...postgres, password: decodeURIComponent(database.password) })).toMatchObject({ status: true });
    const refused = await test({ ...postgres, login: 'nobody_of_that_name', password: 'a secret text' });
    expect(refused.status).toBe(false);
    expect(refused.message).not.toContain('a secret text');
    expect(await test({ conn_type: 'gopher' })).toMatchObject({ status: true });
    expect(await test({ conn_type: 'gopher', port: null })).toMatchObject({ status: false, message: expect.stringContaining('cannot be tested from the api') as string });
    server.close();
  });
});

describe('dag files', () => {
  it('are asked to be read again by their token, and no other', async () => {
    await rig.publish('pools.ts', [{ format: 1, dagId: 'swims', tasks: [] }]);
    const token = (await rig.get('/api/v2/dags/swims')).body.file_token as string;
    expect((await rig.call('PUT', `/api/v2/parseDagFile/${token}`)).status).toBe(201);
    expect(await rig.sql('select bundle_name, relative_fileloc from reparse_request')).toEqual([{ bundle_name: 'dags', relative_fileloc: 'pools.ts' }]);
    const other = Buffer.from(JSON.stringify({ bundle_name: 'dags', relative_fileloc: '../etc/passwd' })).toString('base64url');
    for (const bad of [other, 'x', Buffer.from('[]').toString('base64url')]) expect((await rig.call('PUT', `/api/v2/parseDagFile/${bad}`)).status).toBe(404);
  });
});
