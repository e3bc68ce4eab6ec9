import type { DagDocumentInput } from '@millrace/contracts';
import { BackfillsReader, EVERY_DAG } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import type { BackfillInput } from '../commands/commands.js';
import { SchedulerRig } from '../testing/scheduler-rig.js';

const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const daily = (more: object = {}): DagDocumentInput =>
  ({ format: 1, dagId: 'daily', tasks: [task('a')], schedule: { kind: 'cron', expressions: ['0 0 * * *'], timezone: 'UTC' }, startDate: '2018-01-01T00:00:00Z', ...more }) as DagDocumentInput;
const asked = (from: number, to: number, more: Partial<BackfillInput> = {}): BackfillInput => ({ dagId: 'daily', fromDate: new Date(Date.UTC(2018, 0, from)), toDate: new Date(Date.UTC(2018, 0, to)), actor: 'ada', ...more });
const day = (date: Date | string): number => new Date(date).getUTCDate();

/** The schedule itself makes no runs: only the backfill's are looked at. */
async function open(document: DagDocumentInput = daily(), schedulers = 1): Promise<SchedulerRig> {
  const rig = await SchedulerRig.open({ schedulers });
  await rig.publish(document);
  await quiet(rig);
  return rig;
}

async function quiet(rig: SchedulerRig): Promise<void> {
  await rig.sql(`update dag set next_run_after = null, next_logical_date = null`);
  await rig.sql(`delete from dag_run where run_type = 'scheduled'`);
}

async function over(rig: SchedulerRig, id: number | null): Promise<void> {
  await waitFor(async () => (await rig.sql('select 1 from backfill where id = $1 and completed_at is not null', [id])).length === 1, { timeoutMs: 20_000, what: `backfill ${id} to be over` });
}

async function endedRun(rig: SchedulerRig, on: number): Promise<void> {
  await rig.ended(await rig.trigger('daily', { logicalDate: new Date(Date.UTC(2018, 0, on)) }));
}

const progress = (rig: SchedulerRig, id: number | null) => new BackfillsReader(rig.migrated.database.pool, EVERY_DAG).progress(id!);

describe('reprocess behaviour', () => {
  // 10: success, 11: failed, 12: running, 13: none.
  it.each([
    ['none', ['skip already exists', 'skip already exists', 'skip in flight', 'create']],
    ['failed', ['skip already exists', 'clear', 'skip in flight', 'create']],
    ['completed', ['clear', 'clear', 'skip in flight', 'create']],
  ] as const)('%s', async (reprocessBehavior, expected) => {
    await using rig = await open();
    let held = false;
    await rig.addWorker((grant) => (held && day(grant.logicalDate) === 12 ? null : { outcome: day(grant.logicalDate) === 11 && !held ? 'failed' : 'success', retryable: false }));
    await endedRun(rig, 10);
    await endedRun(rig, 11);
    held = true;
    await rig.trigger('daily', { logicalDate: new Date(Date.UTC(2018, 0, 12)) });
    await waitFor(() => rig.started.length === 3, { timeoutMs: 5_000, what: 'the run that is in flight' });
    const input = asked(10, 13, { reprocessBehavior });
    const dry = await rig.commands.createBackfill(input, true);
    expect(dry.runs.map((run) => [run.action, run.exceptionReason].filter(Boolean).join(' '))).toEqual(expected);
    expect(await rig.sql('select 1 from backfill')).toEqual([]);
    const { backfillId } = await rig.commands.createBackfill(input, false);
    await over(rig, backfillId);
    const attempts = expected.filter((what) => what === 'clear' || what === 'create').length;
    expect(rig.started.slice(3).map((grant) => day(grant.logicalDate))).toEqual([10, 11, 12, 13].filter((_, at) => expected[at] === 'clear' || expected[at] === 'create'));
    expect(await progress(rig, backfillId)).toMatchObject({ dates: 4, runs: { success: attempts, failed: 0 }, skipped: Object.fromEntries(Object.entries({ 'already exists': expected.filter((what) => what === 'skip already exists').length, 'in flight': 1 }).filter(([, count]) => count > 0)) });
    // What a backfill takes over is its own from then on.
    expect((await rig.sql<{ n: number }>(`select count(*)::int as n from dag_run where run_type = 'backfill' and backfill_id = $1`, [backfillId]))[0]!.n).toBe(attempts);
  });
});

