import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTimetable } from '../timetables/compile-timetable.js';
import { Zone } from '../timetables/zone.js';
import { compileMapper } from './compile-mapper.js';
import type { CalendarUnit, PartitionMapperSource, WaitPolicy, WindowSource } from './mapper-source.js';
import { compilePartitionedAssets, partitionStatus } from './partition-status.js';
import { formatInstant, parseInstant, plus, startOf } from './wall-time.js';

const start = (unit: CalendarUnit, more: Partial<Extract<PartitionMapperSource, { kind: 'startOf' }>> = {}): PartitionMapperSource => ({ kind: 'startOf', unit, timezone: 'UTC', inputFormat: '%Y-%m-%dT%H:%M:%S', outputFormat: null, ...more });
const period = (unit: CalendarUnit, direction: 'forward' | 'backward' = 'forward'): WindowSource => ({ kind: 'period', unit, direction });
const rollup = (upstream: PartitionMapperSource, window: WindowSource, wait: WaitPolicy = { kind: 'all' }): PartitionMapperSource => ({ kind: 'rollup', upstream, window, wait });

function mapperOf(source: PartitionMapperSource) {
  const compiled = compileMapper(source);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.mapper;
}
const mapped = (source: PartitionMapperSource, key: string): readonly string[] | string => {
  const result = mapperOf(source).map(key);
  return result.ok ? result.keys : result.message;
};

