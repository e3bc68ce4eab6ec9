import { expect, it } from 'vitest';
import { duration, instantOf, instantText, relative, wallClock } from './format.js';

it.each([[0.0004, '0s'], [0.0123, '12ms'], [0.45, '0.5s'], [9.94, '9.9s'], [42.4, '42s'], [185, '3m 05s'], [7_800, '2h 10m'], [357_000, '4d 3h'], [null, '—']])('%s seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it('writes a time in its zone, in ISO order', () => {
  expect(instantText('2026-11-22T23:30:05Z', 'Asia/Shanghai')).toBe('2026-11-23 07:30:05');
  expect(instantText('2026-03-29T00:59:59Z', 'Europe/Berlin', 'minute')).toBe('2026-03-29 01:59');
  expect(instantText('nonsense', 'UTC')).toBe('nonsense');
});

it.each([
  ['2026-05-23T04:48', 'UTC', '2026-05-23T04:48:00.000Z'],
  ['2026-05-23T04:48', 'Asia/Shanghai', '2026-05-22T20:48:00.000Z'],
  ['2026-01-01', 'Asia/Kolkata', '2025-12-31T18:30:00.000Z'],
  ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
  ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
])('the clock %s of %s means %s', (clock, zone, instant) => {
  expect(instantOf(clock, zone)).toBe(instant);
  if (!clock.startsWith('2026-03-29') && clock.length > 10) expect(wallClock(instant, zone)).toBe(clock);
});

it('takes no time for one that is none', () => expect(() => instantOf('soon', 'UTC')).toThrow(RangeError));

it('says how long ago in both languages', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  expect(relative('2026-11-23T11:57:00Z', now, 'en')).toBe('3 min. ago');
  expect(relative('2026-11-23T14:00:00Z', now, 'zh')).toBe('2小时后');
  expect(relative('2026-11-23T11:59:58Z', now, 'zh')).toBe('刚刚');
});
