import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import type { Behaviour, RigOptions } from '../testing/scheduler-rig.js';
import { recordAssetEvents } from './record-events.js';

type Condition = Extract<NonNullable<DagDocumentInput['schedule']>, { kind: 'assets' }>['condition'];

const of = (name: string) => ({ name, uri: `s3://${name}` });
const event = (name: string, more: object = {}) => ({ ...of(name), group: null, extra: {}, aliases: [], partitionKey: null, instanceId: null, ...more });
const waits = (dagId: string, condition: unknown, more: object = {}): DagDocumentInput => ({
  format: 1, dagId, schedule: { kind: 'assets', condition: condition as Condition }, tasks: [{ taskId: 't', operator: 'x' }], ...more,
});
const on = (name: string) => ({ asset: of(name) });

/** Assets by name, in the order their events happened. */
const runsOf = (rig: SchedulerRig, dagId: string) =>
  rig.sql<{ run_id: string; state: string; run_type: string; partition_key: string | null; assets: string[] }>(
    `select r.run_id, r.state, r.run_type, r.partition_key, array(select a.name from dag_run_asset_event x join asset_event e on e.id = x.event_id join asset a on a.id = e.asset_id
       where x.dag_run_id = r.id order by e.id) as assets
     from dag_run r where r.dag_id = $1 order by r.queued_at, r.id`,
    [dagId],
  );
const queuedFor = async (rig: SchedulerRig, dagId: string): Promise<number> => (await rig.sql<{ n: number }>('select count(*)::int as n from asset_queued_event where dag_id = $1', [dagId]))[0]!.n;

async function rigWith(dags: readonly DagDocumentInput[], behaviour: Behaviour = () => ({}), options: RigOptions = {}) {
  const rig = await SchedulerRig.open(options);
  for (const dag of dags) await rig.publish(dag);
  await rig.addWorker(behaviour);
  return rig;
}

async function report(rig: SchedulerRig, ...events: ReturnType<typeof event>[]): Promise<void> {
  await rig.migrated.database.inTransaction((tx) => recordAssetEvents(tx, events));
}

it('a task with outlets updates its assets when it succeeds, and a dag that waits for them runs', async () => {
  const writes: DagDocumentInput = {
    format: 1, dagId: 'writes',
    tasks: [{ taskId: 'ok', operator: 'x', outlets: [of('a')] }, { taskId: 'skips', operator: 'x', outlets: [of('b')] }, { taskId: 'fails', operator: 'x', outlets: [of('c')] }],
  };
  await using rig = await rigWith([writes, waits('reads', on('a')), waits('other', { any: [on('b'), on('c')] })], (grant) => ({ outcome: grant.taskId === 'skips' ? 'skipped' : grant.taskId === 'fails' ? 'failed' : 'success' }));
  await rig.ended(await rig.trigger('writes'));
  const [run] = await waitFor(async () => (await runsOf(rig, 'reads')).filter((each) => each.state === 'success').length > 0 && runsOf(rig, 'reads'), { timeoutMs: 20_000, what: 'the run of the dag that waits' });
  expect(run).toMatchObject({ run_type: 'asset_triggered', assets: ['a'] });
  expect(run!.run_id).toMatch(/^asset_triggered__\d{4}-\d\d-\d\dT.*\+00:00_[0-9a-f]{8}$/);
  expect(await rig.sql('select a.name, e.source_dag_id, e.source_task_id, e.source_run_id like \'manual%\' as manual from asset_event e join asset a on a.id = e.asset_id')).toEqual([
    { name: 'a', source_dag_id: 'writes', source_task_id: 'ok', manual: true },
  ]);
  expect(await runsOf(rig, 'other')).toEqual([]);
});

it('a condition is met once, with all events since the last run', async () => {
  await using rig = await rigWith([waits('reads', { all: [on('a'), { any: [on('b'), on('c')] }] })]);
  const assets = rig.cores[0]!.assets;
  await report(rig, event('a'), event('a'));
  expect(await assets.forDag('reads')).toBe(0);
  await report(rig, event('c'), event('b'));
  await assets.forDag('reads');
  await assets.forDag('reads');
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['a', 'a', 'c', 'b']]);
  expect(await queuedFor(rig, 'reads')).toBe(0);
});

