import { describe, expect, it } from 'vitest';
import { durationText, instantText, spanOf, timeDelta } from './answers.js';
import { parseInstant } from './validation/fields.js';

describe('times out', () => {
  it.each([['2026-05-23T04:48:14.310Z', '2026-05-23T04:48:14.310000Z'], ['2026-05-24T00:00:00.000Z', '2026-05-24T00:00:00Z']])('%s → %s', (time, text) => {
    expect(instantText(new Date(time))).toBe(text);
  });

  it.each([[0, 'PT0S'], [3_600, 'PT1H'], [86_400, 'P1D'], [90_061.5, 'P1DT1H1M1.5S'], [null, null]])('%s seconds → %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it('gives lengths only when both ends are there, and never below zero', () => {
    expect(spanOf(new Date(0), new Date(1_500))).toEqual({ start_date: '1970-01-01T00:00:00Z', end_date: '1970-01-01T00:00:01.500000Z', duration: 1.5 });
    expect(spanOf(new Date(0), null)).toEqual({ start_date: '1970-01-01T00:00:00Z', end_date: null, duration: null });
    expect(spanOf(null, new Date(0))).toEqual({ start_date: null, end_date: '1970-01-01T00:00:00Z', duration: null });
    expect(spanOf(new Date(2_000), new Date(1_000))).toEqual({ start_date: '1970-01-01T00:00:02Z', end_date: '1970-01-01T00:00:02Z', duration: 0 });
    expect(timeDelta(90_000.25)).toEqual({ __type: 'TimeDelta', days: 1, seconds: 3_600, microseconds: 250_000 });
    expect(timeDelta(null)).toBeNull();
  });
});

describe('times in', () => {
  it.each([
    ['2018-01-11', '2018-01-11T00:00:00.000Z'],
    ['2018-01-11T02:03', '2018-01-11T02:03:00.000Z'],
    ['2018-01-11 02:03:04', '2018-01-11T02:03:04.000Z'],
    ['2018-01-11T02:03:04.123456Z', '2018-01-11T02:03:04.123Z'],
    ['2018-01-11T02:03:04+02:00', '2018-01-11T00:03:04.000Z'],
    ['2018-01-11T02:03:04 02:00', '2018-01-11T00:03:04.000Z'],
    ['2018-01-11T02:03:04-0130', '2018-01-11T03:33:04.000Z'],
  ])('%s is %s', (text, time) => {
    expect(parseInstant(text)?.toISOString()).toBe(time);
  });

  it.each(['', 'yesterday', '2018-13-01', '2018-1-1', '11.01.2018', '2018-01-11T25:00', '1515628800', '2018-01-11T02:03:04+99:00'])('%j is none', (text) => {
    expect(parseInstant(text)).toBeNull();
  });
});
