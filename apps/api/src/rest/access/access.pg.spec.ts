import { waitFor } from '@millrace/test-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig, PASSWORD } from '../../testing/api-rig.js';
import type { CallOptions } from '../../testing/api-rig.js';

const V1 = '/api/millrace/v1';
const GOOD = 'violet tractor seldom sings';
let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('mine.ts', [{ format: 1, dagId: 'mine', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
  await rig.publish('theirs.ts', [{ format: 1, dagId: 'theirs', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
});
afterAll(() => rig[Symbol.asyncDispose]());

const post = (path: string, body: unknown, options: CallOptions = {}) => rig.call('POST', V1 + path, { ...options, body });
const audit = async (event: string) => (await rig.get(`/api/v2/eventLogs?event=${event}&order_by=-id`)).body.event_logs.map((line: { owner: string; extra: string }) => ({ owner: line.owner, ...JSON.parse(line.extra) }));

describe('users', () => {
  it('are made, listed, changed, disabled and deleted, and each change is written down with what was before and after', async () => {
    const made = await post('/users', { name: 'ada', password: GOOD, roles: ['User'], email: 'ada@example.org' });
    expect(made).toMatchObject({ status: 201, body: { name: 'ada', roles: ['User'], is_active: true, has_password: true, last_login: null } });
    expect(await post('/users', { name: 'ada', password: GOOD })).toMatchObject({ status: 409 });
    expect((await rig.get(`${V1}/users?limit=1&order_by=-name`)).body).toMatchObject({ total_entries: 2, users: [{ name: 'admin' }] });
    const token = await rig.login('ada', GOOD);
    expect((await rig.get('/api/v2/dags', { token })).status).toBe(200);
    expect((await rig.get(`${V1}/users`, { token })).status).toBe(403);
    expect(await rig.call('PATCH', `${V1}/users/ada`, { body: { roles: ['Viewer', 'Op'], first_name: 'Ada' } })).toMatchObject({ status: 200, body: { roles: ['Viewer', 'Op'], first_name: 'Ada' } });
    // What they may has changed: they log in again.
    await waitFor(async () => (await rig.get('/api/v2/dags', { token })).status === 401, { timeoutMs: 60_000, what: 'the old session to end' });
    const again = await rig.login('ada', GOOD);
    expect((await rig.get('/api/v2/pools', { token: again })).status).toBe(200);
    expect((await rig.call('PATCH', `${V1}/users/ada`, { body: { is_active: false } })).body.is_active).toBe(false);
    expect((await rig.call('POST', '/auth/token', { token: null, body: { username: 'ada', password: GOOD } })).status).toBe(401);
    expect((await rig.call('DELETE', `${V1}/users/ada`)).status).toBe(204);
    expect((await rig.get(`${V1}/users/ada`)).status).toBe(404);
    const changes = await audit('change_user');
    expect(changes.map((line: { before: unknown; after: unknown }) => [line.before, line.after])).toContainEqual([expect.objectContaining({ roles: ['User'] }), expect.objectContaining({ roles: ['Viewer', 'Op'] })]);
    expect(JSON.stringify([changes, await audit('create_user')])).not.toContain(GOOD);
  });

  it.each([
    ['a short password', { name: 'bob', password: 'too short' }, 'at least 12 characters'],
    ['a common one', { name: 'bob', password: 'Password123456' }, 'not "password" with something'],
    ['one with the name in it', { name: 'roberta', password: 'roberta likes it' }, "does not hold its user's name"],
    ['a role that is none', { name: 'bob', password: GOOD, roles: ['Wizard'] }, 'there is no role "Wizard"'],
  ])('are refused with %s', async (_, body, said) => {
    expect(await post('/users', body)).toMatchObject({ status: 422, body: { detail: expect.stringContaining(said) } });
  });

  it('are refused with a field that is none, and a name that is in the way', async () => {
    expect((await post('/users', { name: 'bob', password: GOOD, is_admin: true })).status).toBe(422);
    expect((await post('/users', { name: 'bob:bobson', password: GOOD })).status).toBe(422);
  });

  it('keep a last admin', async () => {
    expect(await rig.call('PATCH', `${V1}/users/admin`, { body: { roles: ['Viewer'] } })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('last active one') } });
    expect((await rig.call('PATCH', `${V1}/users/admin`, { body: { is_active: false } })).status).toBe(409);
    expect((await rig.call('DELETE', `${V1}/users/admin`)).status).toBe(409);
  });

  it('change their own password with the current one, which ends their sessions', async () => {
    await post('/users', { name: 'carl', password: GOOD });
    const token = await rig.login('carl', GOOD);
    const next = 'orange ladder never rusts';
    expect((await post('/me/password', { current_password: 'wrong wrong wrong', new_password: next }, { token })).status).toBe(403);
    expect((await post('/me/password', { current_password: GOOD, new_password: 'short' }, { token })).status).toBe(422);
    expect((await post('/me/password', { current_password: GOOD, new_password: next }, { token })).status).toBe(204);
    await waitFor(async () => (await rig.get('/api/v2/dags', { token })).status === 401, { timeoutMs: 60_000, what: 'the old session to end' });
    await rig.login('carl', next);
    expect((await post('/me/password', {}, { token: null })).status).toBe(401);
  });
});

describe('roles', () => {
  it('are made of permissions, and not deleted while somebody has them', async () => {
    const permissions = [{ actions: ['read'], resources: ['dag', 'dag_run'], dags: ['mi*'] }];
    expect(await post('/roles', { name: 'Reader', permissions })).toMatchObject({ status: 201, body: { name: 'Reader', permissions, is_fixed: false } });
    expect((await post('/roles', { name: 'Viewer', permissions })).status).toBe(409);
    expect((await post('/roles', { name: 'Odd', permissions: [{ actions: ['fly'], resources: ['dag'] }] })).status).toBe(422);
    expect((await rig.get(`${V1}/roles`)).body.roles.map((role: { name: string }) => role.name)).toEqual(['Admin', 'Op', 'User', 'Viewer', 'Public', 'Reader']);
    await post('/users', { name: 'dora', password: GOOD, roles: ['Reader'] });
    const token = await rig.login('dora', GOOD);
    expect((await rig.get('/api/v2/dags', { token })).body).toMatchObject({ total_entries: 1, dags: [{ dag_id: 'mine' }] });
    expect((await rig.call('DELETE', `${V1}/roles/Reader`)).status).toBe(409);
    await rig.call('PATCH', `${V1}/roles/Reader`, { body: { permissions: [{ ...permissions[0], dags: ['th*'] }] } });
    await waitFor(async () => (await rig.get('/api/v2/dags', { token })).body.dags?.[0]?.dag_id === 'theirs', { timeoutMs: 60_000, what: 'the changed role to be in force' });
    expect((await rig.call('PATCH', `${V1}/roles/Admin`, { body: { permissions: [] } })).status).toBe(400);
    await rig.call('DELETE', `${V1}/users/dora`);
    expect((await rig.call('DELETE', `${V1}/roles/Reader`)).status).toBe(204);
  });

  it('Public is what nobody in particular may: nothing, until somebody says so', async () => {
    expect((await rig.get('/api/v2/dags', { token: null })).status).toBe(401);
    await rig.call('PATCH', `${V1}/roles/Public`, { body: { permissions: [{ actions: ['read'], resources: ['dag'], dags: ['mine'] }] } });
    await waitFor(async () => (await rig.get('/api/v2/dags', { token: null })).body.total_entries === 1, { timeoutMs: 60_000, what: 'the public to see one dag' });
    expect((await rig.get('/api/v2/dags/theirs', { token: null })).status).toBe(403);
    expect((await rig.get('/api/v2/pools', { token: null })).status).toBe(401);
    expect((await rig.call('POST', `${V1}/tokens`, { token: null, body: { name: 'x' } })).status).toBe(401);
    await rig.call('PATCH', `${V1}/roles/Public`, { body: { permissions: [] } });
    await waitFor(async () => (await rig.get('/api/v2/dags', { token: null })).status === 401, { timeoutMs: 60_000, what: 'the public to see nothing' });
  });
});

describe('teams', () => {
  it('own what lies in their folders, whatever the file says', async () => {
    await rig.publish('blue/one.ts', [{ format: 1, dagId: 'blue_one', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
    expect(await post('/teams', { name: 'blue', sources: ['dags:blue'] })).toMatchObject({ status: 201, body: { name: 'blue', dags: 1 } });
    expect((await post('/teams', { name: 'red', sources: ['dags:blue/x:y'] })).status).toBe(422);
    // Written by somebody in a folder of nobody: it may not name itself into the team.
    await rig.publish('thief.ts', [{ format: 1, dagId: 'thief', team: 'blue', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
    await rig.publish('blueish/two.ts', [{ format: 1, dagId: 'blueish', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
    expect((await rig.get(`${V1}/teams/blue`)).body.dags).toBe(1);
    await post('/users', { name: 'eve', password: GOOD, roles: ['Op@blue'] });
    const token = await rig.login('eve', GOOD);
    await waitFor(async () => (await rig.get('/api/v2/dags', { token })).body.total_entries === 1, { timeoutMs: 60_000, what: "the team's dag to be seen" });
    expect((await rig.call('POST', '/api/v2/dags/blue_one/dagRuns', { token, body: { logical_date: null } })).status).toBe(200);
    expect((await rig.call('POST', '/api/v2/dags/mine/dagRuns', { token, body: { logical_date: null } })).status).toBe(403);
  });

  it.each<[string, string, string, Record<string, unknown>]>([
    ['pools', '/api/v2/pools', 'name', { slots: 1 }],
    ['variables', '/api/v2/variables', 'key', { value: 'v' }],
    ['connections', '/api/v2/connections', 'connection_id', { conn_type: 'http' }],
  ])('own %s: nobody of another team, and nobody of it without a team, sees or changes them', async (_, path, key, more) => {
    for (const [name, team] of [['ours', 'blue'], ['shared', null], ['others', 'green']] as const) {
      if (team === 'green') await post('/teams', { name: 'green' });
      expect((await rig.call('POST', path, { body: { [key]: name, ...more, team_name: team } })).status).toBe(201);
    }
    const token = await rig.login('eve', GOOD);
    const seen = await rig.get(path, { token });
    expect(seen.body.total_entries).toBe(1);
    expect(JSON.stringify(seen.body)).not.toMatch(/shared|others/);
    for (const name of ['shared', 'others']) {
      expect((await rig.get(`${path}/${name}`, { token })).status).toBe(404);
      expect((await rig.call('DELETE', `${path}/${name}`, { token })).status).toBe(404);
      expect((await rig.call('PATCH', `${path}/${name}`, { token, body: { [key]: name, ...more, description: 'mine' } })).status).toBe(404);
      expect((await rig.call('PATCH', path, { token, body: { actions: [{ action: 'delete', entities: [name] }] } })).body.delete.errors).toHaveLength(1);
    }
    expect((await rig.call('POST', path, { token, body: { [key]: 'new', ...more } })).status).toBe(403);
    expect((await rig.call('POST', path, { token, body: { [key]: 'new', ...more, team_name: 'green' } })).status).toBe(403);
    expect((await rig.call('PATCH', `${path}/ours`, { token, body: { [key]: 'ours', ...more, team_name: 'green' } })).status).toBe(403);
    expect((await rig.call('POST', path, { token, body: { [key]: 'new', ...more, team_name: 'blue' } })).status).toBe(201);
    // A name that another team has is taken, and not to be seen or overwritten.
    expect((await rig.call('PATCH', path, { token, body: { actions: [{ action: 'create', entities: [{ [key]: 'others', ...more, team_name: 'blue' }], action_on_existence: 'overwrite' }] } })).body.create.success).toEqual([]);
    expect((await rig.get(path)).body.total_entries).toBeGreaterThanOrEqual(4);
  });
});

describe('tokens of programs', () => {
  it('are shown once, do what their owner may, are kept as a hash, and end when they are revoked', async () => {
    const { status, body } = await post('/tokens', { name: 'ci' });
    expect([status, body.state]).toEqual([201, 'active']);
    const token = body.token as string;
    expect(token).toMatch(/^mlr_[\w-]{43}$/);
    expect((await rig.get('/api/v2/dags', { token })).status).toBe(200);
    expect((await post('/tokens', { name: 'ci' })).status).toBe(409);
    const listed = (await rig.get(`${V1}/tokens`)).body;
    expect(listed.tokens[0]).toMatchObject({ name: 'ci', prefix: token.slice(0, 10), last_used_at: expect.any(String) });
    expect(JSON.stringify([listed, await rig.sql('select encode(hash, \'escape\') as hash, * from api_token'), await audit('create_token')])).not.toContain(token.slice(12));
    expect((await rig.call('DELETE', `${V1}/tokens/${body.id}`)).status).toBe(204);
    expect((await rig.get('/api/v2/dags', { token })).status).toBe(401);
    expect((await post('/tokens', { name: 'ci' })).status).toBe(201);
  });

  it('have a part of what their owner has, never more', async () => {
    const { token } = (await post('/tokens', { name: 'narrow', permissions: [{ actions: ['read', 'create'], resources: ['dag_run'], dags: ['mine'] }] })).body;
    expect((await rig.call('POST', '/api/v2/dags/mine/dagRuns', { token, body: { logical_date: null } })).status).toBe(200);
    expect((await rig.call('POST', '/api/v2/dags/theirs/dagRuns', { token, body: { logical_date: null } })).status).toBe(403);
    expect((await rig.get('/api/v2/dags/mine', { token })).status).toBe(403);
    expect(new Set((await rig.get('/api/v2/dags/~/dagRuns', { token })).body.dag_runs.map((run: { dag_id: string }) => run.dag_id))).toEqual(new Set(['mine']));
    await post('/users', { name: 'fay', password: GOOD, roles: ['Viewer'] });
    const wide = (await post('/tokens', { name: 'wide', permissions: [{ actions: ['*'], resources: ['*'] }] }, { token: await rig.login('fay', GOOD) })).body.token;
    expect((await rig.call('POST', '/api/v2/dags/mine/dagRuns', { token: wide, body: { logical_date: null } })).status).toBe(403);
    expect((await rig.get('/api/v2/connections', { token: wide })).status).toBe(403);
    await rig.call('PATCH', `${V1}/users/fay`, { body: { is_active: false } });
    await waitFor(async () => (await rig.get('/api/v2/dags', { token: wide })).status === 401, { timeoutMs: 60_000, what: "a disabled user's token to be refused" });
  });

  it('expire, make no tokens and change no users', async () => {
    expect((await post('/tokens', { name: 'late', expires_at: '2020-01-01T00:00:00Z' })).status).toBe(422);
    const { token, id } = (await post('/tokens', { name: 'brief', expires_at: new Date(Date.now() + 3_600_000).toISOString() })).body;
    for (const [path, body] of [['/tokens', { name: 'child' }], ['/users', { name: 'gus', password: GOOD }], ['/me/password', { current_password: PASSWORD, new_password: GOOD }]] as const) {
      expect((await post(path, body, { token })).status).toBe(403);
    }
    await rig.sql(`update api_token set expires_at = now() where id = $1`, [id]);
    expect(await rig.get('/api/v2/dags', { token })).toMatchObject({ status: 401, body: { detail: 'Token Expired' } });
    expect((await rig.get('/api/v2/dags', { token: `mlr_${'A'.repeat(43)}` })).status).toBe(401);
  });

  it("are revoked by their owner or by who may edit users, and nobody else's are told", async () => {
    await post('/users', { name: 'hal', password: GOOD });
    const hal = await rig.login('hal', GOOD);
    const { id } = (await post('/tokens', { name: 'of-admin' })).body;
    expect((await rig.get(`${V1}/tokens`, { token: hal })).body.total_entries).toBe(0);
    expect((await rig.get(`${V1}/tokens?all=true`, { token: hal })).status).toBe(403);
    expect((await rig.call('DELETE', `${V1}/tokens/${id}`, { token: hal })).status).toBe(404);
    expect((await rig.call('DELETE', `${V1}/tokens/nonsense`, { token: hal })).status).toBe(404);
    const own = (await post('/tokens', { name: 'own' }, { token: hal })).body;
    expect((await rig.get(`${V1}/tokens?all=true`)).body.tokens.map((one: { name: string }) => one.name)).toContain('own');
    expect((await rig.call('DELETE', `${V1}/tokens/${own.id}`)).status).toBe(204);
  });
});

describe('logins', () => {
  it('that fail are counted in the database, so that a restart forgets none', async () => {
    const guess = () => rig.call('POST', '/auth/token', { token: null, body: { username: 'nobody-here', password: 'guess' } });
    expect((await guess()).status).toBe(401);
    expect((await rig.sql(`select count from login_failure where key = 'name:nobody-here'`))[0]).toEqual({ count: 1 });
    await rig.sql(`update login_failure set count = 10 where key = 'name:nobody-here'`);
    expect((await guess()).status).toBe(503);
    await rig.sql(`update login_failure set since = now() - interval '2 minutes'`);
    expect((await guess()).status).toBe(401);
    await rig.login();
  });

  it('end with a logout everywhere', async () => {
    const UI = { 'x-millrace-ui': '1' };
    const opened = await rig.call('POST', '/auth/session', { token: null, body: { username: 'admin', password: PASSWORD }, headers: UI });
    const cookie = opened.headers.get('set-cookie')!.split(';')[0]!;
    const stolen = cookie.slice(cookie.indexOf('=') + 1);
    expect((await rig.get('/api/v2/dags', { token: stolen })).status).toBe(200);
    expect((await rig.call('POST', '/auth/session/end', { token: null, headers: { cookie, ...UI } })).status).toBe(204);
    expect((await rig.get('/api/v2/dags', { token: stolen })).status).toBe(401);
    expect((await rig.get('/auth/session', { token: null, headers: { cookie } })).body.user).toBeNull();
    // The others go on.
    expect((await rig.get('/api/v2/dags')).status).toBe(200);
  });
});
