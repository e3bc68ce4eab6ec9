import { describe, expect, it } from 'vitest';
import { comingRuns } from './coming-runs.js';
import { compileTimetable } from './compile-timetable.js';
import type { NextRun, ScheduleSource, Timetable, TimetableOptions } from './timetable.js';

const ms = (text: string): number => Date.parse(text.length === 10 ? text : `${text}Z`);
const iso = (time: number): string => new Date(time).toISOString().replace(/(:00)?\.000Z$/, '');
const cron = (...expressions: string[]): ScheduleSource => ({ kind: 'cron', expressions, timezone: 'UTC' });
const events: ScheduleSource = { kind: 'events', dates: ['2026-12-24T18:00:00Z', '2026-10-01T18:00:00Z', '2026-11-05T19:00:00+01:00', '2026-11-20T18:00:00Z', '2026-11-05T18:00:00Z'] };
const cronInterval = (expression: string): ScheduleSource => ({ kind: 'cronInterval', expression, timezone: 'UTC' });

function timetable(schedule: ScheduleSource, options: Partial<TimetableOptions> = {}): Timetable {
  const result = compileTimetable(schedule, { timezone: 'UTC', startMs: null, endMs: null, catchup: false, ...options });
  if (!result.ok || result.timetable === null) throw new Error(JSON.stringify(result));
  return result.timetable;
}

function refusal(schedule: ScheduleSource, options: Partial<TimetableOptions> = {}): string {
  const result = compileTimetable(schedule, { timezone: 'UTC', startMs: null, endMs: null, catchup: false, ...options });
  return result.ok ? 'accepted' : result.message;
}

const fired = (text: string): NextRun => ({ logicalDateMs: ms(text), intervalStartMs: ms(text), intervalEndMs: ms(text), runAfterMs: ms(text) });
const interval = (start: string, end: string): NextRun => ({ logicalDateMs: ms(start), intervalStartMs: ms(start), intervalEndMs: ms(end), runAfterMs: ms(end) });
const shown = (run: NextRun | null): string => (run === null ? 'none' : `${iso(run.intervalStartMs)} .. ${iso(run.intervalEndMs)}`);

