import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comingRuns, runDue } from './coming-runs.js';
import { compileTimetable } from './compile-timetable.js';
import type { NextRun, ScheduleSource, Timetable } from './timetable.js';

const START_MS = Date.parse('2026-10-20T00:00Z');
const HOUR_MS = 3_600_000;

const schedule: fc.Arbitrary<ScheduleSource> = fc.oneof(
  fc.record({ kind: fc.constant('cron' as const), expressions: fc.uniqueArray(fc.constantFrom('0 * * * *', '30 2 * * *', '15,45 */3 * * *', '0 6 * * 1-5', '*/20 * * * *'), { minLength: 1, maxLength: 3 }), timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe') }),
  fc.record({ kind: fc.constant('cronInterval' as const), expression: fc.constantFrom('0 * * * *', '30 2 * * *', '*/20 * * * *'), timezone: fc.constantFrom('UTC', 'America/New_York') }),
  fc.record({ kind: fc.constantFrom('every' as const, 'everyInterval' as const), seconds: fc.constantFrom(600, 3_600, 5_400) }),
  fc.record({ kind: fc.constant('events' as const), dates: fc.array(fc.integer({ min: 0, max: 400 }).map((hours) => new Date(START_MS + hours * HOUR_MS).toISOString()), { maxLength: 30 }) }),
);
/** Moments at which a scheduler looks: minutes to weeks apart. */
const looks = fc.array(fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 120, max: 5_000 })), { minLength: 1, maxLength: 12 }).map((gaps) => {
  let at = START_MS;
  return gaps.map((gap) => (at += gap * 60_000));
});

function compiled(source: ScheduleSource, catchup: boolean): Timetable {
  const result = compileTimetable(source, { timezone: 'UTC', startMs: START_MS, endMs: null, catchup });
  if (!result.ok || result.timetable === null) throw new Error(JSON.stringify(result));
  return result.timetable;
}

/** What a scheduler does: makes what is due, at most `room` at a look, and keeps what comes next. */
function made(timetable: Timetable, at: readonly number[], room: number): { run: NextRun; atMs: number }[] {
  const runs: { run: NextRun; atMs: number }[] = [];
  let pending = timetable.next(null, START_MS);
  for (const nowMs of at) {
    for (let n = 0; n < room && pending !== null && pending.runAfterMs <= nowMs; n++) {
      const run = runDue(timetable, pending, nowMs);
      runs.push({ run, atMs: nowMs });
      pending = timetable.next(run, nowMs);
    }
  }
  return runs;
}

describe('a schedule that is looked at now and then', () => {
  it('with catch-up makes every run once and in order, however late it is looked at', () => {
    fc.assert(fc.property(schedule, looks, fc.integer({ min: 1, max: 40 }), (source, at, room) => {
      const timetable = compiled(source, true);
      const runs = made(timetable, at, room).map(({ run }) => run);
      const all = timetable.between(START_MS, at.at(-1)!, 100_000).filter((run) => run.runAfterMs <= at.at(-1)!);
      expect(runs).toEqual(all.slice(0, runs.length));
      expect(made(timetable, at, Infinity).map(({ run }) => run)).toEqual(all);
    }), { numRuns: 80 });
  });

  it('without catch-up makes at a look only the newest that is due, never one twice, never an older one', () => {
    fc.assert(fc.property(schedule, looks, (source, at) => {
      const timetable = compiled(source, false);
      const runs = made(timetable, at, 10);
      expect(new Set(runs.map(({ atMs }) => atMs)).size, 'one at a look').toBe(runs.length);
      for (const [n, { run, atMs }] of runs.entries()) {
        expect(run.runAfterMs).toBeLessThanOrEqual(atMs);
        if (n > 0) expect(run.logicalDateMs).toBeGreaterThan(runs[n - 1]!.run.logicalDateMs);
        const newer = timetable.between(run.logicalDateMs, atMs, 100_000).slice(1).filter((other) => other.runAfterMs <= atMs);
        expect(newer).toEqual([]);
      }
    }), { numRuns: 80 });
  });

  it('without catch-up misses nothing that is looked for often enough', () => {
    fc.assert(fc.property(fc.constantFrom('0 * * * *', '30 2 * * *', '15,45 */3 * * *'), fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC'), (expression, timezone) => {
      const timetable = compiled({ kind: 'cron', expressions: [expression], timezone }, false);
      const at = Array.from({ length: 3_000 }, (_, n) => START_MS + n * 10 * 60_000);
      expect(made(timetable, at, 1).map(({ run }) => run)).toEqual(timetable.between(START_MS, at.at(-1)!, 100_000));
    }), { numRuns: 9 });
  });

  it('shows beforehand the runs it then makes', () => {
    fc.assert(fc.property(schedule, fc.boolean(), fc.integer({ min: 0, max: 10_000 }), (source, catchup, minutes) => {
      const timetable = compiled(source, catchup);
      const nowMs = START_MS + minutes * 60_000;
      const shown = comingRuns(timetable, timetable.next(null, START_MS), nowMs, 6);
      const at = [nowMs, ...shown.map((run) => Math.max(nowMs, run.runAfterMs))].sort((a, b) => a - b);
      expect(made(timetable, at, 6).map(({ run }) => run).slice(0, shown.length)).toEqual(shown);
    }), { numRuns: 80 });
  });
});
