import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTimetable } from './compile-timetable.js';
import { parseCron } from './cron-expression.js';
import type { CronFields } from './cron-expression.js';
import { CronInstants } from './cron-instants.js';
import { Zone } from './zone.js';
import type { ZoneStretch } from './zone.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** One answer jumps from a wall clock to the next that matches; near a change and at new year it looks once more each. */
const LOOKS_MAX = 12;

/** Days with a change, and one without. */
const CHANGES: readonly (readonly [zone: string, at: string])[] = [
  ['Europe/Berlin', '2026-03-29T01:00Z'], ['Europe/Berlin', '2026-10-25T01:00Z'], ['America/New_York', '2026-03-08T07:00Z'], ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'], ['Australia/Lord_Howe', '2026-10-03T15:30Z'], ['Africa/Casablanca', '2026-02-15T02:00Z'], ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['Asia/Shanghai', '2026-05-05T00:00Z'], ['America/St_Johns', '2027-01-01T03:30Z'],
];

/** Zones of both halves of the world, with changes at night, at midnight, of half an hour, on no fixed day, and without any. */
const ZONES = ['Europe/Berlin', 'Europe/Dublin', 'America/New_York', 'America/Santiago', 'America/St_Johns', 'Australia/Lord_Howe', 'Australia/Sydney', 'Africa/Cairo', 'Africa/Casablanca', 'Asia/Tehran', 'Asia/Kolkata', 'Pacific/Apia', 'UTC'];

/** A day of a year on which the zone's clock was changed, found by looking at every hour; any day when there is none. */
function changeIn(zone: string, year: number, which: number): number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  const offset = (at: number): number => Date.parse(`${format.format(at).replace(' ', 'T')}Z`) - Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const changes: number[] = [];
  for (let day = Date.UTC(year, 0); day < Date.UTC(year + 1, 0); day += 24 * HOUR_MS) if (offset(day) !== offset(day + 24 * HOUR_MS)) changes.push(day);
  return changes[which % Math.max(1, changes.length)] ?? Date.UTC(year, which % 12, 15);
}

const list = (min: number, max: number) => fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 5 }).map((values) => values.join(','));
const field = (min: number, max: number) => fc.oneof(fc.constant('*'), list(min, max), fc.integer({ min: 2, max: 12 }).map((step) => `*/${step}`));
const cron = fc.tuple(field(0, 59), fc.oneof(field(0, 23), list(0, 3)), fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, field(1, 28)), fc.oneof({ weight: 5, arbitrary: fc.constant('*') }, list(1, 12)), fc.oneof({ weight: 3, arbitrary: fc.constant('*') }, field(0, 6)))
  .map((fields) => fields.join(' '));