describe('next, as Airflow 3 does it', () => {
  const daily = cron('0 0 * * *');
  const noon = ms('2026-11-23T12:00');
  const start = ms('2026-11-01');

  it.each([
    // trigger form
    ['cron, first run, no start: long after the last time', daily, {}, null, '2026-11-24T00:00 .. 2026-11-24T00:00', noon],
    ['cron, first run, no start: an hour after the last time (within a tenth)', daily, {}, null, '2026-11-23T00:00 .. 2026-11-23T00:00', ms('2026-11-23T01:00')],
    ['cron, first run, a start: the newest', daily, { startMs: start }, null, '2026-11-23T00:00 .. 2026-11-23T00:00', noon],
    ['cron, first run, catch-up: from the start', daily, { startMs: start, catchup: true }, null, '2026-11-01T00:00 .. 2026-11-01T00:00', noon],
    ['cron, first run, a start between two times', daily, { startMs: ms('2026-11-01T05:00'), catchup: true }, null, '2026-11-02T00:00 .. 2026-11-02T00:00', noon],
    ['cron, unpaused after months: the newest only', daily, { startMs: start }, fired('2026-03-01'), '2026-11-23T00:00 .. 2026-11-23T00:00', noon],
    ['cron, unpaused after months, catch-up', daily, { startMs: start, catchup: true }, fired('2026-03-01'), '2026-03-02T00:00 .. 2026-03-02T00:00', noon],
    ['cron, the newest exists: wait for the next', daily, { startMs: start }, fired('2026-11-23'), '2026-11-24T00:00 .. 2026-11-24T00:00', noon],
    ['cron, a start in the future', daily, { startMs: ms('2026-12-05T05:00') }, null, '2026-12-06T00:00 .. 2026-12-06T00:00', noon],
    ['cron, the end passed', daily, { endMs: ms('2026-11-23') }, fired('2026-11-23'), 'none', noon],
    ['cron, the end is the last run', daily, { endMs: ms('2026-11-24') }, fired('2026-11-23'), '2026-11-24T00:00 .. 2026-11-24T00:00', noon],
    ['cron, exactly on time', daily, { startMs: start }, fired('2026-11-22'), '2026-11-23T00:00 .. 2026-11-23T00:00', ms('2026-11-23')],
    // several
    ['crons, next of either', cron('0 6 * * *', '0 18 * * *'), { startMs: start }, fired('2026-11-23T06:00'), '2026-11-23T18:00 .. 2026-11-23T18:00', noon],
    ['crons, unpaused after months: the newest of either', cron('0 6 * * *', '0 18 * * *'), { startMs: start }, fired('2026-03-01T06:00'), '2026-11-23T06:00 .. 2026-11-23T06:00', noon],
    ['crons, catch-up', cron('0 6 * * *', '0 18 * * *'), { startMs: start, catchup: true }, fired('2026-03-01T06:00'), '2026-03-01T18:00 .. 2026-03-01T18:00', noon],
    // interval form
    ['interval, first run: the newest complete one', cronInterval('@daily'), {}, null, '2026-11-22T00:00 .. 2026-11-23T00:00', noon],
    ['interval, first run, exactly on a boundary', cronInterval('@daily'), {}, null, '2026-11-22T00:00 .. 2026-11-23T00:00', ms('2026-11-23')],
    ['interval, catch-up', cronInterval('@daily'), { startMs: start, catchup: true }, null, '2026-11-01T00:00 .. 2026-11-02T00:00', noon],
    ['interval, catch-up goes on', cronInterval('@daily'), { startMs: start, catchup: true }, interval('2026-11-01', '2026-11-02'), '2026-11-02T00:00 .. 2026-11-03T00:00', noon],
    ['interval, catch-up without a start: never', cronInterval('@daily'), { catchup: true }, null, 'none', noon],
    ['interval, unpaused after months', cronInterval('@daily'), { startMs: start }, interval('2026-03-01', '2026-03-02'), '2026-11-22T00:00 .. 2026-11-23T00:00', noon],
    ['interval, the newest exists', cronInterval('@daily'), { startMs: start }, interval('2026-11-22', '2026-11-23'), '2026-11-23T00:00 .. 2026-11-24T00:00', noon],
    ['interval, the schedule changed', cronInterval('0 6 * * *'), { startMs: start, catchup: true }, interval('2026-11-21', '2026-11-22'), '2026-11-21T06:00 .. 2026-11-22T06:00', noon],
    ['interval, the end: by its start', cronInterval('@daily'), { startMs: start, endMs: ms('2026-11-23') }, interval('2026-11-22', '2026-11-23'), '2026-11-23T00:00 .. 2026-11-24T00:00', noon],
    ['interval, past the end', cronInterval('@daily'), { startMs: start, endMs: ms('2026-11-22') }, interval('2026-11-22', '2026-11-23'), 'none', noon],
    // lengths of time
    ['every, first run, no start: now', { kind: 'every', seconds: 300 }, {}, null, '2026-11-23T12:00 .. 2026-11-23T12:00', noon],
    ['every, first run, a start in the future', { kind: 'every', seconds: 300 }, { startMs: ms('2026-11-24') }, null, '2026-11-24T00:00 .. 2026-11-24T00:00', noon],
    ['every, goes on', { kind: 'every', seconds: 300 }, {}, fired('2026-11-23T11:58'), '2026-11-23T12:03 .. 2026-11-23T12:03', noon],
    ['every, looked at late: keeps its rhythm', { kind: 'every', seconds: 300 }, {}, fired('2026-11-23T11:54'), '2026-11-23T11:59 .. 2026-11-23T11:59', noon],
    ['every, unpaused after months', { kind: 'every', seconds: 300 }, {}, fired('2026-03-01T00:01'), '2026-11-23T11:56 .. 2026-11-23T11:56', noon],
    ['every, catch-up', { kind: 'every', seconds: 300 }, { startMs: start, catchup: true }, fired('2026-03-01T00:01'), '2026-03-01T00:06 .. 2026-03-01T00:06', noon],
    ['everyInterval, first run: the newest complete one', { kind: 'everyInterval', seconds: 3600 }, {}, null, '2026-11-23T11:00 .. 2026-11-23T12:00', noon + 60_000],
    ['everyInterval, goes on from its own start', { kind: 'everyInterval', seconds: 3600 }, {}, interval('2026-11-23T10:30', '2026-11-23T11:30'), '2026-11-23T11:30 .. 2026-11-23T12:30', noon + 60_000],
    ['everyInterval, unpaused after months', { kind: 'everyInterval', seconds: 3600 }, {}, interval('2026-03-01T10:30', '2026-03-01T11:30'), '2026-11-23T11:00 .. 2026-11-23T12:00', noon + 60_000],
    ['everyInterval, catch-up', { kind: 'everyInterval', seconds: 3600 }, { startMs: start, catchup: true }, interval('2026-03-01T10:30', '2026-03-01T11:30'), '2026-11-01T00:00 .. 2026-11-01T01:00', noon],
    // a list of dates
    ['events, catch-up: from the start', events, { startMs: start, catchup: true }, null, '2026-11-05T18:00 .. 2026-11-05T18:00', noon],
    ['events, catch-up goes on', events, { catchup: true }, fired('2026-10-01T18:00'), '2026-11-05T18:00 .. 2026-11-05T18:00', noon],
    ['events, neither start nor catch-up: what is to come', events, {}, null, '2026-12-24T18:00 .. 2026-12-24T18:00', noon],
    ['events, a start: the newest since', events, { startMs: start }, null, '2026-11-20T18:00 .. 2026-11-20T18:00', noon],
    ['events, unpaused after months: the newest', events, {}, fired('2026-10-01T18:00'), '2026-11-20T18:00 .. 2026-11-20T18:00', noon],
    ['events, the newest exists', events, {}, fired('2026-11-20T18:00'), '2026-12-24T18:00 .. 2026-12-24T18:00', noon],
    ['events, past the end', events, { endMs: ms('2026-12-01') }, fired('2026-11-20T18:00'), 'none', noon],
    ['events, all over', events, { catchup: true }, fired('2026-12-24T18:00'), 'none', noon],
    // once, continuous
    ['once, no start', { kind: 'once' }, {}, null, '2026-11-23T12:00 .. 2026-11-23T12:00', noon],
    ['once, a start long ago', cron('@once'), { startMs: ms('2020-01-01') }, null, '2020-01-01T00:00 .. 2020-01-01T00:00', noon],
    ['once, done', { kind: 'once' }, {}, fired('2026-11-23'), 'none', noon],
    ['continuous, first', cron('@continuous'), { startMs: ms('2026-11-23') }, null, '2026-11-23T00:00 .. 2026-11-23T12:00', noon],
    ['continuous, goes on', { kind: 'continuous' }, { startMs: ms('2026-11-23') }, interval('2026-11-23', '2026-11-23T11:00'), '2026-11-23T11:00 .. 2026-11-23T12:00', noon],
    ['continuous, past the end', { kind: 'continuous' }, { endMs: ms('2026-11-23T11:30') }, interval('2026-11-23', '2026-11-23T11:00'), 'none', noon],
  ] as const satisfies readonly (readonly [string, ScheduleSource, Partial<TimetableOptions>, NextRun | null, string, number])[])('%s', (_name, schedule, options, last, expected, nowMs) => {
    expect(shown(timetable(schedule, options).next(last, nowMs))).toBe(expected);
  });

  it('never gives a continuous dag the same logical date twice', () => {
    const continuous = timetable({ kind: 'continuous' });
    const first = continuous.next(null, noon) as NextRun;
    const second = continuous.next(first, noon) as NextRun;
    const third = continuous.next(second, noon) as NextRun;
    expect(new Set([first, second, third].map((run) => run.logicalDateMs)).size).toBe(3);
  });

  it('settles after an unpause: one run, then the future', () => {
    for (const schedule of [cron('* * * * *'), cronInterval('* * * * *'), { kind: 'every', seconds: 60 }, { kind: 'everyInterval', seconds: 60 }] as const) {
      const one = timetable(schedule, { startMs: ms('2020-01-01') });
      const newest = one.next(one.next(null, ms('2020-01-01')), noon + 30_000) as NextRun;
      expect(newest.runAfterMs, schedule.kind).toBeLessThanOrEqual(noon + 30_000);
      expect((one.next(newest, noon + 30_000) as NextRun).runAfterMs, schedule.kind).toBeGreaterThan(noon + 30_000);
    }
  });
});

