import { describe, expect, it } from 'vitest';
import { compileTimetable } from './compile-timetable.js';
import type { Timetable } from './timetable.js';

// Written by hand from the zones' published changes:
//   Europe/Berlin        2026-03-29 02:00 -> 03:00 (01:00Z), 2026-10-25 03:00 -> 02:00 (01:00Z)
//   America/New_York     2026-03-08 02:00 -> 03:00 (07:00Z), 2026-11-01 02:00 -> 01:00 (06:00Z)
//   Australia/Lord_Howe  2026-04-05 02:00 -> 01:30 (15:00Z the day before), 2026-10-04 02:00 -> 02:30 (15:30Z the day before): half an hour
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

const rows = TABLE.trim().split('\n').map((line) => {
  const [timezone = '', expression = '', from = '', runs = ''] = line.split('|').map((cell) => cell.trim());
  return { timezone, expression, from, runs: runs.split(/\s+/) };
});
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
