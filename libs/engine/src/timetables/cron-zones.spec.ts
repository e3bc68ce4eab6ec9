import { describe, expect, it } from 'vitest';
import { compileTimetable } from './compile-timetable.js';
import type { Timetable } from './timetable.js';

// Written by hand from the zones' published changes:
//   Europe/Berlin        2026-03-29 02:00 -> 03:00 (01:00Z), 2026-10-25 03:00 -> 02:00 (01:00Z)
//   America/New_York     2026-03-08 02:00 -> 03:00 (07:00Z), 2026-11-01 02:00 -> 01:00 (06:00Z)
//   Australia/Lord_Howe  2026-04-05 02:00 -> 01:30 (15:00Z the day before), 2026-10-04 02:00 -> 02:30 (15:30Z the day before): half an hour
//   Australia/Sydney     2026-04-05 03:00 -> 02:00 (16:00Z the day before), 2026-10-04 02:00 -> 03:00 (16:00Z the day before): south, daylight time at new year
//   America/Santiago     2026-04-04 24:00 -> 23:00 (03:00Z the day after), 2026-09-05 24:00 -> 01:00 (04:00Z the day after): at midnight
//   Asia/Shanghai        none
const TABLE = `
Europe/Berlin       | 30 2 * * *     | 2026-03-27T12:00 | 2026-03-28T01:30 2026-03-29T01:30 2026-03-30T00:30
Europe/Berlin       | 0 2 * * *      | 2026-03-28T12:00 | 2026-03-29T01:00 2026-03-30T00:00
Europe/Berlin       | 30 2 * * *     | 2026-10-24T12:00 | 2026-10-25T01:30 2026-10-26T01:30
Europe/Berlin       | 30 * * * *     | 2026-10-24T23:00 | 2026-10-24T23:30 2026-10-25T00:30 2026-10-25T01:30 2026-10-25T02:30
Europe/Berlin       | 0 * * * *      | 2026-03-29T00:00 | 2026-03-29T01:00 2026-03-29T02:00 2026-03-29T03:00
Europe/Berlin       | 30 * * * *     | 2026-03-29T00:00 | 2026-03-29T00:30 2026-03-29T01:30 2026-03-29T02:30
Europe/Berlin       | */30 * * * *   | 2026-10-25T00:00 | 2026-10-25T00:30 2026-10-25T01:00 2026-10-25T01:30 2026-10-25T02:00
Europe/Berlin       | 0 */2 * * *    | 2026-10-24T21:00 | 2026-10-24T22:00 2026-10-25T01:00 2026-10-25T03:00
Europe/Berlin       | 0 0 * * *      | 2026-10-23T22:00 | 2026-10-24T22:00 2026-10-25T23:00 2026-10-26T23:00
Europe/Berlin       | 0 * * * 1-5    | 2026-10-23T20:30 | 2026-10-23T21:00 2026-10-25T23:00
Europe/Berlin       | 0 0 29 2 *     | 2026-01-01T00:00 | 2028-02-28T23:00 2032-02-28T23:00
America/New_York    | 30 2 * * *     | 2026-03-07T12:00 | 2026-03-08T07:30 2026-03-09T06:30
America/New_York    | 30 1 * * *     | 2026-10-31T12:00 | 2026-11-01T06:30 2026-11-02T06:30
America/New_York    | 30 * * * *     | 2026-11-01T04:45 | 2026-11-01T05:30 2026-11-01T06:30 2026-11-01T07:30
America/New_York    | 0 9 * * 1-5    | 2026-10-30T14:00 | 2026-11-02T14:00 2026-11-03T14:00
America/New_York    | 0 0 1 * *      | 2026-02-15T00:00 | 2026-03-01T05:00 2026-04-01T04:00
Australia/Lord_Howe | 15 2 * * *     | 2026-10-02T12:00 | 2026-10-02T15:45 2026-10-03T15:45 2026-10-04T15:15
Australia/Lord_Howe | 45 1 * * *     | 2026-04-03T00:00 | 2026-04-03T14:45 2026-04-04T15:15 2026-04-05T15:15
Australia/Lord_Howe | 45 * * * *     | 2026-04-04T13:00 | 2026-04-04T13:45 2026-04-04T14:45 2026-04-04T15:15 2026-04-04T16:15
Australia/Sydney    | 30 2 * * *     | 2026-04-03T00:00 | 2026-04-03T15:30 2026-04-04T16:30 2026-04-05T16:30
Australia/Sydney    | 30 2 * * *     | 2026-10-02T00:00 | 2026-10-02T16:30 2026-10-03T16:30 2026-10-04T15:30
Australia/Sydney    | 0 * * * *      | 2026-04-04T14:30 | 2026-04-04T15:00 2026-04-04T16:00 2026-04-04T17:00
Australia/Sydney    | 0 0 1 1 *      | 2026-01-01T00:00 | 2026-12-31T13:00 2027-12-31T13:00
America/Santiago    | 0 0 * * *      | 2026-09-04T12:00 | 2026-09-05T04:00 2026-09-06T04:00 2026-09-07T03:00
America/Santiago    | 30 23 * * *    | 2026-04-03T12:00 | 2026-04-04T02:30 2026-04-05T03:30 2026-04-06T03:30
America/Santiago    | 30 * * * *     | 2026-04-05T01:00 | 2026-04-05T01:30 2026-04-05T02:30 2026-04-05T03:30 2026-04-05T04:30
Europe/Berlin       | 30 2 * * * 15  | 2026-03-28T12:00 | 2026-03-29T01:30:15 2026-03-30T00:30:15
Europe/Berlin       | 59 1 * * * */20 | 2026-10-24T23:00 | 2026-10-24T23:59 2026-10-24T23:59:20 2026-10-24T23:59:40 2026-10-26T00:59
America/New_York    | 30 1 * * * 7   | 2026-10-31T12:00 | 2026-11-01T06:30:07 2026-11-02T06:30:07
Australia/Lord_Howe | 45 * * * * 30  | 2026-04-04T14:00 | 2026-04-04T14:45:30 2026-04-04T15:15:30 2026-04-04T16:15:30
Asia/Shanghai       | 30 2 * * *     | 2026-03-28T12:00 | 2026-03-28T18:30 2026-03-29T18:30
UTC                 | 0 0 13 * 5     | 2026-11-01T00:00 | 2026-11-06T00:00 2026-11-13T00:00 2026-11-20T00:00
UTC                 | 0 0 L * *      | 2026-02-01T00:00 | 2026-02-28T00:00 2026-03-31T00:00
UTC                 | 0 12 * * 5#2   | 2026-01-01T00:00 | 2026-01-09T12:00 2026-02-13T12:00
UTC                 | 0 12 * * L5    | 2026-01-01T00:00 | 2026-01-30T12:00 2026-02-27T12:00
UTC                 | 5/20 22-1 * * * | 2026-01-01T22:50 | 2026-01-01T23:05 2026-01-01T23:25 2026-01-01T23:45 2026-01-02T00:05
UTC                 | 0 0 * * fri-mon | 2026-11-24T00:00 | 2026-11-27T00:00 2026-11-28T00:00 2026-11-29T00:00 2026-11-30T00:00 2026-12-04T00:00
UTC                 | @quarterly     | 2026-11-24T00:00 | 2027-01-01T00:00 2027-04-01T00:00 2027-07-01T00:00
UTC                 | 30 12 * * * 15 | 2026-11-24T00:00 | 2026-11-24T12:30:15 2026-11-25T12:30:15
`;