describe('the next runs, as they will be made', () => {
  const noon = ms('2026-11-23T12:00');
  const coming = (schedule: ScheduleSource, options: Partial<TimetableOptions>, pending: NextRun | null, count = 3): string[] => comingRuns(timetable(schedule, options), pending, noon, count).map(shown);

  it('begin with what is pending', () => {
    expect(coming(cron('@daily'), {}, fired('2026-11-24'))).toEqual(['2026-11-24T00:00 .. 2026-11-24T00:00', '2026-11-25T00:00 .. 2026-11-25T00:00', '2026-11-26T00:00 .. 2026-11-26T00:00']);
    expect(coming(cronInterval('@daily'), {}, interval('2026-11-23', '2026-11-24'), 2)).toEqual(['2026-11-23T00:00 .. 2026-11-24T00:00', '2026-11-24T00:00 .. 2026-11-25T00:00']);
    expect(coming(cron('@daily'), {}, null)).toEqual([]);
  });

  it('are one missed run and the future without catch-up, all the missed ones with it', () => {
    const months = fired('2026-03-02');
    expect(coming(cron('@daily'), { startMs: ms('2026-03-01') }, months)).toEqual(['2026-11-23T00:00 .. 2026-11-23T00:00', '2026-11-24T00:00 .. 2026-11-24T00:00', '2026-11-25T00:00 .. 2026-11-25T00:00']);
    expect(coming(cron('@daily'), { startMs: ms('2026-03-01'), catchup: true }, months)).toEqual(['2026-03-02T00:00 .. 2026-03-02T00:00', '2026-03-03T00:00 .. 2026-03-03T00:00', '2026-03-04T00:00 .. 2026-03-04T00:00']);
    expect(coming({ kind: 'everyInterval', seconds: 3600 }, {}, interval('2026-11-23T08:30', '2026-11-23T09:30'), 2)).toEqual(['2026-11-23T11:00 .. 2026-11-23T12:00', '2026-11-23T12:00 .. 2026-11-23T13:00']);
  });

  it('end where the schedule ends, and with the one run of a continuous schedule that is known', () => {
    expect(coming(events, { catchup: true }, fired('2026-11-20T18:00'))).toEqual(['2026-11-20T18:00 .. 2026-11-20T18:00', '2026-12-24T18:00 .. 2026-12-24T18:00']);
    expect(coming({ kind: 'once' }, {}, fired('2026-11-24'))).toHaveLength(1);
    expect(coming({ kind: 'continuous' }, {}, interval('2026-11-23', '2026-11-23T11:00'))).toHaveLength(1);
  });
});