it('an alias counts for whatever asset came through it', async () => {
  await using rig = await rigWith([waits('reads', { alias: { name: 'daily' } })]);
  await report(rig, event('new', { aliases: ['daily'] }), event('new'));
  await rig.cores[0]!.assets.forDag('reads');
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['new']]);
  expect(await rig.sql('select l.name, a.name as asset from asset_alias_asset x join asset_alias l on l.id = x.alias_id join asset a on a.id = x.asset_id')).toEqual([{ name: 'daily', asset: 'new' }]);
});

it('what happens while a dag is paused travels with its next run, and asks for none', async () => {
  await using rig = await rigWith([waits('reads', on('a'))]);
  const assets = rig.cores[0]!.assets;
  await rig.commands.setPaused('reads', true, 'spec');
  await report(rig, event('a'));
  await rig.commands.setPaused('reads', false, 'spec');
  await assets.forDag('reads');
  expect(await runsOf(rig, 'reads')).toEqual([]);
  await report(rig, event('a'));
  await assets.forDag('reads');
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['a', 'a']]);
});

it('what had happened before the pause asks for its run after it', async () => {
  await using rig = await rigWith([waits('reads', { all: [on('a'), on('b')] })]);
  await report(rig, event('a'));
  await rig.commands.setPaused('reads', true, 'spec');
  await rig.commands.setPaused('reads', false, 'spec');
  await report(rig, event('b'));
  await rig.cores[0]!.assets.forDag('reads');
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['a', 'b']]);
});

it('a dag at its limit of runs waits with its events, and then gets one run for all of them', async () => {
  let isHeld = true;
  await using rig = await rigWith([waits('reads', on('a'), { maxActiveRuns: 1 })], () => (isHeld ? null : {}));
  const assets = rig.cores[0]!.assets;
  for (let i = 0; i < 3; i++) {
    await report(rig, event('a'));
    await assets.forDag('reads');
  }
  const [first, ...others] = await runsOf(rig, 'reads');
  expect(others).toEqual([]);
  isHeld = false;
  await rig.commands.markRun((await rig.sql<{ id: string }>('select id from dag_run where run_id = $1', [first!.run_id]))[0]!.id as never, 'success', 'spec');
  await waitFor(async () => (await runsOf(rig, 'reads')).length === 2, { timeoutMs: 20_000, what: 'the second run' });
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['a'], ['a', 'a']]);
});

it('every event is used by exactly one run, with three schedulers looking while others report', async () => {
  await using rig = await rigWith([waits('both', { all: [on('a'), on('b')] }, { maxActiveRuns: 1_000 }), waits('either', { any: [on('a'), on('b')] }, { maxActiveRuns: 1_000 })], () => ({}), { schedulers: 3, sweepEveryMs: 50 });
  const names = Array.from({ length: 120 }, (_, n) => (n % 3 === 0 ? 'b' : 'a'));
  await Promise.all(
    names.map(async (name, n) => {
      await report(rig, event(name));
      await Promise.all(rig.cores.map((core) => core.assets.forDag(n % 2 === 0 ? 'both' : 'either')));
    }),
  );
  await report(rig, event('a'), event('b'));
  for (const core of rig.cores) await core.assets.sweep();
  for (const dagId of ['both', 'either']) {
    const used = (await runsOf(rig, dagId)).flatMap((run) => run.assets);
    expect([dagId, used.length + (await queuedFor(rig, dagId))]).toEqual([dagId, names.length + 2]);
    expect(await queuedFor(rig, dagId)).toBe(0);
  }
  for (const run of await runsOf(rig, 'both')) expect(new Set(run.assets)).toEqual(new Set(['a', 'b']));
});

it('events that nobody was told of are found by the sweeper', async () => {
  await using rig = await rigWith([waits('reads', on('a'))]);
  await report(rig, event('a'));
  await waitFor(async () => (await runsOf(rig, 'reads')).length === 1, { timeoutMs: 20_000, what: 'the run the sweeper makes' });
});