describe('CronInstants', () => {
  it('names the instants a look at every minute finds, forwards and backwards', () => {
    fc.assert(fc.property(fc.constantFrom(...CHANGES), cron, fc.integer({ min: -30, max: 0 }), ([name, changeAt], expression, hours) => {
      const parsed = parseCron(expression);
      if (!parsed.ok) throw new Error(parsed.message);
      const zone = new Zone(name);
      const instants = new CronInstants(parsed.fields, zone);
      const from = Date.parse(changeAt) + hours * HOUR_MS;
      const to = from + 54 * HOUR_MS;
      const expected = byLooking(parsed.fields, name, from, to);
      const forwards: number[] = [];
      for (let at = instants.nextAfter(from - 1); at !== null && at < to; at = instants.nextAfter(at)) forwards.push(at);
      expect(forwards).toEqual(expected);
      const backwards: number[] = [];
      for (let at = instants.lastBefore(to); at !== null && at >= from; at = instants.lastBefore(at)) backwards.push(at);
      expect(backwards.reverse()).toEqual(expected);
    }), { numRuns: 60 });
  }, 120_000);

  it('names them in any zone and year, around each change of the clock', () => {
    fc.assert(fc.property(fc.constantFrom(...ZONES), fc.integer({ min: 1975, max: 2037 }), fc.nat(3), cron, (name, year, which, expression) => {
      const parsed = parseCron(expression);
      if (!parsed.ok) throw new Error(parsed.message);
      const from = changeIn(name, year, which) - 6 * HOUR_MS;
      const to = from + 36 * HOUR_MS;
      const instants = new CronInstants(parsed.fields, new Zone(name));
      const found: number[] = [];
      for (let at = instants.nextAfter(from - 1); at !== null && at < to; at = instants.nextAfter(at)) found.push(at);
      expect(found).toEqual(byLooking(parsed.fields, name, from, to));
    }), { numRuns: 40 });
  }, 120_000);

  it('takes a bounded number of looks at the zone, whatever it is asked', () => {
    class CountingZone extends Zone {
      looks = 0;
      override stretchAt(instantMs: number): ZoneStretch {
        this.looks++;
        return super.stretchAt(instantMs);
      }
    }
    const zones = new Map(ZONES.map((name) => [name, new CountingZone(name)]));
    // Rare days too: a fifth Monday in February comes every 28 years, and not in 2100.
    const rare = fc.constantFrom('0 0 29 2 *', '0 0 * 2 1#5', '30 2 29 2 *', '0 0 L 2 *', '59 23 31 12 *', '30 2 31 3,10 *', '0 0 * 2 mon#5 30', '0 0 * * 5L');
    fc.assert(fc.property(fc.constantFrom(...ZONES), fc.oneof(rare, cron), fc.integer({ min: Date.parse('1800-01-01'), max: Date.parse('2400-01-01') }), (name, expression, from) => {
      const parsed = parseCron(expression);
      if (!parsed.ok) throw new Error(parsed.message);
      const zone = zones.get(name) as CountingZone;
      const instants = new CronInstants(parsed.fields, zone);
      let at = from;
      for (let n = 0; n < 5; n++) {
        zone.looks = 0;
        const next = instants.nextAfter(at);
        expect(zone.looks).toBeLessThanOrEqual(LOOKS_MAX);
        if (next === null) break;
        expect(next).toBeGreaterThan(at);
        zone.looks = 0;
        instants.lastBefore(at);
        expect(zone.looks).toBeLessThanOrEqual(LOOKS_MAX);
        at = next;
      }
    }), { numRuns: 300 });
  }, 120_000);

  it('reads any text: it is refused in words, or its instants go forward', () => {
    const part = fc.oneof({ weight: 1, arbitrary: fc.stringMatching(/^[0-9*/,\-#?LlWa-z]{1,8}$/) }, { weight: 5, arbitrary: fc.constantFrom('*', '*/5', '1-7', 'L', '5#2', 'mon-fri', '0', '12', '1,15', '5/2', 'feb', '22-2', '?') });
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.array(part, { minLength: 4, maxLength: 7 }).map((parts) => parts.join(' ')), fc.tuple(cron, part).map((both) => both.join(' ')));
    let accepted = 0;
    fc.assert(fc.property(text, fc.constantFrom(...ZONES), fc.integer({ min: 0, max: Date.parse('2100-01-01') }), (expression, timezone, from) => {
      const result = compileTimetable({ kind: 'cron', expressions: [expression], timezone }, { timezone: 'UTC', startMs: null, endMs: null, catchup: true });
      if (!result.ok) {
        expect(result.message).toMatch(/^cron "/);
        return;
      }
      accepted++;
      const times = result.timetable?.upcoming(from, 5).map((run) => run.logicalDateMs) ?? [];
      expect(times.every((time, at) => time > (times[at - 1] ?? from))).toBe(true);
    }), { numRuns: 1_500 });
    expect(accepted).toBeGreaterThan(50);
  }, 120_000);

  it('goes forwards and back to the same instant, also over years', () => {
    fc.assert(fc.property(fc.constantFrom(...CHANGES), cron, fc.integer({ min: Date.parse('1990-01-01'), max: Date.parse('2090-01-01') }), ([name], expression, at) => {
      const parsed = parseCron(expression);
      if (!parsed.ok) throw new Error(parsed.message);
      const instants = new CronInstants(parsed.fields, new Zone(name));
      const next = instants.nextAfter(at) as number;
      expect(next).toBeGreaterThan(at);
      expect(instants.alignToNext(next)).toBe(next);
      expect(instants.alignToPrev(next)).toBe(next);
      expect(instants.lastBefore(next + 1)).toBe(next);
      expect(instants.lastBefore(instants.nextAfter(next) as number)).toBe(next);
    }), { numRuns: 200 });
  }, 120_000);
});

/** Another way to the same set: walk every minute, ask Intl for its wall clock, and settle gaps and repeats from what was seen. */
function byLooking(fields: CronFields, zone: string, fromMs: number, toMs: number): readonly number[] {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  const wallOf = (at: number): number => Date.parse(`${format.format(at).replace(' ', 'T')}Z`);
  const everyHour = fields.hour.values.length === 24;
  const found = new Map<number, number[]>();
  // 26 h on either side, so that a change near the edge is seen whole.
  for (let at = fromMs - 26 * HOUR_MS; at < toMs + 26 * HOUR_MS; at += MINUTE_MS) {
    const wall = wallOf(at);
    found.set(wall, [...(found.get(wall) ?? []), at]);
  }
  const walls = [...found.keys()];
  const times = new Set<number>();
  let before = 0;
  for (let wall = Math.min(...walls); wall <= Math.max(...walls); wall += MINUTE_MS) {
    const instants = found.get(wall) ?? [];
    if (instants.length > 0) before = (instants.at(-1) as number) - wall;
    if (!matches(fields, wall)) continue;
    if (instants.length === 0) times.add(wall + before); // in a gap: as if the clock had not been put forward
    else for (const at of everyHour ? instants : instants.slice(-1)) times.add(at);
  }
  return [...times].filter((at) => at >= fromMs && at < toMs).sort((a, b) => a - b);
}

function matches(fields: CronFields, wallMs: number): boolean {
  const wall = new Date(wallMs);
  const day = fields.dayOfMonth.values.includes(wall.getUTCDate());
  const weekday = fields.dayOfWeek.values.includes(wall.getUTCDay());
  const eitherDay = fields.dayOfMonth.text !== '*' && fields.dayOfWeek.text !== '*' ? day || weekday : day && weekday;
  return fields.minute.values.includes(wall.getUTCMinutes()) && fields.hour.values.includes(wall.getUTCHours()) && fields.month.values.includes(wall.getUTCMonth() + 1) && eitherDay;
}
