import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
const PATH = '/api/millrace/v1/maintenance';

beforeAll(async () => {
  rig = await ApiRig.open();
  for (const role of ['Viewer', 'User', 'Op']) await rig.sql(`insert into app_user (name, password_hash, role) select $1, password_hash, $1 from app_user where name = 'admin'`, [role]);
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('maintenance', () => {
  it('is off at first, is switched by those who may change settings, and seen by all', async () => {
    expect((await rig.get(PATH)).body).toEqual({ active: false, reason: null, by: null, since: null, running_tasks: 0, queued_tasks: 0, queued_runs: 0, settled: false });
    const [viewer, op] = [await rig.login('Viewer'), await rig.login('Op')];
    expect((await rig.call('PUT', PATH, { token: viewer, body: { active: true } })).status).toBe(403);
    expect((await rig.call('PUT', PATH, { token: op, body: { active: true, reason: ' new disks ' } })).body).toMatchObject({ active: true, reason: 'new disks', settled: true, changed: true });
    expect((await rig.call('GET', PATH, { token: viewer })).body).toMatchObject({ active: true, reason: 'new disks', settled: true });
    expect((await rig.get('/api/millrace/v1/ui/home')).body.maintenance).toMatchObject({ active: true });
    expect((await rig.call('PUT', PATH, { body: { active: false } })).body).toMatchObject({ active: false, reason: null, changed: true });
    expect((await rig.call('PUT', PATH, { body: { active: false } })).body).toMatchObject({ changed: false });
  });

  it.each([[{}, 'active'], [{ active: 'yes' }, 'active'], [{ active: true, reason: 'x'.repeat(501) }, '500'], [{ active: true, until: 'later' }, 'until']])('refuses %j, and says which field', async (body, named) => {
    const answer = await rig.call('PUT', PATH, { body });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).toContain(named);
  });
});

describe('draining a worker', () => {
  it('is refused for one that is not there, and to those who may not', async () => {
    const answer = await rig.call('POST', '/api/millrace/v1/workers/nobody/drain', { body: {} });
    expect(answer).toMatchObject({ status: 404, body: { detail: expect.stringContaining('no living worker named nobody') } });
    expect((await rig.call('POST', '/api/millrace/v1/workers/nobody/drain', { token: await rig.login('User'), body: {} })).status).toBe(403);
  });
});
