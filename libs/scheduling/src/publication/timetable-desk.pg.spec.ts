import { createHash } from 'node:crypto';
import type { NextRun } from '@millrace/engine';
import { InProcessBroker } from '@millrace/messaging';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { scheduleOf } from '../schedules/schedule-view.js';
import { Publication } from './publication.js';
import type { PublishedTimetable } from './published-file.js';
import { TimetableDesk } from './timetable-desk.js';

const HOUR_MS = 3_600_000;
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
/** `n` runs an hour apart, the first so many hours from now. */
const hours = (first: number, n: number): NextRun[] => {
  const base = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  return Array.from({ length: n }, (_, at) => base + (first + at) * HOUR_MS).map((ms) => ({ logicalDateMs: ms, intervalStartMs: ms, intervalEndMs: ms, runAfterMs: ms }));
};

async function open(): Promise<{ rig: SchedulerRig; desk: TimetableDesk; publish: (code: string, told: Partial<PublishedTimetable>, more?: object) => Promise<string> }> {
  const rig = await SchedulerRig.open();
  const broker = new InProcessBroker();
  await broker.start();
  const publication = new Publication(rig.migrated.database, broker, { pausedAtCreation: false });
  const publish = async (code: string, told: Partial<PublishedTimetable>, more: object = {}): Promise<string> => {
    const bundle = Buffer.from(code);
    const document = { format: 1, dagId: 'own', schedule: { kind: 'custom', name: 'Own', summary: 'own', description: 'of its own' }, tasks: [{ taskId: 't', operator: 'TestOperator' }], ...more };
    const { refused } = await publication.publishFile({
      bundleName: 'dags', relativeFileloc: 'own.ts', fileloc: '/dags/own.ts', bundleHash: createHash('sha256').update(bundle).digest('hex'), bundle, source: code, dagDocuments: [JSON.stringify(document)], importError: null,
      parseDurationMs: 1, timetables: [{ dagId: 'own', runs: [], isComplete: false, ...told }],
    });
    return refused;
  };
  return { rig, desk: new TimetableDesk(rig.migrated.database, silent), publish };
}

const made = (rig: SchedulerRig): Promise<{ ms: number }[]> => rig.sql(`select extract(epoch from logical_date)::float8 * 1000 as ms from dag_run where run_type = 'scheduled' order by 1`);
const pending = async (rig: SchedulerRig): Promise<number | null> => (await rig.sql<{ ms: number | null }>(`select extract(epoch from next_run_after)::float8 * 1000 as ms from dag`))[0]!.ms;