/** The data-interval form: the run for [start, end) is made at end. From the same changes; a day of change has 23, 25, 23.5 or 24.5 hours. */
const INTERVALS = `
Europe/Berlin       | 0 0 * * *   | 2026-03-27T23:00 | 2026-03-27T23:00/2026-03-28T23:00 2026-03-28T23:00/2026-03-29T22:00 2026-03-29T22:00/2026-03-30T22:00
Europe/Berlin       | 0 0 * * *   | 2026-10-23T22:00 | 2026-10-23T22:00/2026-10-24T22:00 2026-10-24T22:00/2026-10-25T23:00 2026-10-25T23:00/2026-10-26T23:00
Europe/Berlin       | 30 2 * * *  | 2026-03-28T01:30 | 2026-03-28T01:30/2026-03-29T01:30 2026-03-29T01:30/2026-03-30T00:30
Europe/Berlin       | 0 * * * *   | 2026-10-24T23:00 | 2026-10-24T23:00/2026-10-25T00:00 2026-10-25T00:00/2026-10-25T01:00 2026-10-25T01:00/2026-10-25T02:00
Europe/Berlin       | 0 * * * *   | 2026-03-29T00:00 | 2026-03-29T00:00/2026-03-29T01:00 2026-03-29T01:00/2026-03-29T02:00
America/New_York    | 0 0 * * *   | 2026-03-08T05:00 | 2026-03-08T05:00/2026-03-09T04:00 2026-03-09T04:00/2026-03-10T04:00
America/New_York    | 0 0 * * *   | 2026-10-31T04:00 | 2026-10-31T04:00/2026-11-01T04:00 2026-11-01T04:00/2026-11-02T05:00 2026-11-02T05:00/2026-11-03T05:00
America/New_York    | 0 0 1 * *   | 2026-03-01T05:00 | 2026-03-01T05:00/2026-04-01T04:00 2026-04-01T04:00/2026-05-01T04:00
America/New_York    | 0 9 * * 1-5 | 2026-10-30T13:00 | 2026-10-30T13:00/2026-11-02T14:00 2026-11-02T14:00/2026-11-03T14:00
Australia/Lord_Howe | 0 0 * * *   | 2026-04-03T13:00 | 2026-04-03T13:00/2026-04-04T13:00 2026-04-04T13:00/2026-04-05T13:30 2026-04-05T13:30/2026-04-06T13:30
Australia/Lord_Howe | 0 0 * * *   | 2026-10-02T13:30 | 2026-10-02T13:30/2026-10-03T13:30 2026-10-03T13:30/2026-10-04T13:00 2026-10-04T13:00/2026-10-05T13:00
Australia/Sydney    | 0 0 * * *   | 2026-04-03T13:00 | 2026-04-03T13:00/2026-04-04T13:00 2026-04-04T13:00/2026-04-05T14:00
Australia/Sydney    | 0 0 1 * *   | 2026-09-30T14:00 | 2026-09-30T14:00/2026-10-31T13:00 2026-10-31T13:00/2026-11-30T13:00
America/Santiago    | 0 0 * * *   | 2026-09-05T04:00 | 2026-09-05T04:00/2026-09-06T04:00 2026-09-06T04:00/2026-09-07T03:00
Asia/Shanghai       | 0 0 * * *   | 2026-03-28T16:00 | 2026-03-28T16:00/2026-03-29T16:00 2026-03-29T16:00/2026-03-30T16:00
UTC                 | 0 12 * * * 30 | 2026-03-28T12:00:30 | 2026-03-28T12:00:30/2026-03-29T12:00:30
`;

