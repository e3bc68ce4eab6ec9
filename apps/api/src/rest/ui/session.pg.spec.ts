import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig, PASSWORD } from '../../testing/api-rig.js';

let rig: ApiRig;
let cookie: string;
const UI = { 'x-millrace-ui': '1' };

beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('one.ts', [{ format: 1, dagId: 'one', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
});
afterAll(() => rig[Symbol.asyncDispose]());

describe("the browser's session", () => {
  it('is a cookie that no script can read and no other site sends', async () => {
    expect((await rig.get('/auth/session', { token: null })).body).toMatchObject({ user: null, may: {} });
    const { status, body, headers } = await rig.call('POST', '/auth/session', { token: null, body: { username: 'admin', password: PASSWORD }, headers: UI });
    expect([status, body.user]).toEqual([201, { name: 'admin', role: 'Admin' }]);
    expect(body.may.edit).toContain('dag');
    const set = headers.get('set-cookie')!;
    expect(set).toMatch(/^millrace_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    expect(JSON.stringify(body)).not.toContain(set.slice(17, 60));
    cookie = set.split(';')[0]!;
    expect((await rig.get('/auth/session', { token: null, headers: { cookie: `a=b; ${cookie}` } })).body.user.name).toBe('admin');
    expect((await rig.get('/api/v2/dags', { token: null, headers: { cookie } })).status).toBe(200);
  });

  it('is Secure where the page came over TLS', async () => {
    const { headers } = await rig.call('POST', '/auth/session', { token: null, body: { username: 'admin', password: PASSWORD }, headers: { ...UI, 'x-forwarded-proto': 'https' } });
    expect(headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('is opened by the page alone: a form of another site logs nobody in', async () => {
    const body = { username: 'admin', password: PASSWORD };
    expect((await rig.call('POST', '/auth/session', { token: null, body })).status).toBe(403);
    expect((await rig.call('POST', '/auth/session', { token: null, body, headers: { ...UI, 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect((await rig.call('POST', '/auth/session', { token: null, body: { ...body, password: 'wrong' }, headers: UI })).status).toBe(401);
  });

  it.each([
    ['a form of another site', { cookie: 'C', 'sec-fetch-site': 'cross-site', ...UI }],
    ['a page of a sister domain', { cookie: 'C', 'sec-fetch-site': 'same-site', ...UI }],
    ['a request without the header of the page', { cookie: 'C' }],
  ])('changes nothing for %s', async (_, headers) => {
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value === 'C' ? cookie : value]));
    const { status, body } = await rig.call('PATCH', '/api/v2/dags/one', { token: null, body: { is_paused: true }, headers: given as Record<string, string> });
    expect([status, body.detail]).toEqual([403, expect.stringContaining('refused')]);
    expect((await rig.get('/api/v2/dags/one')).body.is_paused).toBe(false);
  });

  it('changes what the page asks for, renews itself and ends', async () => {
    expect((await rig.call('PATCH', '/api/v2/dags/one', { token: null, body: { is_paused: true }, headers: { cookie, 'sec-fetch-site': 'same-origin', ...UI } })).status).toBe(200);
    const renewed = await rig.call('POST', '/auth/session/renew', { token: null, headers: { cookie, ...UI } });
    expect([renewed.status, renewed.headers.get('set-cookie')]).toEqual([200, expect.stringContaining('millrace_session=')]);
    expect((await rig.call('POST', '/auth/session/end', { token: null, headers: { cookie } })).headers.get('set-cookie')).toContain('Max-Age=0');
  });
});
