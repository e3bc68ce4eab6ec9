import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from '../testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
});
afterAll(() => rig[Symbol.asyncDispose]());

it('changes at the same moment: each line of the audit log says what that change replaced', async () => {
  expect((await rig.call('POST', '/api/v2/pools', { body: { name: 'contended', slots: 0 } })).status).toBe(201);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => rig.call('PATCH', '/api/v2/pools/contended', { body: { slots: index + 1 } })));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  const lines = (await rig.sql<{ extra: { before: { slots: number }; after: { slots: number } } }>(`select extra::jsonb as extra from audit_log where event = 'patch_pool' order by id`)).map(({ extra }) => extra);
  expect(lines).toHaveLength(8);
  expect(lines.map((line) => line.before.slots)).toEqual([0, ...lines.slice(0, -1).map((line) => line.after.slots)]);
  expect((await rig.get('/api/v2/pools/contended')).body.slots).toBe(lines.at(-1)!.after.slots);
  expect((await rig.call('DELETE', '/api/v2/pools/contended')).status).toBe(204);
});

it('what cannot be written down is not done', async () => {
  expect((await rig.call('POST', '/api/v2/pools', { body: { name: 'unwritten', slots: 1 } })).status).toBe(201);
  await rig.sql(`alter table audit_log add constraint full_up check (event <> 'patch_pool') not valid`);
  try {
    expect((await rig.call('PATCH', '/api/v2/pools/unwritten', { body: { slots: 2 } })).status).toBe(500);
  } finally {
    await rig.sql('alter table audit_log drop constraint full_up');
  }
  expect((await rig.get('/api/v2/pools/unwritten')).body.slots).toBe(1);
  expect((await rig.call('DELETE', '/api/v2/pools/unwritten')).status).toBe(204);
});
