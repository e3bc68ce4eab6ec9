import type { Zone } from '../timetables/zone.js';

/** Reading and writing times as partition keys, in Python's format codes, and stepping through calendar units. Wall clocks are milliseconds as if they were UTC. */

export type PartitionUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Why a text is no key, or a format no format. Thrown inside this folder only; its edges return it as a value. */
export class PartitionKeyProblem extends Error {}

const DIGITS: Readonly<Record<string, string>> = { Y: '\\d{4}', G: '\\d{4}', m: '\\d{1,2}', d: '\\d{1,2}', H: '\\d{1,2}', M: '\\d{1,2}', S: '\\d{1,2}', V: '\\d{1,2}', j: '\\d{1,3}', f: '\\d{1,6}', u: '[1-7]', z: 'Z|[+-]\\d{2}:?\\d{2}' };

/** null: it can be used. Names the code that is not known. */
export function formatProblem(format: string): string | null {
  for (const [, code] of format.matchAll(/%(.?)/gs)) {
    if (code !== '%' && !Object.hasOwn(DIGITS, code ?? '')) return `format "${format}": %${code ?? ''} is not known; known are ${Object.keys(DIGITS).map((known) => `%${known}`).join(' ')} %% and {quarter}`;
  }
  return null;
}

/** `%Y-%m-%dT%H` of an instant in a zone. */
export function formatInstant(instantMs: number, format: string, zone: Zone): string {
  const wall = new Date(instantMs + zone.offsetAt(instantMs));
  const pad = (value: number, length = 2): string => String(value).padStart(length, '0');
  return format
    .replaceAll('{quarter}', String(Math.floor(wall.getUTCMonth() / 3) + 1))
    .replace(/%(.)/gs, (_, code: string) => {
      switch (code) {
        case 'Y':
          return pad(wall.getUTCFullYear(), 4);
        case 'm':
          return pad(wall.getUTCMonth() + 1);
        case 'd':
          return pad(wall.getUTCDate());
        case 'H':
          return pad(wall.getUTCHours());
        case 'M':
          return pad(wall.getUTCMinutes());
        case 'S':
          return pad(wall.getUTCSeconds());
        case 'f':
          return pad(wall.getUTCMilliseconds() * 1000, 6);
        case 'j':
          return pad(Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0, 1)) / DAY_MS) + 1, 3);
        case 'u':
          return String(wall.getUTCDay() || 7);
        case 'V':
          return pad(isoWeek(wall).week);
        case 'G':
          return pad(isoWeek(wall).year, 4);
        case 'z':
          return offsetText(zone.offsetAt(instantMs));
        default:
          return '%';
      }
    });
}

/** The instant a text names. @throws PartitionKeyProblem when it is not written in the format. */
export function parseInstant(text: string, format: string, zone: Zone): number {
  const found = patternOf(format).exec(text)?.groups;
  if (found === undefined) throw new PartitionKeyProblem(`"${text}" is not a time written as ${format}`);
  const number = (code: string, otherwise: number): number => (found[code] === undefined ? otherwise : Number(found[code]));
  const month = found['quarter'] !== undefined && found['m'] === undefined ? (Number(found['quarter']) - 1) * 3 + 1 : number('m', 1);
  const day = number('d', 1);
  const [year, hour, minute, second] = [number('Y', number('G', 1970)), number('H', 0), number('M', 0), number('S', 0)];
  const wall = new Date(0);
  if (found['j'] !== undefined) wall.setUTCFullYear(year, 0, number('j', 1));
  else wall.setUTCFullYear(year, month - 1, day);
  wall.setUTCHours(hour, minute, second, Math.floor(Number((found['f'] ?? '0').padEnd(6, '0')) / 1000));
  const isReal = hour < 24 && minute < 60 && second < 60 && (found['j'] !== undefined || (wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day));
  if (!isReal) throw new PartitionKeyProblem(`"${text}" is no time that exists`);
  if (found['z'] !== undefined) return wall.getTime() - offsetOf(found['z']);
  return instantOfWall(wall.getTime(), zone);
}

/** The first instant with this wall clock; in a spring gap it moves on by the gap's length. */
export function instantOfWall(wallMs: number, zone: Zone): number {
  const before = zone.offsetAt(wallMs - DAY_MS);
  const after = zone.offsetAt(wallMs + DAY_MS);
  for (const offset of [Math.max(before, after), Math.min(before, after)]) if (zone.offsetAt(wallMs - offset) === offset) return wallMs - offset;
  return wallMs - before;
}

export function startOf(unit: PartitionUnit, instantMs: number, zone: Zone): number {
  if (unit === 'hour' || unit === 'minute') {
    // Of real time: an hour that comes twice has two beginnings.
    const offset = zone.offsetAt(instantMs);
    const size = unit === 'hour' ? HOUR_MS : 60_000;
    return Math.floor((instantMs + offset) / size) * size - offset;
  }
  const wall = new Date(instantMs + zone.offsetAt(instantMs));
  wall.setUTCHours(0, 0, 0, 0);
  if (unit === 'week') wall.setUTCDate(wall.getUTCDate() - ((wall.getUTCDay() + 6) % 7));
  if (unit === 'month' || unit === 'quarter' || unit === 'year') wall.setUTCDate(1);
  if (unit === 'quarter') wall.setUTCMonth(Math.floor(wall.getUTCMonth() / 3) * 3);
  if (unit === 'year') wall.setUTCMonth(0);
  return instantOfWall(wall.getTime(), zone);
}

/** `count` units later (earlier, when negative) than the start of one. */
export function plus(unit: PartitionUnit, startMs: number, count: number, zone: Zone): number {
  if (unit === 'hour' || unit === 'minute') return startMs + count * (unit === 'hour' ? HOUR_MS : 60_000);
  const wall = new Date(startMs + zone.offsetAt(startMs));
  if (unit === 'day') wall.setUTCDate(wall.getUTCDate() + count);
  if (unit === 'week') wall.setUTCDate(wall.getUTCDate() + count * 7);
  if (unit === 'month') wall.setUTCMonth(wall.getUTCMonth() + count);
  if (unit === 'quarter') wall.setUTCMonth(wall.getUTCMonth() + count * 3);
  if (unit === 'year') wall.setUTCFullYear(wall.getUTCFullYear() + count);
  return instantOfWall(wall.getTime(), zone);
}

function patternOf(format: string): RegExp {
  const known = patterns.get(format);
  if (known !== undefined) return known;
  const seen = new Set<string>();
  const group = (name: string, digits: string): string => {
    if (seen.has(name)) return `(?:${digits})`;
    seen.add(name);
    return `(?<${name}>${digits})`;
  };
  const source = format.split(/(%.|\{quarter\})/s).map((part) => {
    if (part === '{quarter}') return group('quarter', '[1-4]');
    if (part === '%%') return '%';
    if (part.startsWith('%')) return group(part.slice(1), DIGITS[part.slice(1)] ?? '');
    return part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  const pattern = new RegExp(`^${source.join('')}$`);
  if (patterns.size >= 500) patterns.clear();
  patterns.set(format, pattern);
  return pattern;
}

const patterns = new Map<string, RegExp>();

function isoWeek(wall: Date): { year: number; week: number } {
  const thursday = new Date(wall.getTime());
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1 };
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  return `${offsetMs < 0 ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}${String(minutes % 60).padStart(2, '0')}`;
}

function offsetOf(text: string): number {
  if (text === 'Z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2));
  return (text.startsWith('-') ? -minutes : minutes) * 60_000;
}