describe('keys', () => {
  it.each<[string, PartitionMapperSource, string, readonly string[] | string]>([
    ['identity', { kind: 'identity' }, 'eu', ['eu']],
    ['hour', start('hour'), '2026-03-29T14:37:10', ['2026-03-29T14']],
    ['day', start('day'), '2026-03-29T14:37:10', ['2026-03-29']],
    ['week: its Monday, ISO number', start('week'), '2026-01-01T00:00:00', ['2025-12-29 (W01)']],
    ['month', start('month'), '2026-03-29T14:37:10', ['2026-03']],
    ['quarter', start('quarter'), '2026-05-29T14:37:10', ['2026-Q2']],
    ['year', start('year'), '2026-05-29T14:37:10', ['2026']],
    ['a key that says its zone counts in the mapper\'s', start('day', { timezone: 'Europe/Berlin', inputFormat: '%Y-%m-%dT%H:%M:%S%z' }), '2026-01-01T23:30:00Z', ['2026-01-02']],
    ['other formats', start('day', { inputFormat: '%Y%m%d', outputFormat: '%d.%m.%Y' }), '20260131', ['31.01.2026']],
    ['not written so', start('day'), '2026-01-01', '"2026-01-01" is not a time written as %Y-%m-%dT%H:%M:%S'],
    ['no such day', start('day', { inputFormat: '%Y-%m-%d' }), '2026-02-30', '"2026-02-30" is no time that exists'],
    ['prefix off and on', { kind: 'prefix', strip: 'eu/', add: 'europe-' }, 'eu/berlin', ['europe-berlin']],
    ['prefix that is not there', { kind: 'prefix', strip: 'eu/', add: '' }, 'us/x', '"us/x" does not begin with "eu/"'],
    ['segment', { kind: 'segment', delimiter: '|', index: 1 }, 'eu|2026', ['2026']],
    ['segment that is not there', { kind: 'segment', delimiter: '|', index: 2 }, 'eu|2026', '"eu|2026" has no segment 2 between "|"'],
    ['allowed', { kind: 'allowed', keys: ['eu'] }, 'eu', ['eu']],
    ['not allowed', { kind: 'allowed', keys: ['eu'] }, 'us', '"us" is none of the allowed keys'],
    ['fixed', { kind: 'fixed', key: 'world' }, 'us', ['world']],
    ['chain', { kind: 'chain', mappers: [{ kind: 'segment', delimiter: '|', index: 1 }, start('month', { inputFormat: '%Y-%m-%d' })] }, 'eu|2026-01-31', ['2026-01']],
    ['product', { kind: 'product', delimiter: '|', mappers: [{ kind: 'identity' }, start('month', { inputFormat: '%Y-%m-%d' })] }, 'eu|2026-01-31', ['eu|2026-01']],
    ['product of another number of segments', { kind: 'product', delimiter: '|', mappers: [{ kind: 'identity' }, { kind: 'identity' }] }, 'eu', '"eu" has 1 segments between "|", 2 are needed'],
    ['fan out a week', { kind: 'fanOut', upstream: start('week', { inputFormat: '%Y-%m-%d' }), window: period('week'), downstream: null }, '2026-01-07', ['2026-01-05', '2026-01-06', '2026-01-07', '2026-01-08', '2026-01-09', '2026-01-10', '2026-01-11']],
    ['fan out backward', { kind: 'fanOut', upstream: start('quarter', { inputFormat: '%Y-%m-%d' }), window: period('quarter', 'backward'), downstream: null }, '2026-04-01', ['2026-02', '2026-03', '2026-04']],
    ['the last three days feed three', rollup(start('day', { inputFormat: '%Y-%m-%d' }), { kind: 'last', count: 3, unit: 'day' }), '2026-02-27', ['2026-02-27', '2026-02-28', '2026-03-01']],
  ])('%s', (_, source, key, expected) => {
    expect(mapped(source, key)).toEqual(expected);
  });

  it.each<[string, PartitionMapperSource, string]>([
    ['an unknown zone', start('day', { timezone: 'Mars/Base' }), 'unknown time zone "Mars/Base"'],
    ['an unknown code', start('day', { inputFormat: '%Q' }), '%Q is not known'],
    ['a window without times', rollup({ kind: 'identity' }, period('day')), 'a rollup over time needs a mapper to the start of'],
    ['a window of another unit', rollup(start('hour'), period('day')), 'a window of days needs an upstream mapper to the start of the day, not of the hour'],
    ['a fan-out of minutes without a name for them', { kind: 'fanOut', upstream: start('hour'), window: period('hour'), downstream: null }, 'needs a downstream mapper'],
  ])('refuses %s', (_, source, message) => {
    expect(compileMapper(source)).toMatchObject({ ok: false, message: expect.stringContaining(message) as string });
  });

  it('what is mapped to a partition is needed by it, and the other way round', () => {
    const units = fc.constantFrom<CalendarUnit>('day', 'week', 'month', 'quarter', 'year');
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
    fc.assert(
      fc.property(units, zones, fc.boolean(), fc.integer({ min: 1, max: 9 }), fc.date({ min: new Date('2020-01-01'), max: new Date('2029-12-31'), noInvalidDate: true }), (unit, timezone, slides, count, date) => {
        // An hour that comes twice has one name without its offset.
        const mapper = mapperOf(rollup(start(unit, { timezone, inputFormat: '%Y-%m-%dT%H:%M:%S%z' }), slides ? { kind: 'last', count, unit } : period(unit)));
        const zone = new Zone(timezone);
        const key = formatInstant(Math.floor(date.getTime() / 1000) * 1000, '%Y-%m-%dT%H:%M:%S%z', zone);
        const result = mapper.map(key);
        if (!result.ok) throw new Error(result.message);
        for (const partition of result.keys) {
          const needs = mapper.needs(partition)!;
          expect(needs.keys).toContain(needs.canonical(key));
          for (const needed of needs.keys) expect(mapper.map(needed)).toMatchObject({ ok: true, keys: expect.arrayContaining([partition]) as string[] });
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['an ordinary day', '2026-06-01', 24],
    ['the clock goes on', '2026-03-29', 23],
    // 02:00 comes twice, and has one name.
    ['the clock goes back', '2026-10-25', 24],
  ])('hours of %s in Berlin', (_, day, hours) => {
    expect(mapperOf(rollup(start('day', { timezone: 'Europe/Berlin', inputFormat: '%Y-%m-%dT%H' }), period('day'))).needs(day)?.keys.length).toBe(hours);
  });
});

describe('times', () => {
  it('are read as they are written, in every zone', () => {
    fc.assert(
      fc.property(fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'), fc.integer({ min: Date.parse('1990-01-01') / 1000, max: Date.parse('2049-01-01') / 1000 }), (name, second) => {
        const zone = new Zone(name);
        expect(parseInstant(formatInstant(second * 1000, '%Y-%m-%d %H:%M:%S %z', zone), '%Y-%m-%d %H:%M:%S %z', zone)).toBe(second * 1000);
      }),
    );
  });

  it('a period ends where the next begins', () => {
    fc.assert(
      fc.property(fc.constantFrom<CalendarUnit>('hour', 'day', 'week', 'month', 'quarter', 'year'), fc.constantFrom('UTC', 'Europe/Berlin', 'America/Sao_Paulo'), fc.date({ min: new Date('2000-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }), (unit, name, date) => {
        const zone = new Zone(name);
        const begin = startOf(unit, date.getTime(), zone);
        const end = plus(unit, begin, 1, zone);
        expect(begin).toBeLessThanOrEqual(date.getTime());
        expect(end).toBeGreaterThan(date.getTime());
        expect(startOf(unit, end, zone)).toBe(end);
        expect(startOf(unit, end - 1, zone)).toBe(begin);
      }),
    );
  });
});

describe('a partition', () => {
  const asset = (name: string) => ({ name, uri: `s3://${name}` });
  const daily = (wait: WaitPolicy) => rollup(start('week', { inputFormat: '%Y-%m-%d' }), period('week'), wait);
  const week = ['2026-01-05', '2026-01-06', '2026-01-07', '2026-01-08', '2026-01-09', '2026-01-10', '2026-01-11'];
  const KEY = '2026-01-05 (W02)';
  const statusOf = (wait: WaitPolicy, days: readonly string[], others: readonly string[] = [KEY], how: 'all' | 'any' = 'all') => {
    const parts = [{ asset: asset('days') }, { asset: asset('other') }];
    const compiled = compilePartitionedAssets({ condition: how === 'all' ? { all: parts } : { any: parts }, mappers: [{ asset: asset('days'), mapper: daily(wait) }], defaultMapper: { kind: 'identity' } });
    if (!compiled.ok) throw new Error(compiled.message);
    return partitionStatus(compiled.partitioned, KEY, [...days.map((sourceKey) => ({ ...asset('days'), sourceKey })), ...others.map((sourceKey) => ({ ...asset('other'), sourceKey }))]);
  };

  it.each<[string, WaitPolicy, number, boolean]>([
    ['all: six of seven', { kind: 'all' }, 6, false],
    ['all: seven', { kind: 'all' }, 7, true],
    ['at least three: two', { kind: 'minimum', count: 3 }, 2, false],
    ['at least three: three', { kind: 'minimum', count: 3 }, 3, true],
    ['at most two missing: four', { kind: 'minimum', count: -2 }, 4, false],
    ['at most two missing: five', { kind: 'minimum', count: -2 }, 5, true],
    ['at most nine missing: none', { kind: 'minimum', count: -9 }, 0, false],
  ])('%s', (_, wait, count, isComplete) => {
    expect(statusOf(wait, week.slice(0, count)).isComplete).toBe(isComplete);
  });

  it('says what it waits for', () => {
    expect(statusOf({ kind: 'all' }, ['2026-01-06', '2026-01-06', '2026-02-01'], []).assets).toEqual([
      { name: 'days', uri: 's3://days', isComplete: false, arrived: ['2026-01-06'], expected: 7, missing: week.filter((day) => day !== '2026-01-06') },
      { name: 'other', uri: 's3://other', isComplete: false, arrived: [], expected: null, missing: [] },
    ]);
  });

  it('any asset is enough when the condition says so', () => {
    expect(statusOf({ kind: 'all' }, [], [KEY], 'any').isComplete).toBe(true);
    expect(statusOf({ kind: 'all' }, week.slice(1), [], 'any').isComplete).toBe(false);
  });

  it('does not care in which order keys arrive, nor how often; another key never makes it incomplete', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...week)), fc.constantFrom(...week), fc.constantFrom<WaitPolicy>({ kind: 'all' }, { kind: 'minimum', count: 4 }, { kind: 'minimum', count: -1 }), (days, more, wait) => {
        const now = statusOf(wait, days);
        expect(statusOf(wait, [...new Set(days)].sort())).toEqual(now);
        if (now.isComplete) expect(statusOf(wait, [...days, more]).isComplete).toBe(true);
        expect(statusOf(wait, [...days, ...now.assets.flatMap((each) => each.missing)]).isComplete).toBe(true);
      }),
    );
  });
});