it('a dag that waits for other assets now is looked at again; one that waits for none forgets what waited', async () => {
  await using rig = await rigWith([waits('reads', { all: [on('a'), on('b')] }), waits('stops', { all: [on('a'), on('b')] })]);
  const { assets } = rig.cores[0]!;
  await report(rig, event('a'));
  for (const dagId of ['reads', 'stops']) expect(await assets.forDag(dagId)).toBe(0);
  await rig.publish(waits('reads', on('a')));
  await rig.publish(waits('stops', on('a'), { schedule: null }));
  for (const dagId of ['reads', 'stops']) await assets.forDag(dagId);
  expect((await runsOf(rig, 'reads')).map((run) => run.assets)).toEqual([['a']]);
  expect([await runsOf(rig, 'stops'), await queuedFor(rig, 'stops')]).toEqual([[], 0]);
});

it('the data interval is that of the runs the events come from', async () => {
  const writes = (dagId: string, name: string): DagDocumentInput => ({ format: 1, dagId, tasks: [{ taskId: 'w', operator: 'x', outlets: [of(name)] }] });
  await using rig = await rigWith([writes('one', 'a'), writes('two', 'b'), waits('reads', { all: [on('a'), on('b')] })]);
  const at = (hour: number): Date => new Date(Date.UTC(2026, 0, 1, hour));
  await rig.ended(await rig.trigger('one', { dataIntervalStart: at(3), dataIntervalEnd: at(4) }));
  await rig.ended(await rig.trigger('two', { dataIntervalStart: at(1), dataIntervalEnd: at(2) }));
  await waitFor(async () => (await runsOf(rig, 'reads')).length === 1, { timeoutMs: 20_000, what: 'the run of the dag that waits' });
  expect(await rig.sql(`select logical_date, data_interval_start, data_interval_end from dag_run where dag_id = 'reads'`)).toEqual([{ logical_date: null, data_interval_start: at(1), data_interval_end: at(4) }]);
});

it('what a task told of its outlets stands in its events, also through an alias and for several partitions', async () => {
  const told = [
    { name: 'a', uri: 's3://a', group: null, extra: { rows: 5 }, alias: null, partitionKeys: ['eu', 'us'] },
    { name: 'new', uri: 's3://new', group: 'lake', extra: { day: 1 }, alias: 'daily', partitionKeys: [] },
  ];
  const writes: DagDocumentInput = { format: 1, dagId: 'writes', tasks: [{ taskId: 'w', operator: 'x', outlets: [of('a'), of('b')], outletAliases: [{ name: 'daily' }] }] };
  await using rig = await rigWith([writes], () => ({ outletEventsJson: JSON.stringify(told) }));
  await rig.ended(await rig.trigger('writes', { partitionKey: 'p' }));
  const events = () => rig.sql('select a.name, a.asset_group, e.extra, e.partition_key from asset_event e join asset a on a.id = e.asset_id order by e.id');
  await waitFor(async () => (await events()).length === 4, { timeoutMs: 20_000, what: 'the events' });
  expect(await events()).toEqual([
    { name: 'a', asset_group: 'asset', extra: { rows: 5 }, partition_key: 'eu' }, { name: 'a', asset_group: 'asset', extra: { rows: 5 }, partition_key: 'us' },
    { name: 'b', asset_group: 'asset', extra: {}, partition_key: 'p' }, { name: 'new', asset_group: 'lake', extra: { day: 1 }, partition_key: 'p' },
  ]);
});

it('a result that tells nonsense of its outlets fails the try, and says so', async () => {
  const writes: DagDocumentInput = { format: 1, dagId: 'writes', tasks: [{ taskId: 'w', operator: 'x', outlets: [of('a')] }] };
  await using rig = await rigWith([writes], () => ({ outletEventsJson: '[{"name": 1}]' }));
  expect(await rig.ended(await rig.trigger('writes'))).toBe('failed');
  expect(await rig.sql('select reason from task_instance')).toEqual([{ reason: 'what the try told of its outlets is not a list of { name, uri, group, extra, alias, partitionKeys }' }]);
});