describe('between, upcoming, manual', () => {
  it('reads lists of dates', () => {
    expect(timetable(events).between(ms('2026-11-01'), ms('2026-11-30'), 9).map(shown)).toEqual(['2026-11-05T18:00 .. 2026-11-05T18:00', '2026-11-20T18:00 .. 2026-11-20T18:00']);
    expect(timetable(events).upcoming(ms('2026-11-06'), 9)).toHaveLength(2);
    expect(timetable(events)).toMatchObject({ summary: '4 events', description: '4 events between 2026-10-01T18:00:00Z and 2026-12-24T18:00:00Z' });
    const restricted = timetable({ ...events, restrictToEvents: true });
    expect([ms('2026-11-06'), ms('2020-01-01')].map((at) => iso(restricted.manual(at).intervalStartMs))).toEqual(['2026-11-05T18:00', '2026-10-01T18:00']);
    expect(timetable(events).manual(5).intervalStartMs).toBe(5);
    expect(refusal({ kind: 'events', dates: ['tomorrow'] })).toContain('"tomorrow" is no date');
  });

  it('knows of a custom timetable what was published', () => {
    const custom: ScheduleSource = { kind: 'custom', name: 'WorkdayTimetable', summary: 'workdays', description: '' };
    const published = [interval('2026-11-20', '2026-11-23'), interval('2026-11-23', '2026-11-24')];
    expect(timetable(custom).next(null, ms('2026-11-23'))).toBeNull();
    expect(shown(timetable(custom, { published, catchup: true }).next(published[0]!, ms('2026-11-23')))).toBe('2026-11-23T00:00 .. 2026-11-24T00:00');
    expect(timetable(custom, { published }).next(published[1]!, ms('2026-11-23'))).toBeNull();
  });

  it('gives a backfill every run of its range, and no more than asked', () => {
    const founding = timetable(cron('@daily'), { startMs: ms('2026-01-01') }).between(ms('2018-01-10'), ms('2018-01-11'), 100);
    expect(founding.map(shown)).toEqual(['2018-01-10T00:00 .. 2018-01-10T00:00', '2018-01-11T00:00 .. 2018-01-11T00:00']);
    expect(timetable(cronInterval('@daily')).between(ms('2018-01-10T05:00'), ms('2018-01-12'), 100).map(shown)).toEqual(['2018-01-11T00:00 .. 2018-01-12T00:00', '2018-01-12T00:00 .. 2018-01-13T00:00']);
    expect(timetable(cron('* * * * *')).between(0, ms('2026-01-01'), 3)).toHaveLength(3);
    expect(timetable(cron('0 6 * * *', '0 6,18 * * *')).between(ms('2026-01-01'), ms('2026-01-01T23:00'), 9).map(shown)).toEqual(['2026-01-01T06:00 .. 2026-01-01T06:00', '2026-01-01T18:00 .. 2026-01-01T18:00']);
    expect(timetable({ kind: 'everyInterval', seconds: 43_200 }).between(ms('2026-01-01'), ms('2026-01-01T12:00'), 9)).toHaveLength(2);
    expect(timetable({ kind: 'once' }).between(0, 1, 9)).toEqual([]);
  });

  it('shows the next runs as they will come', () => {
    const now = ms('2026-11-23T12:00');
    expect(timetable(cron('@daily'), { endMs: ms('2026-11-25') }).upcoming(now, 5).map(shown)).toEqual(['2026-11-24T00:00 .. 2026-11-24T00:00', '2026-11-25T00:00 .. 2026-11-25T00:00']);
    expect(timetable(cronInterval('@daily')).upcoming(now, 2).map(shown)).toEqual(['2026-11-23T00:00 .. 2026-11-24T00:00', '2026-11-24T00:00 .. 2026-11-25T00:00']);
    expect(timetable(cronInterval('@daily'), { startMs: ms('2027-01-01T01:00') }).upcoming(now, 1).map(shown)).toEqual(['2027-01-02T00:00 .. 2027-01-03T00:00']);
    expect(timetable({ kind: 'every', seconds: 3600 }, { startMs: ms('2026-11-01T00:30') }).upcoming(now, 2).map(shown)).toEqual(['2026-11-23T12:30 .. 2026-11-23T12:30', '2026-11-23T13:30 .. 2026-11-23T13:30']);
  });

  it('gives a manual run the last complete interval, or none', () => {
    const at = ms('2026-11-25T01:00');
    expect(timetable(cronInterval('@daily')).manual(at)).toEqual({ intervalStartMs: ms('2026-11-24'), intervalEndMs: ms('2026-11-25') });
    expect(timetable(cron('@daily')).manual(at)).toEqual({ intervalStartMs: at, intervalEndMs: at });
    expect(timetable({ kind: 'everyInterval', seconds: 60 }).manual(at)).toEqual({ intervalStartMs: at - 60_000, intervalEndMs: at });
  });
});

