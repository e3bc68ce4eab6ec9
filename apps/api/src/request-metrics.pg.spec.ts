import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiRig } from './testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => {
  rig = await ApiRig.open();
  await rig.publish('one.ts', [{ format: 1, dagId: 'one', tasks: [{ taskId: 'x', operator: 'EmptyOperator' }] }]);
});
afterAll(() => rig[Symbol.asyncDispose]());

it('counts requests by route and status, triggers and logins by result, and no id of a caller', async () => {
  await rig.call('POST', '/api/v2/dags/one/dagRuns', { body: { dag_run_id: 'first' } });
  await rig.call('POST', '/api/v2/dags/one/dagRuns', { body: { dag_run_id: 'first' } });
  await rig.call('POST', '/api/v2/dags/nope/dagRuns', { body: {} });
  await rig.get('/api/v2/dags/secret-name');
  await rig.get('/nowhere/secret-name');
  await rig.call('POST', '/auth/token', { token: null, body: { username: 'admin', password: 'wrong' } });
  const text = (await rig.get('/metrics')).body as string;
  const value = (name: string, ...labels: string[]): string | undefined => text.split('\n').find((line) => line.startsWith(`millrace_${name}{`) && labels.every((label) => line.includes(label)))?.split(' ').at(-1);
  expect(value('http_requests_total', 'method="POST"', 'route="/api/v2/dags/:dag_id/dagRuns"', 'status="200"')).toBe('1');
  expect(value('http_requests_total', 'route="/api/v2/dags/:dag_id"', 'status="404"')).toBe('1');
  expect(value('http_requests_total', 'route="none"', 'status="404"')).toBe('1');
  expect(value('http_request_seconds_count', 'method="POST"', 'route="/api/v2/dags/:dag_id/dagRuns"')).toBe('3');
  expect(['made', 'exists', 'refused'].map((result) => value('triggers_total', `result="${result}"`))).toEqual(['1', '1', '1']);
  expect(['given', 'refused'].map((result) => value('logins_total', `result="${result}"`))).toEqual(['1', '1']);
  expect(text).not.toContain('secret-name');
});