describe('order and limit', () => {
  it.each([[false, 1], [true, 1], [false, 3]])('backwards: %s, %i at once, under two schedulers', async (runBackwards, maxActiveRuns) => {
    await using rig = await open(daily({ maxActiveRuns: 1 }), 2);
    await rig.sql(`create table seen (running int, logical_date timestamptz, id bigint generated always as identity)`);
    await rig.sql(`create function count_running() returns trigger language plpgsql as $f$ begin
      insert into seen (running, logical_date) select count(*), new.logical_date from dag_run where backfill_id = new.backfill_id and state = 'running'; return null; end $f$`);
    await rig.sql(`create trigger count_running after update on dag_run for each row when (new.state = 'running' and old.state <> 'running') execute function count_running()`);
    for (const core of rig.cores) await rig.addWorker(() => ({}), { core });
    const { backfillId } = await rig.commands.createBackfill(asked(1, 20, { runBackwards, maxActiveRuns }), false);
    await over(rig, backfillId);
    const seen = await rig.sql<{ running: number; logical_date: Date }>('select running, logical_date from seen order by id');
    const days = Array.from({ length: 20 }, (_, at) => at + 1);
    // Runs that start in one statement start together; between statements the order holds.
    if (maxActiveRuns === 1) expect(seen.map((row) => day(row.logical_date))).toEqual(runBackwards ? days.toReversed() : days);
    else for (const [at, row] of seen.entries()) expect(Math.abs(day(row.logical_date) - (at + 1))).toBeLessThan(maxActiveRuns);
    expect(Math.max(...seen.map((row) => row.running))).toBeLessThanOrEqual(maxActiveRuns);
  }, 40_000);

  it('leaves the dag’s own runs their limit, and has its own', async () => {
    await using rig = await open(daily({ maxActiveRuns: 1 }));
    await rig.addWorker(() => null, { slots: 20 });
    for (let n = 0; n < 3; n++) await rig.trigger('daily');
    await rig.commands.createBackfill(asked(1, 9, { maxActiveRuns: 2 }), false);
    await waitFor(() => rig.started.length === 3, { timeoutMs: 10_000, what: 'both lines to be full' });
    expect(await rig.sql(`select run_type, state, count(*)::int as n from dag_run group by 1, 2 order by 1, 2`)).toEqual([
      { run_type: 'backfill', state: 'queued', n: 7 }, { run_type: 'backfill', state: 'running', n: 2 }, { run_type: 'manual', state: 'queued', n: 2 }, { run_type: 'manual', state: 'running', n: 1 },
    ]);
  });

  it('does not stand behind six hundred runs that have no room', async () => {
    await using rig = await open(daily({ maxActiveRuns: 1 }));
    await rig.addWorker((grant) => (grant.logicalDate === '' ? null : {}), { slots: 20 });
    await Promise.all(Array.from({ length: 600 }, () => rig.trigger('daily')));
    const { backfillId } = await rig.commands.createBackfill(asked(1, 3), false);
    await over(rig, backfillId);
    expect(await progress(rig, backfillId)).toMatchObject({ runs: { success: 3 } });
  }, 40_000);
});