describe('words', () => {
  it.each([
    ['@daily', '0 0 * * *', 'At 00:00'], ['@hourly', '0 * * * *', 'Every hour'], ['@weekly', '0 0 * * 0', 'At 00:00, only on Sunday'],
    ['@monthly', '0 0 1 * *', 'At 00:00, on day 1 of the month'], ['@quarterly', '0 0 1 */3 *', 'At 00:00, on day 1 of the month, every 3 months'],
    ['@yearly', '0 0 1 1 *', 'At 00:00, on day 1 of the month, only in January'], ['*/5 * * * *', '*/5 * * * *', 'Every 5 minutes'],
    ['* * * * *', '* * * * *', 'Every minute'], ['30 * * * *', '30 * * * *', 'At 30 minutes past the hour'], ['0 9,17 * * 1-5', '0 9,17 * * 1-5', 'At 09:00 and 17:00, Monday through Friday'],
    ['0 0 13 * 5', '0 0 13 * 5', 'At 00:00, on day 13 of the month (or) At 00:00, only on Friday'], ['1-7,50 3 * * *', '1-7,50 3 * * *', '1-7,50 3 * * *'],
    ['0 */6 * * *', '0 */6 * * *', 'Every 6 hours'], ['0 0 L * *', '0 0 L * *', 'At 00:00, on the last day of the month'], ['0 12 * * 5#2', '0 12 * * 5#2', 'At 12:00, on the second Friday of the month'],
  ])('%s', (expression, summary, description) => {
    expect(timetable(cron(expression))).toMatchObject({ summary, description });
  });

  it('says lengths of time and warns of what surprises', () => {
    expect(timetable({ kind: 'every', seconds: 300 })).toMatchObject({ summary: 'every 5 minutes', description: 'Every 5 minutes' });
    expect(timetable({ kind: 'everyInterval', seconds: 86_400 }).summary).toBe('every day');
    expect(timetable({ kind: 'everyInterval', seconds: 90_061 }).summary).toBe('every 1 day 1 hour 1 minute 1 second');
    expect(timetable(cron('@daily')).warnings.join()).toContain('every data interval of this schedule is empty');
    expect(timetable(cronInterval('@daily')).warnings).toEqual([]);
    expect(timetable(cronInterval('@daily'), { catchup: true }).warnings.join()).toContain('no start date');
    expect(timetable(cronInterval('0 0 * * * 5')).warnings.join()).toContain('six fields');
  });
});