const rows = read(TABLE);
const intervals = read(INTERVALS);

function read(table: string): { timezone: string; expression: string; from: string; runs: string[] }[] {
  return table.trim().split('\n').map((line) => {
    const [timezone = '', expression = '', from = '', runs = ''] = line.split('|').map((cell) => cell.trim());
    return { timezone, expression, from, runs: runs.split(/\s+/) };
  });
}

const ms = (text: string): number => Date.parse(`${text}Z`);
const text = (time: number): string => new Date(time).toISOString().replace(/(:00)?\.000Z$/, '');

describe('cron in a zone', () => {
  it.each(rows)('$timezone | $expression | from $from', ({ timezone, expression, from, runs }) => {
    const timetable = compiled({ timezone, expression });
    expect(timetable.upcoming(ms(from), runs.length).map((run) => text(run.logicalDateMs))).toEqual(runs);
    // Airflow's chain with catch-up: each from the one before.
    const chain: string[] = [];
    let last = timetable.next(null, 0);
    while (last !== null && chain.length < runs.length) {
      if (last.logicalDateMs > ms(from)) chain.push(text(last.logicalDateMs));
      last = timetable.next(last, 0);
    }
    expect(chain).toEqual(runs);

    function compiled(cron: { timezone: string; expression: string }): Timetable {
      const result = compileTimetable(
        { kind: 'cron', expressions: [cron.expression], timezone: cron.timezone },
        { timezone: 'UTC', startMs: ms(from), endMs: null, catchup: true },
      );
      if (!result.ok || result.timetable === null) throw new Error(JSON.stringify(result));
      return result.timetable;
    }
  });
});

describe('data intervals of a cron in a zone', () => {
  it.each(intervals)('$timezone | $expression | from $from', ({ timezone, expression, from, runs }) => {
    const result = compileTimetable({ kind: 'cronInterval', expression, timezone }, { timezone: 'UTC', startMs: ms(from), endMs: null, catchup: true });
    if (!result.ok || result.timetable === null) throw new Error(JSON.stringify(result));
    const { timetable } = result;
    const shown: string[] = [];
    for (let run = timetable.next(null, 0); run !== null && shown.length < runs.length; run = timetable.next(run, 0)) {
      expect([run.logicalDateMs, run.runAfterMs]).toEqual([run.intervalStartMs, run.intervalEndMs]);
      shown.push(`${text(run.intervalStartMs)}/${text(run.intervalEndMs)}`);
    }
    expect(shown).toEqual(runs);
    expect(timetable.between(ms(from), ms(from) + 400 * 86_400_000, runs.length).map((run) => `${text(run.intervalStartMs)}/${text(run.intervalEndMs)}`)).toEqual(runs);
    // A run by hand has the newest interval that is over.
    const [last] = runs.slice(-1);
    const [start = '', end = ''] = (last ?? '').split('/');
    expect(timetable.manual(ms(end) + 1)).toEqual({ intervalStartMs: ms(start), intervalEndMs: ms(end) });
  });
});