describe('pause, resume, cancel', () => {
  it('starts nothing while paused, lets what runs end, goes on, and is over when its runs are', async () => {
    await using rig = await open();
    let hold = true;
    const worker = await rig.addWorker(() => (hold ? null : {}));
    const { backfillId } = await rig.commands.createBackfill(asked(1, 4, { maxActiveRuns: 1 }), false);
    const first = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'the first run' });
    await rig.commands.setBackfillPaused(backfillId!, true, 'ada');
    hold = false;
    await worker.report(first, {});
    await rig.ended((await rig.sql<{ id: string }>(`select id from dag_run where state <> 'queued'`))[0]!.id as never);
    // A run that is asked for later starts; the backfill's still wait.
    await rig.ended(await rig.trigger('daily'));
    expect(await progress(rig, backfillId)).toMatchObject({ runs: { success: 1, queued: 3, running: 0 } });
    await rig.commands.setBackfillPaused(backfillId!, false, 'ada');
    await over(rig, backfillId);
    expect(await progress(rig, backfillId)).toMatchObject({ dates: 4, runs: { success: 4 } });
  });

  it('fails what has not begun, lets what runs end, and lets a cleared run of it run again', async () => {
    await using rig = await open();
    let hold = true;
    const worker = await rig.addWorker(() => (hold ? null : {}));
    const { backfillId } = await rig.commands.createBackfill(asked(1, 4, { maxActiveRuns: 1 }), false);
    const first = await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'the first run' });
    await rig.commands.cancelBackfill(backfillId!, 'ada');
    expect(await rig.sql('select state, count(*)::int as n from dag_run group by 1 order by 1')).toEqual([{ state: 'failed', n: 3 }, { state: 'running', n: 1 }]);
    await over(rig, backfillId);
    await expect(rig.commands.setBackfillPaused(backfillId!, false, 'ada')).rejects.toMatchObject({ code: 'conflict' });
    hold = false;
    await worker.report(first, {});
    const [failed] = await rig.sql<{ id: string }>(`select id from dag_run where state = 'failed' order by logical_date limit 1`);
    await rig.commands.markRun(failed!.id as never, 'queued', 'ada');
    expect(await rig.ended(failed!.id as never)).toBe('success');
  });

  it('is carried on by a scheduler when who asked for it dies after its commit', async () => {
    await using rig = await open();
    await rig.addWorker(() => ({}));
    await endedRun(rig, 10);
    const { backfillId } = await rig.commands.createBackfill(asked(10, 10, { reprocessBehavior: 'completed' }), false);
    await over(rig, backfillId);
    // As a commit leaves it that nobody followed up: the run looks finished, and what it is to do stands in run_event.
    const [run] = await rig.sql<{ id: string; instance: string }>(`select r.id, t.id as instance from dag_run r join task_instance t on t.dag_run_id = r.id`);
    await rig.sql(`insert into run_event (id, dag_run_id, kind, payload) values (gen_random_uuid(), $1, 'run_marked', '{"type":"run_marked","state":"queued","by":"ada"}')`, [run!.id]);
    await rig.sql(`update backfill set completed_at = null`);
    await waitFor(async () => (await rig.sql(`select 1 from run_event`)).length === 0, { timeoutMs: 10_000, what: 'the event to be applied' });
    await over(rig, backfillId);
    expect(await rig.runState(run!.id as never)).toBe('success');
  });

  it('of one that was cancelled and forgotten is finished by a scheduler', async () => {
    await using rig = await open();
    await rig.addWorker(() => null);
    const { backfillId } = await rig.commands.createBackfill(asked(1, 3, { maxActiveRuns: 1 }), false);
    await waitFor(() => rig.started[0], { timeoutMs: 5_000, what: 'the first run' });
    await rig.sql(`update backfill set cancelled_at = now(), is_paused = true`);
    await over(rig, backfillId);
    expect(await rig.sql('select state, count(*)::int as n from dag_run group by 1 order by 1')).toEqual([{ state: 'failed', n: 2 }, { state: 'running', n: 1 }]);
  });
});

describe('a schedule of partitions', () => {
  const partitions = daily({ schedule: { kind: 'cronPartition', expression: '0 0 * * *', timezone: 'UTC', runOffset: -1, keyFormat: '%Y-%m-%d' } });

  it('is filled partition by partition, and by its runs of before', async () => {
    await using rig = await open(partitions);
    await rig.addWorker(() => ({}));
    const dry = await rig.commands.createBackfill(asked(2, 4), true);
    expect(dry.runs.map((run) => [run.partition?.key, run.action])).toEqual([['2018-01-01', 'create'], ['2018-01-02', 'create'], ['2018-01-03', 'create']]);
    const { backfillId } = await rig.commands.createBackfill(asked(2, 4), false);
    await over(rig, backfillId);
    expect(await rig.sql(`select partition_key, logical_date, state from dag_run order by 1`)).toEqual(['2018-01-01', '2018-01-02', '2018-01-03'].map((key) => ({ partition_key: key, logical_date: null, state: 'success' })));
    expect((await rig.commands.createBackfill(asked(1, 5), true)).runs.map((run) => run.exceptionReason ?? run.action)).toEqual(['create', 'already exists', 'already exists', 'already exists', 'create']);
    const { backfillId: second } = await rig.commands.createBackfill(asked(3, 3, { reprocessBehavior: 'completed' }), false);
    await over(rig, second);
    expect(rig.started.map((grant) => grant.tryNumber)).toEqual([1, 1, 1, 2]);
  });
});