describe('refusals name the field and the expression', () => {
  it.each([
    ['0 0 31 2 *', 'cron "0 0 31 2 *": day of month "31" does not exist in month "2", so it would never run'],
    ['0 0 30,31 feb *', 'cron "0 0 30,31 feb *": day of month "30,31" does not exist in month "feb", so it would never run'],
    ['0 0 31 4,6,9,11 *', 'cron "0 0 31 4,6,9,11 *": day of month "31" does not exist in month "4,6,9,11", so it would never run'],
    ['60 * * * *', 'cron "60 * * * *": minute "60": 60 is outside 0–59'],
    ['* 24 * * *', 'cron "* 24 * * *": hour "24": 24 is outside 0–23'],
    ['* * 0 * *', 'cron "* * 0 * *": day of month "0": 0 is outside 1–31'],
    ['* * * foo *', 'cron "* * * foo *": month "foo" is not understood at "foo"'],
    ['* * * * 8', 'cron "* * * * 8": day of week "8": 8 is outside 0–7'],
    ['*/0 * * * *', 'cron "*/0 * * * *": minute "*/0": a step is a whole number of 1 or more, got "0"'],
    ['1,,2 * * * *', 'cron "1,,2 * * * *": minute "1,,2" has an empty entry'],
    ['* * * * 5#6', 'cron "* * * * 5#6": day of week "5#6": after # a number from 1 to 5 is needed, got "6"'],
    ['* * * * * 75', 'cron "* * * * * 75": second "75": 75 is outside 0–59'],
    ['* * * *', 'cron "* * * *": 4 fields; 5 are needed (minute, hour, day of month, month, day of week), or 6 with the seconds last'],
    ['', 'cron "": 0 fields; 5 are needed (minute, hour, day of month, month, day of week), or 6 with the seconds last'],
    ['@dayly', 'cron "@dayly": unknown preset; there are @hourly, @daily, @midnight, @weekly, @monthly, @quarterly, @yearly, @annually, @once, @continuous'],
  ])('%s', (expression, message) => {
    expect(refusal(cron(expression))).toBe(message);
    expect(refusal(cronInterval(expression))).toBe(message);
  });

  it('of what is not an expression', () => {
    expect(refusal(cron('@once', '0 0 * * *'))).toContain('stands alone');
    expect(refusal({ kind: 'cron', expressions: [], timezone: 'UTC' })).toContain('at least one');
    expect(refusal({ kind: 'cron', expressions: ['@daily'], timezone: 'Mars/Base' })).toContain('unknown time zone "Mars/Base"');
    expect(refusal({ kind: 'every', seconds: 0 })).toContain('more than 0');
    expect(refusal({ kind: 'everyInterval', seconds: Number.NaN })).toContain('got NaN');
    expect(refusal(cron('@daily'), { startMs: 2, endMs: 1 })).toContain('before start date');
    expect(compileTimetable(null, { timezone: 'UTC', startMs: null, endMs: null, catchup: false })).toEqual({ ok: true, timetable: null });
    expect(compileTimetable({ kind: 'assets' }, { timezone: 'UTC', startMs: null, endMs: null, catchup: false })).toEqual({ ok: true, timetable: null });
  });

  it('ends for whatever text and time it is given', () => {
    const odd = ['* '.repeat(500), '*'.repeat(5000), '1-2-3 * * * *', '0/0 * * * *', '-1 * * * *', '* * * * *#5', '٣ * * * *', '0 0 29 2 mon#5', '99999999999 * * * *', '* * L-3 * *', '* * * * L', '* * * * 1LL'];
    for (const expression of odd) {
      const result = compileTimetable(cron(expression), { timezone: 'UTC', startMs: null, endMs: null, catchup: false });
      if (result.ok) result.timetable?.upcoming(0, 3);
    }
    const leap = timetable({ kind: 'cron', expressions: ['0 0 29 2 *'], timezone: 'Europe/Berlin' });
    for (const time of [-8.64e15, 8.64e15, Number.MAX_SAFE_INTEGER, -62_135_596_800_000, 253_370_764_799_999, 0.5]) leap.next(fired('2026-01-01'), time);
    expect(leap.upcoming(8.64e15, 3)).toEqual([]);
  });
});