it('dags that have no room for a run hold up no other, however many', async () => {
  await using rig = await rigWith([waits('a_full', on('a'), { maxActiveRuns: 1 }), waits('z_free', on('b'))], () => null, { sweepEveryMs: 60_000 });
  await report(rig, event('a'));
  const { assets } = rig.cores[0]!;
  expect(await assets.sweep()).toBe(1);
  // Copies of the first, each with a run under way and an event that waits.
  await rig.sql(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc, max_active_runs, current_version_id)
    select 'a_full_' || n, bundle_name, relative_fileloc, fileloc, 1, current_version_id from dag, generate_series(1, 300) n where dag_id = 'a_full'`);
  await rig.sql(`insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after)
    select gen_random_uuid(), d.dag_id, 'r', d.current_version_id, 'running', 'manual', 'test', now() from dag d where d.dag_id like 'a\\_full\\_%'`);
  await rig.sql(`insert into asset_queued_event (asset_id, dag_id, event_id) select e.asset_id, d.dag_id, e.id from asset_event e, dag d where d.dag_id like 'a\\_full%'`);
  await report(rig, event('b'));
  expect(await assets.sweep()).toBe(1);
  expect((await runsOf(rig, 'z_free')).map((run) => run.assets)).toEqual([['b']]);
});

it('one run for each partition that is complete', async () => {
  const daily = { kind: 'rollup', upstream: { kind: 'startOf', unit: 'day', timezone: 'UTC', inputFormat: '%Y-%m-%dT%H', outputFormat: null }, window: { kind: 'period', unit: 'day', direction: 'forward' }, wait: { kind: 'minimum', count: -22 } };
  const schedule = { kind: 'partitionedAssets', condition: { all: [on('hourly'), on('meta')] }, mappers: [{ asset: of('hourly'), mapper: daily }] };
  await using rig = await rigWith([{ format: 1, dagId: 'days', schedule: schedule as never, tasks: [{ taskId: 't', operator: 'x' }] }]);
  const assets = rig.cores[0]!.assets;
  const hour = (key: string) => event('hourly', { partitionKey: key });
  await report(rig, hour('2026-01-01T00'), hour('2026-01-01T00'), event('meta', { partitionKey: '2026-01-01' }), hour('2026-01-02T05'), event('meta'), event('hourly', { partitionKey: 'noon' }));
  await assets.forDag('days');
  expect(await runsOf(rig, 'days')).toEqual([]);
  await report(rig, hour('2026-01-01T07'));
  await assets.forDag('days');
  expect(await runsOf(rig, 'days')).toMatchObject([{ partition_key: '2026-01-01', assets: ['hourly', 'hourly', 'meta', 'hourly'] }]);
  expect(await rig.sql(`select event from audit_log where event like '%partition%' order by event`)).toEqual([{ event: 'failed to map partition_key' }, { event: 'missing partition key' }]);
  await report(rig, event('meta', { partitionKey: '2026-01-02' }), hour('2026-01-02T06'), hour('2026-01-01T08'));
  await assets.forDag('days');
  expect((await runsOf(rig, 'days')).map((run) => run.partition_key)).toEqual(['2026-01-01', '2026-01-02']);
});

it('two schedulers make one run of a partition', async () => {
  const schedule = { kind: 'partitionedAssets', condition: { all: [on('a'), on('b')] } };
  await using rig = await rigWith([{ format: 1, dagId: 'parts', schedule: schedule as never, maxActiveRuns: 500, tasks: [{ taskId: 't', operator: 'x' }] }], () => ({}), { schedulers: 3, sweepEveryMs: 50 });
  const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
  await Promise.all(keys.flatMap((key) => ['a', 'b'].map(async (name) => {
    await report(rig, event(name, { partitionKey: key }));
    await Promise.all(rig.cores.map((core) => core.assets.forDag('parts')));
  })));
  for (const core of rig.cores) await core.assets.sweep();
  expect((await runsOf(rig, 'parts')).map((run) => run.partition_key).sort()).toEqual(keys.toSorted());
});