describe('a backfill', () => {
  it.each([
    ['a range that ends before it begins', daily(), asked(9, 1), 'is after to_date'],
    ['a dag without schedule', daily({ schedule: null }), asked(1, 9), 'has no schedule'],
    ['the future', daily(), { ...asked(1, 2), fromDate: new Date('2100-01-01'), toDate: new Date('2100-01-02') }, 'future dates'],
    ['a range without dates', daily({ schedule: { kind: 'cron', expressions: ['0 0 31 12 *'], timezone: 'UTC' } }), asked(1, 9), 'No runs to create'],
    ['backwards with depends_on_past', daily({ tasks: [task('a', [], { dependsOnPast: true })] }), asked(1, 9, { runBackwards: true, reprocessBehavior: 'failed' }), 'cannot be run in reverse'],
    ['depends_on_past without reprocessing', daily({ tasks: [task('a', [], { dependsOnPast: true })] }), asked(1, 9), 'You must set reprocess behavior'],
    ['too many runs', daily({ schedule: { kind: 'cron', expressions: ['* * * * *'], timezone: 'UTC' } }), asked(1, 9), 'more than 10000 runs'],
  ])('is refused for %s, dry or not', async (_what, document, input, message) => {
    await using rig = await open(document);
    for (const dry of [true, false]) await expect(rig.commands.createBackfill(input, dry)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(message) as string });
    expect(await rig.sql('select 1 from backfill')).toEqual([]);
  });

  it('is the only one of its dag, however many are asked for at once', async () => {
    await using rig = await open();
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => rig.commands.createBackfill(asked(1, 3), false)));
    expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
    expect(await rig.sql('select count(*)::int as n from backfill')).toEqual([{ n: 1 }]);
    await expect(rig.commands.createBackfill(asked(1, 3), false)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('already a running backfill') as string });
  });

  it('makes none of a date that is not over yet', async () => {
    await using rig = await open();
    const from = new Date(Date.now() - 2 * 86_400_000);
    const { runs } = await rig.commands.createBackfill({ ...asked(1, 1), fromDate: from, toDate: new Date(Date.now() + 3 * 86_400_000) }, true);
    expect(runs.length).toBeGreaterThan(0);
    expect(runs.every((run) => run.dataIntervalEnd.getTime() < Date.now())).toBe(true);
  });

  it.each([[true, { a: 'removed', b: 'success', c: 'success' }], [false, { a: 'success', b: 'success' }]])('runs again on the latest version: %s', async (runOnLatestVersion, states) => {
    await using rig = await open(daily({ tasks: [task('a'), task('b', ['a'])] }));
    await rig.addWorker(() => ({}));
    await endedRun(rig, 10);
    await rig.publish(daily({ tasks: [task('b'), task('c', ['b'], { queue: 'default' })] }));
    await quiet(rig);
    const { backfillId } = await rig.commands.createBackfill(asked(10, 10, { reprocessBehavior: 'completed', runOnLatestVersion }), false);
    await over(rig, backfillId);
    const [run] = await rig.sql<{ id: string }>('select id from dag_run');
    expect([await rig.runState(run!.id as never), await rig.states(run!.id as never)]).toEqual(['success', states]);
    expect(rig.started.slice(2).map((grant) => grant.taskId)).toEqual(runOnLatestVersion ? ['b', 'c'] : ['a', 'b']);
  });
});
