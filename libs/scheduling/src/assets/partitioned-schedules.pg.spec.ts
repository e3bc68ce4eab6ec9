import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const daily = (more: object = {}): DagDocumentInput => ({
  format: 1, dagId: 'daily', tasks: [{ taskId: 't', operator: 'x' }], maxActiveRuns: 50,
  schedule: { kind: 'cronPartition', expression: '0 0 * * *', timezone: 'UTC', runOffset: -1, keyFormat: '%Y-%m-%d' }, ...more,
});
const runs = (rig: SchedulerRig) =>
  rig.sql<{ run_type: string; run_id: string; logical_date: Date | null; data_interval_start: Date | null; partition_key: string; partition_date: Date }>(
    `select run_type, run_id, logical_date, data_interval_start, partition_key, partition_date from dag_run order by run_after`,
  );
const DAY = 86_400_000;
const midnight = Math.floor(Date.now() / DAY) * DAY;
const keyOf = (daysAgo: number): string => new Date(midnight - daysAgo * DAY).toISOString().slice(0, 10);

it('each time a partitioned schedule fires is a partition, made once under two schedulers', async () => {
  await using rig = await SchedulerRig.open({ schedulers: 2, sweepEveryMs: 50 });
  await rig.addWorker(() => ({}));
  await rig.publish(daily({ startDate: new Date(midnight - 3 * DAY).toISOString(), catchup: true }));
  for (const core of rig.cores) await core.assets.sweep();
  await waitFor(async () => (await runs(rig)).length === 4, { timeoutMs: 20_000, what: 'four runs' });
  expect((await runs(rig)).map(({ run_type, logical_date, data_interval_start, partition_key, partition_date }) => [run_type, logical_date, data_interval_start, partition_key, partition_date.toISOString()])).toEqual(
    [4, 3, 2, 1].map((ago) => ['scheduled', null, null, keyOf(ago), `${keyOf(ago)}T00:00:00.000Z`]),
  );
  expect((await runs(rig))[0]!.run_id).toBe(`scheduled__${keyOf(3)}T00:00:00+00:00__${keyOf(4)}`);
});

it('a backfill makes the partitions that are missing', async () => {
  await using rig = await SchedulerRig.open();
  await rig.addWorker(() => ({}));
  await rig.publish(daily({ startDate: new Date(midnight - 3 * DAY).toISOString() }));
  await waitFor(async () => (await runs(rig)).length === 1, { timeoutMs: 20_000, what: 'the newest partition' });
  const asked = { dagId: 'daily', fromDate: new Date(midnight - 3 * DAY), toDate: new Date(midnight), actor: 'spec' };
  expect((await rig.commands.createBackfill(asked, true)).runs.map((run) => [run.action, run.partition?.key])).toEqual([['create', keyOf(4)], ['create', keyOf(3)], ['create', keyOf(2)], ['skip', keyOf(1)]]);
  await rig.commands.createBackfill(asked, false);
  expect((await runs(rig)).map((run) => [run.run_type, run.partition_key, run.logical_date])).toEqual([['backfill', keyOf(4), null], ['backfill', keyOf(3), null], ['backfill', keyOf(2), null], ['scheduled', keyOf(1), null]]);
  expect((await rig.commands.createBackfill(asked, true)).runs.every((run) => run.action === 'skip')).toBe(true);
});

it('assets or a time: each makes runs, and the time uses no events', async () => {
  const asset = { name: 'a', uri: 's3://a' };
  await using rig = await SchedulerRig.open();
  await rig.addWorker(() => ({}));
  await rig.publish({
    format: 1, dagId: 'both', startDate: new Date(midnight - DAY).toISOString(), tasks: [{ taskId: 't', operator: 'x' }],
    schedule: { kind: 'assetsOrTime', condition: { all: [{ asset }, { asset: { name: 'b', uri: 's3://b' } }] } as never, time: { kind: 'cron', expressions: ['0 0 * * *'], timezone: 'UTC' } },
  });
  await rig.commands.recordAssetEvent({ ...asset, extra: {}, partitionKey: null });
  await waitFor(async () => (await rig.sql(`select 1 from dag_run where run_type = 'scheduled'`)).length === 1, { timeoutMs: 20_000, what: 'the run of the time' });
  await rig.commands.recordAssetEvent({ name: 'b', uri: 's3://b', extra: {}, partitionKey: null });
  await waitFor(async () => (await rig.sql(`select 1 from dag_run where run_type = 'asset_triggered'`)).length === 1, { timeoutMs: 20_000, what: 'the run of the assets' });
  expect(await rig.sql('select r.run_type, count(*)::int as n from dag_run_asset_event x join dag_run r on r.id = x.dag_run_id group by 1')).toEqual([{ run_type: 'asset_triggered', n: 2 }]);
});