describe('a partitioned cron', () => {
  const timetable = (runOffset: number, more: { timezone?: string; keyFormat?: string } = {}) => {
    const compiled = compileTimetable({ kind: 'cronPartition', expression: '0 0 * * *', timezone: more.timezone ?? 'UTC', runOffset, keyFormat: more.keyFormat ?? '%Y-%m-%d' }, { timezone: 'UTC', startMs: Date.parse('2026-03-28T00:00:00Z'), endMs: null, catchup: true });
    if (!compiled.ok) throw new Error(compiled.message);
    return compiled.timetable!;
  };
  it.each([
    [0, ['2026-03-28', '2026-03-29', '2026-03-30']],
    [-1, ['2026-03-27', '2026-03-28', '2026-03-29']],
    [2, ['2026-03-30', '2026-03-31', '2026-04-01']],
  ])('offset %i', (offset, keys) => {
    const made = timetable(offset);
    expect(made.between(Date.parse('2026-03-28T00:00:00Z'), Date.parse('2026-03-30T12:00:00Z'), 10).map((run) => made.partitionOf?.(run)?.key)).toEqual(keys);
  });

  it('writes the key in its zone', () => {
    const made = timetable(0, { timezone: 'Europe/Berlin', keyFormat: '%Y-%m-%dT%H%z' });
    const run = made.next(null, Date.parse('2026-03-28T00:00:00Z'))!;
    expect(made.partitionOf?.(run)).toEqual({ key: '2026-03-29T00+0100', dateMs: Date.parse('2026-03-28T23:00:00Z') });
  });

  it('refuses a format nobody can write', () => {
    expect(compileTimetable({ kind: 'cronPartition', expression: '0 0 * * *', timezone: 'UTC', runOffset: 0, keyFormat: '%Q' }, { timezone: 'UTC', startMs: null, endMs: null, catchup: false })).toMatchObject({ ok: false, message: expect.stringContaining('%Q is not known') as string });
  });
});
