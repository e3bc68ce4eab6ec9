import { describe, expect, it } from 'vitest';
import { dag } from '../index.js';
import { listRuns } from './list-runs.js';
import type { ListRequest, RunList } from './list-runs.js';
import { Timetable } from './timetable.js';
import type { TimetableRestriction, TimetableRun } from './timetable.js';

const DAY_MS = 86_400_000;
const at = (text: string): number => Date.parse(`${text}Z`);
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Airflow's example: the run of a workday is made when it is over; weekends do not count. */
class Workdays extends Timetable {
  nextRun(last: Required<TimetableRun> | null, { earliest, now }: TimetableRestriction): TimetableRun {
    let start = last?.end ?? startOfDay(earliest ?? now);
    while ([0, 6].includes(start.getUTCDay())) start = new Date(start.getTime() + DAY_MS);
    return { start, end: new Date(start.getTime() + DAY_MS) };
  }
}

class Answers extends Timetable {
  constructor(private readonly answers: readonly unknown[]) {
    super();
  }

  nextRun(last: Required<TimetableRun> | null): never {
    return this.answers[last === null ? 0 : this.answers.findIndex((one) => (one instanceof Date ? one : (one as TimetableRun | null)?.start)?.getTime() === last.start.getTime()) + 1] as never;
  }
}

function startOfDay(date: Date): Date {
  return new Date(Math.floor(date.getTime() / DAY_MS) * DAY_MS);
}

function list(timetable: Timetable, limits: Partial<Omit<TimetableRestriction, 'now'>> = {}, request: Partial<ListRequest> = {}): RunList {
  return listRuns(timetable, { earliest: null, latest: null, catchup: false, ...limits }, { after: null, nowMs: at('2026-11-23T12:00'), ...request });
}

describe('listRuns', () => {
  it('asks for one run after the other, until it has enough for a long time', () => {
    const { runs, isComplete } = list(new Workdays());
    expect(runs.slice(0, 6).map((run) => day(run.logicalDateMs))).toEqual(['2026-11-23', '2026-11-24', '2026-11-25', '2026-11-26', '2026-11-27', '2026-11-30']);
    expect([isComplete, runs[0]]).toEqual([false, { logicalDateMs: at('2026-11-23'), intervalStartMs: at('2026-11-23'), intervalEndMs: at('2026-11-24'), runAfterMs: at('2026-11-24') }]);
    expect(runs.at(-1)!.runAfterMs).toBeGreaterThan(at('2026-11-23') + 400 * DAY_MS);
  });

  it('goes on after the newest that is known as if it had never stopped', () => {
    const whole = list(new Workdays(), { earliest: new Date('2026-11-01') , catchup: true }).runs;
    const rest = list(new Workdays(), { earliest: new Date('2026-11-01'), catchup: true }, { after: whole[7]! }).runs;
    expect(rest.slice(0, 20)).toEqual(whole.slice(8, 28));
  });

  it('without catch-up keeps the newest of what was missed, with it all', () => {
    const earliest = new Date('2026-11-02');
    expect(list(new Workdays(), { earliest }).runs.slice(0, 2).map((run) => day(run.logicalDateMs))).toEqual(['2026-11-20', '2026-11-23']);
    expect(list(new Workdays(), { earliest, catchup: true }).runs.slice(0, 2).map((run) => day(run.logicalDateMs))).toEqual(['2026-11-02', '2026-11-03']);
  });

  it('ends at the end date, and where the timetable ends', () => {
    expect(list(new Workdays(), { latest: new Date('2026-11-25') })).toMatchObject({ isComplete: true, runs: [{}, {}, {}] });
    expect(list(new Answers([new Date('2027-01-01'), { start: new Date('2027-02-01'), end: new Date('2027-02-02'), runAfter: new Date('2027-02-05'), logicalDate: new Date('2027-02-03') }, null]))).toEqual({
      isComplete: true,
      runs: [
        { logicalDateMs: at('2027-01-01'), intervalStartMs: at('2027-01-01'), intervalEndMs: at('2027-01-01'), runAfterMs: at('2027-01-01') },
        { logicalDateMs: at('2027-02-03'), intervalStartMs: at('2027-02-01'), intervalEndMs: at('2027-02-02'), runAfterMs: at('2027-02-05') },
      ],
    });
    expect(list(new Answers([null]))).toEqual({ runs: [], isComplete: true });
  });

  it.each([
    ['something else', ['tomorrow'], 'Answers.nextRun() must answer with { start, end }, a Date or null, got "tomorrow"'],
    ['no date', [{ start: 'x', end: new Date() }], 'Answers.nextRun(): start must be a Date, got "x"'],
    ['an invalid date', [new Date('x')], 'Answers.nextRun(): the date must be a Date, got an invalid one'],
    ['an interval that ends before it starts', [{ start: new Date('2027-01-02'), end: new Date('2027-01-01') }], 'before it starts'],
    ['the same run again', [new Date('2027-01-01'), new Date('2027-01-01')], 'must go forward: after the run of 2027-01-01T00:00:00.000Z it gave 2027-01-01T00:00:00.000Z'],
  ])('refuses %s', (_what, answers, message) => {
    expect(() => list(new Answers(answers))).toThrow(message);
  });

  it('ends for a timetable that never leaves the past', () => {
    class Crawling extends Timetable {
      nextRun(last: Required<TimetableRun> | null): Date {
        return new Date((last?.start.getTime() ?? 0) + 1);
      }
    }
    expect(() => list(new Crawling())).toThrow(/asked 200000 times and is still in the past/);
  });
});

describe('a dag with a timetable of its own', () => {
  it('says so in its document, and tells the runs beside it', () => {
    const made = dag('report', { schedule: new Workdays(), startDate: '2026-11-02', catchup: true, timezone: 'Europe/Berlin' }, () => {});
    expect(made.toDocument().schedule).toEqual({ kind: 'custom', name: 'Workdays', summary: 'Workdays', description: 'Workdays' });
    expect(made.hasTimetable).toBe(true);
    expect(made.timetableRuns({ after: null, nowMs: at('2026-11-23') }).runs[0]!.logicalDateMs).toBe(at('2026-11-02'));
    class AtStart extends Timetable {
      nextRun(last: Required<TimetableRun> | null, { earliest }: TimetableRestriction): Date | null {
        return last === null ? earliest : null;
      }
    }
    const start = dag('start', { schedule: new AtStart(), startDate: '2026-11-02', catchup: true, timezone: 'Europe/Berlin' }, () => {});
    expect(start.timetableRuns({ after: null, nowMs: 0 })).toMatchObject({ isComplete: true, runs: [{ logicalDateMs: at('2026-11-01T23:00') }] });
  });

  it('has its place in an error of the timetable', () => {
    const made = dag('bad', { schedule: new Answers(['x']) }, () => {});
    expect(() => made.timetableRuns({ after: null, nowMs: 0 })).toThrow(/timetable of dag "bad": Answers.nextRun\(\) must answer/);
  });
});
