import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const dag = (dagId: string, more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks: [{ taskId: 't', operator: 'TestOperator' }], ...more }) as DagDocumentInput;
const cron = (expression: string): object => ({ schedule: { kind: 'cron', expressions: [expression], timezone: 'UTC' } });
const DUE = `(select date_trunc('day', now()))`;

/** What publication leaves: the run of last midnight is asked for. */
async function due(rig: SchedulerRig): Promise<void> {
  await rig.sql(`update dag set next_logical_date = ${DUE}, next_interval_start = ${DUE}, next_interval_end = ${DUE}, next_run_after = ${DUE}`);
}

/** The rig's schedulers look at schedules by themselves; these specs say when. */
async function quiet(rig: SchedulerRig): Promise<void> {
  await rig.sql(`update dag set next_logical_date = null, next_run_after = null`);
}

describe('2,000 dags that are due at one moment', () => {
  it('have one run each, whoever looks', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.publish(dag('d0', { ...cron('0 0 * * *'), isPausedUponCreation: false }));
    await quiet(rig);
    // Their versions differ in nothing but the name.
    await rig.sql(`insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) select 'd' || n, 'rig', 'rig.ts', 'rig.ts' from generate_series(1, 1999) n`);
    await rig.sql(`insert into dag_version (id, dag_id, version_number, content_hash, bundle_hash, bundle_name, document)
      select gen_random_uuid(), d.dag_id, 1, v.content_hash, v.bundle_hash, 'rig', v.document || jsonb_build_object('dagId', d.dag_id) from dag d, dag_version v where d.dag_id <> 'd0' and v.dag_id = 'd0'`);
    await rig.sql(`update dag d set current_version_id = v.id from dag_version v where v.dag_id = d.dag_id`);
    await due(rig);
    await waitFor(async () => (await rig.sql('select 1 from dag where next_run_after <= now()')).length === 0, { timeoutMs: 60_000, what: 'every schedule to be served' });
    const [counts] = await rig.sql(`select count(*)::int as runs, count(distinct dag_id)::int as dags, count(*) filter (where logical_date = ${DUE})::int as at_midnight from dag_run`);
    expect(counts).toEqual({ runs: 2_000, dags: 2_000, at_midnight: 2_000 });
    const [next] = await rig.sql<{ tomorrow: boolean }>(`select bool_and(next_run_after = ${DUE} + interval '1 day') as tomorrow from dag`);
    expect(next).toEqual({ tomorrow: true });
  }, 120_000);
});

describe('schedules', () => {
  it('go on behind a hundred dags that have no room', async () => {
    await using rig = await SchedulerRig.open();
    await rig.addWorker(() => null, { slots: 1 });
    for (let n = 0; n < 3; n++) await rig.publish(dag(`full${n}`, { ...cron('* * * * *'), catchup: true, startDate: '2020-01-01T00:00:00Z', maxActiveRuns: 1 }));
    await waitFor(async () => (await rig.sql('select 1 from dag_run')).length === 3, { timeoutMs: 10_000, what: 'the full dags to be full' });
    await rig.publish(dag('free', cron('0 0 * * *')));
    await due(rig);
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where dag_id = 'free'`)).length === 1, { timeoutMs: 10_000, what: 'the free dag' });
    expect(await rig.sql(`select count(*)::int as n from dag_run where dag_id like 'full%'`)).toEqual([{ n: 3 }]);
  });

  it('pass over dates that have a run already, however many', async () => {
    await using rig = await SchedulerRig.open();
    await rig.addWorker(() => ({}));
    await rig.publish(dag('taken', { ...cron('0 0 * * *'), catchup: true, startDate: '2018-01-01T00:00:00Z', endDate: '2018-02-10T00:00:00Z' }));
    await quiet(rig);
    for (let day = 0; day < 40; day++) await rig.trigger('taken', { logicalDate: new Date(Date.UTC(2018, 0, 1 + day)) });
    await rig.sql(`update dag set next_run_after = now()`);
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where run_type = 'scheduled'`)).length === 1, { timeoutMs: 15_000, what: 'the one free date' });
    expect(await rig.sql(`select to_char(logical_date, 'YYYY-MM-DD') as day from dag_run where run_type = 'scheduled'`)).toEqual([{ day: '2018-02-10' }]);
  });

  it('make the newest run only, after months of pause without catch-up', async () => {
    await using rig = await SchedulerRig.open();
    await rig.addWorker(() => ({}));
    await rig.publish(dag('paused', { ...cron('0 0 * * *'), startDate: '2018-01-01T00:00:00Z' }));
    await rig.commands.setPaused('paused', true, 'ada');
    await rig.sql(`delete from dag_run`);
    await rig.sql(`update dag set next_logical_date = '2018-01-02', next_interval_start = '2018-01-02', next_interval_end = '2018-01-02', next_run_after = '2018-01-02'`);
    await rig.commands.setPaused('paused', false, 'ada');
    await waitFor(async () => (await rig.sql(`select 1 from dag where next_run_after > now()`)).length === 1, { timeoutMs: 10_000, what: 'the schedule to be served' });
    expect(await rig.sql(`select logical_date = ${DUE} as newest from dag_run`)).toEqual([{ newest: true }]);
  });

  it('of a continuous dag make the next run when the last has ended, each from where the last ended', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 2 });
    await rig.addWorker(() => ({}));
    await rig.publish(dag('endless', { schedule: { kind: 'continuous' }, maxActiveRuns: 1, startDate: '2026-01-01T00:00:00Z' }));
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where state = 'success'`)).length >= 5, { timeoutMs: 20_000, what: 'five runs' });
    await rig.commands.setPaused('endless', true, 'ada');
    const runs = await rig.sql<{ follows: boolean | null; apart: boolean | null }>(`
      select data_interval_start >= lag(data_interval_end) over w as follows, start_date >= lag(end_date) over w as apart from dag_run where state = 'success' window w as (order by logical_date)`);
    expect(runs.slice(1).every((run) => run.follows === true && run.apart === true)).toBe(true);
  });
});

describe('max_active_runs', () => {
  it('is never exceeded, under three schedulers and a crowd of triggers', async () => {
    await using rig = await SchedulerRig.open({ schedulers: 3 });
    for (const core of rig.cores) await rig.addWorker(() => ({}), { core, slots: 8 });
    await rig.publish(dag('narrow', { maxActiveRuns: 3 }));
    // Counted in the transaction that starts each run: clocks of several schedulers are no judges of order.
    await rig.sql(`create table seen (running int)`);
    await rig.sql(`create function count_running() returns trigger language plpgsql as $f$ begin
      insert into seen select count(*) from dag_run where dag_id = new.dag_id and state = 'running'; return null; end $f$`);
    await rig.sql(`create trigger count_running after update on dag_run for each row when (new.state = 'running' and old.state <> 'running') execute function count_running()`);
    const ids = await Promise.all(Array.from({ length: 60 }, () => rig.trigger('narrow')));
    for (const id of ids) expect(await rig.ended(id)).toBe('success');
    expect(await rig.sql('select max(running) as most, count(*)::int as starts from seen')).toEqual([{ most: 3, starts: 60 }]);
  }, 60_000);
});
