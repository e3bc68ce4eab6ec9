import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleBashOperator } from '../../testing/documents.js';
import { ApiRig } from '../../testing/api-rig.js';

let rig: ApiRig;
beforeAll(async () => void (rig = await ApiRig.open()));
afterAll(async () => rig[Symbol.asyncDispose]());

describe('the next runs of a dag', () => {
  it('come with their data intervals, as they will be made', async () => {
    await rig.publish('interval.ts', [exampleBashOperator({ dagId: 'interval', schedule: { kind: 'cronInterval', expression: '0 0 * * *', timezone: 'UTC' } })]);
    const { status, body } = await rig.get('/api/millrace/v1/dags/interval/schedule?count=3');
    expect(status).toBe(200);
    expect(body).toMatchObject({ dag_id: 'interval', timetable_summary: '0 0 * * *', timetable_description: 'At 00:00', timezone: 'UTC', is_paused: false, warnings: [], published_until: null });
    expect(body.next_runs).toHaveLength(3);
    const [missed, second, third] = body.next_runs as Record<string, string>[];
    // Without catch-up: the newest complete day, made at once; then day after day.
    expect(Date.parse(missed!['run_after']!)).toBeLessThanOrEqual(Date.now());
    expect(second).toMatchObject({ logical_date: missed!['data_interval_end'], run_after: third!['logical_date'] });
  });

  it('are none for a dag without schedule, and a 404 for an unknown one', async () => {
    await rig.publish('by_hand.ts', [exampleBashOperator({ dagId: 'by_hand', schedule: null })]);
    expect((await rig.get('/api/millrace/v1/dags/by_hand/schedule')).body).toMatchObject({ timetable_summary: null, next_runs: [] });
    expect(await rig.get('/api/millrace/v1/dags/nope/schedule')).toMatchObject({ status: 404 });
    expect(await rig.get('/api/millrace/v1/dags/by_hand/schedule?count=0')).toMatchObject({ status: 422 });
  });

  it('come with a warning where a dag uses intervals that are always empty', async () => {
    const tasks = [{ taskId: 't', operator: 'BashOperator', fields: { bash_command: 'load --from {{ data_interval_start }}' } }];
    await rig.publish('empty_intervals.ts', [exampleBashOperator({ dagId: 'empty_intervals', tasks })]);
    expect((await rig.get('/api/millrace/v1/dags/empty_intervals/schedule')).body.warnings).toEqual([expect.stringContaining('this dag uses its data interval')]);
    await rig.publish('no_intervals.ts', [exampleBashOperator({ dagId: 'no_intervals' })]);
    expect((await rig.get('/api/millrace/v1/dags/no_intervals/schedule')).body.warnings).toEqual([]);
  });
});

it('how dags hang together: what they trigger, wait for and are scheduled on', async () => {
  const asset = { name: 'flights', uri: 's3://flights' };
  const task = (taskId: string, more: object): object => ({ taskId, operator: 'Op', ...more });
  await rig.publish('writes.ts', [exampleBashOperator({ dagId: 'writes', schedule: null, tasks: [task('write', { outlets: [asset] }), task('start', { fields: { triggerDagId: 'waits' } })] as never })]);
  await rig.publish('reads.ts', [exampleBashOperator({ dagId: 'reads', schedule: { kind: 'assets', condition: { asset } } as never, tasks: [task('t', {})] as never })]);
  await rig.publish('waits.ts', [exampleBashOperator({ dagId: 'waits', schedule: null, tasks: [task('wait', { fields: { externalDagId: 'writes' } })] as never })]);
  expect((await rig.get('/api/millrace/v1/dagDependencies')).body).toEqual({ total_entries: 3, dag_dependencies: [
    { kind: 'asset', source: 'writes', target: 'reads', via: 'flights' }, { kind: 'sensor', source: 'writes', target: 'waits', via: 'wait' }, { kind: 'trigger', source: 'writes', target: 'waits', via: 'start' },
  ] });
});