describe('a timetable written in dag code', () => {
  it('makes the runs it published, and is asked for more before they run out', async () => {
    const { rig, desk, publish } = await open();
    await using _ = rig;
    const runs = hours(-2, 6);
    expect(await publish('code', { runs }, { catchup: true })).toBe('');
    await waitFor(async () => (await made(rig)).length === 3, { timeoutMs: 10_000, what: 'the runs that are due' });
    expect((await made(rig)).map((run) => run.ms)).toEqual(runs.slice(0, 3).map((run) => run.logicalDateMs));
    expect(await pending(rig)).toBe(runs[3]!.runAfterMs);
    // Three are to come: fewer than five.
    const [asked, ...others] = await desk.take();
    expect([asked!.dagId, asked!.bundle.toString(), asked!.after!.logicalDateMs, others]).toEqual(['own', 'code', runs[5]!.logicalDateMs, []]);
    expect(await desk.take(), 'it is asked of one processor at a time').toEqual([]);
    const more = hours(4, 200);
    const extension = { versionId: asked!.versionId, timetable: { dagId: 'own', runs: more, isComplete: false }, after: asked!.after, error: '' };
    expect(await desk.extend(extension)).toBe(true);
    expect(await desk.extend(extension), 'the same again').toBe(false);
    expect(await rig.sql('select count(*)::int as n from timetable_run')).toEqual([{ n: 206 }]);
    expect(await desk.take(), 'a hundred are enough').toEqual([]);
    expect((await scheduleOf(rig.migrated.database, 'own', 4))!.runs.map((run) => run.runAfterMs)).toEqual([...runs.slice(3), more[0]].map((run) => run!.runAfterMs));
  });

  it('of a new version goes on after the runs that were made, and its runs replace what was to come', async () => {
    const { rig, desk, publish } = await open();
    await using _ = rig;
    await publish('one', { runs: hours(-1, 8) }, { catchup: true });
    await waitFor(async () => (await made(rig)).length === 2, { timeoutMs: 10_000, what: 'the runs that are due' });
    await publish('two', { runs: hours(-1, 300) }, { catchup: true });
    expect(await pending(rig), 'until it is asked, what is known stays').toBe(hours(1, 1)[0]!.runAfterMs);
    const [asked] = await desk.take();
    expect([asked!.bundle.toString(), asked!.after!.logicalDateMs]).toEqual(['two', hours(0, 1)[0]!.logicalDateMs]);
    const fresh = hours(5, 200);
    expect(await desk.extend({ versionId: asked!.versionId, timetable: { dagId: 'own', runs: fresh, isComplete: false }, after: asked!.after, error: '' })).toBe(true);
    expect(await pending(rig)).toBe(fresh[0]!.runAfterMs);
    expect((await scheduleOf(rig.migrated.database, 'own', 2))!.runs.map((run) => run.runAfterMs)).toEqual(fresh.slice(0, 2).map((run) => run.runAfterMs));
  });

  it('that cannot be gone on with is told as its file’s import error, until it can; what is published goes on', async () => {
    const { rig, desk, publish } = await open();
    await using _ = rig;
    await publish('code', { runs: hours(1, 3) });
    const [asked] = await desk.take();
    expect(await desk.extend({ versionId: asked!.versionId, timetable: { dagId: 'own', runs: [], isComplete: false }, after: asked!.after, error: 'RangeError: no more holidays' })).toBe(true);
    expect(await rig.sql('select stack_trace from import_error')).toEqual([{ stack_trace: 'timetable of dag "own": RangeError: no more holidays' }]);
    expect((await scheduleOf(rig.migrated.database, 'own', 9))!).toMatchObject({ warnings: [expect.stringContaining('no more holidays')], runs: [{}, {}, {}] });
    expect(await desk.take(), 'not at once again').toEqual([]);
    await rig.sql(`update timetable set asked_at = now() - interval '1 hour'`);
    const [again] = await desk.take();
    expect(await desk.extend({ versionId: again!.versionId, timetable: { dagId: 'own', runs: hours(4, 2), isComplete: true }, after: again!.after, error: '' })).toBe(true);
    expect(await rig.sql('select stack_trace from import_error')).toEqual([]);
    expect(await rig.sql('select has_import_errors from dag')).toEqual([{ has_import_errors: false }]);
    expect(await desk.take(), 'there are no more').toEqual([]);
  });

  it('is told when it goes backwards, and refused', async () => {
    const { rig, publish } = await open();
    await using _ = rig;
    expect(await publish('code', { runs: hours(1, 3).toReversed() })).toContain('do not go forward');
    expect(await rig.sql('select 1 from dag')).toEqual([]);
  });

  it('does not flood after a long pause: the newest run is asked for first', async () => {
    const { rig, desk, publish } = await open();
    await using _ = rig;
    await publish('code', { runs: hours(-1, 2) });
    await waitFor(async () => (await made(rig)).length === 1, { timeoutMs: 10_000, what: 'the newest run' });
    await rig.commands.setPaused('own', true, 'ada');
    await rig.sql(`update dag_run set run_id = 'old', logical_date = logical_date - interval '90 days', run_after = run_after - interval '90 days'`);
    await rig.sql(`update timetable_run set logical_date = logical_date - interval '80 days', run_after = run_after - interval '80 days'`);
    expect(await desk.take(), 'nobody asks about a paused dag').toEqual([]);
    await rig.commands.setPaused('own', false, 'ada');
    expect(await pending(rig)).toBeNull();
    const [asked] = await desk.take();
    await desk.extend({ versionId: asked!.versionId, timetable: { dagId: 'own', runs: hours(-1, 200), isComplete: false }, after: asked!.after, error: '' });
    await waitFor(async () => (await made(rig)).length === 2, { timeoutMs: 10_000, what: 'the newest run' });
    expect((await made(rig)).at(-1)!.ms).toBe(hours(0, 1)[0]!.logicalDateMs);
  });
});
