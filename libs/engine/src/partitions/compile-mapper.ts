import { PARTITION_KEY_MAX_LENGTH } from '@millrace/vocabulary';
import { Zone } from '../timetables/zone.js';
import type { CalendarUnit, PartitionMapperSource, TemporalMapperSource, WaitPolicy, WindowSource } from './mapper-source.js';
import { OUTPUT_FORMATS } from './mapper-source.js';
import type { PartitionUnit } from './wall-time.js';
import { PartitionKeyProblem, formatInstant, formatProblem, parseInstant, plus, startOf } from './wall-time.js';

export type MappedKeys = { readonly ok: true; readonly keys: readonly string[] } | { readonly ok: false; readonly message: string };

export interface PartitionMapper {
  /** The partitions an event's key belongs to. */
  map(key: string): MappedKeys;
  /** The events' keys a partition needs, and how many of them; null: one event of any key is enough. */
  needs(partitionKey: string): PartitionNeeds | null;
}

export interface PartitionNeeds {
  readonly keys: readonly string[];
  readonly wait: WaitPolicy;
  /** An event's key as it stands in `keys`: `2026-01-01T05:00:00` and `2026-01-01T05:17:00` are the same hour. */
  canonical(key: string): string;
}

export type CompiledMapper = { readonly ok: true; readonly mapper: PartitionMapper } | { readonly ok: false; readonly message: string };

/** Keys one event may feed: more is a mistake of the mapper's. */
const KEYS_MAX = 1_000;

/** A refusal says what cannot be and what would. */
export function compileMapper(source: PartitionMapperSource): CompiledMapper {
  try {
    const rules = compile(source);
    return {
      ok: true,
      mapper: {
        map: (key) => {
          try {
            const keys = [...new Set(rules.map(key))];
            const bad = keys.find((each) => each === '' || each.length > PARTITION_KEY_MAX_LENGTH);
            if (bad !== undefined) return { ok: false, message: `"${key}" becomes ${bad === '' ? 'an empty key' : `a key of ${bad.length} characters; the limit is ${PARTITION_KEY_MAX_LENGTH}`}` };
            if (keys.length > KEYS_MAX) return { ok: false, message: `"${key}" belongs to ${keys.length} partitions; the limit is ${KEYS_MAX}` };
            return { ok: true, keys };
          } catch (error) {
            if (error instanceof PartitionKeyProblem) return { ok: false, message: error.message };
            throw error;
          }
        },
        needs: (partitionKey) => {
          try {
            return rules.needs?.(partitionKey) ?? null;
          } catch (error) {
            // A partition somebody asked for by a key that is no period: nothing can be expected of it.
            if (error instanceof PartitionKeyProblem) return null;
            throw error;
          }
        },
      },
    };
  } catch (error) {
    if (error instanceof PartitionKeyProblem) return { ok: false, message: error.message };
    throw error;
  }
}

/** May throw PartitionKeyProblem. */
interface Rules {
  map(key: string): readonly string[];
  needs?(partitionKey: string): PartitionNeeds;
}

function compile(source: PartitionMapperSource): Rules {
  switch (source.kind) {
    case 'identity':
      return { map: (key) => [key] };
    case 'startOf': {
      const temporal = compileTemporal(source);
      return { map: (key) => [temporal.write(temporal.read(key))] };
    }
    case 'prefix':
      return {
        map: (key) => {
          if (!key.startsWith(source.strip)) throw new PartitionKeyProblem(`"${key}" does not begin with "${source.strip}"`);
          return [source.add + key.slice(source.strip.length)];
        },
      };
    case 'segment':
      return {
        map: (key) => {
          const segment = key.split(source.delimiter)[source.index];
          if (segment === undefined) throw new PartitionKeyProblem(`"${key}" has no segment ${source.index} between "${source.delimiter}"`);
          return [segment];
        },
      };
    case 'allowed': {
      const allowed = new Set(source.keys);
      return {
        map: (key) => {
          if (!allowed.has(key)) throw new PartitionKeyProblem(`"${key}" is none of the allowed keys`);
          return [key];
        },
      };
    }
    case 'fixed':
      return { map: () => [source.key] };
    case 'chain': {
      const rules = source.mappers.map(compile);
      return { map: (key) => rules.reduce<readonly string[]>((keys, rule) => keys.flatMap((each) => rule.map(each)), [key]) };
    }
    case 'product': {
      const rules = source.mappers.map(compile);
      return {
        map: (key) => {
          const segments = key.split(source.delimiter);
          if (segments.length !== rules.length) throw new PartitionKeyProblem(`"${key}" has ${segments.length} segments between "${source.delimiter}", ${rules.length} are needed`);
          const mapped = rules.map((rule, index) => rule.map(segments[index] ?? ''));
          if (mapped.some((keys) => keys.length !== 1)) throw new PartitionKeyProblem('a mapper inside a product must give one key');
          return [mapped.map(([first]) => first).join(source.delimiter)];
        },
      };
    }
    case 'rollup':
      return source.window.kind === 'segments' ? segmentRollup(source.upstream, source.window.keys, source.wait) : temporalRollup(source.upstream, source.window, source.wait);
    case 'fanOut':
      return fanOut(source.upstream, source.window, source.downstream);
    default:
      return source satisfies never;
  }
}

interface Temporal {
  readonly unit: CalendarUnit;
  readonly zone: Zone;
  readonly inputFormat: string;
  /** The start of the period a key lies in. */
  read(key: string): number;
  write(startMs: number): string;
  /** The start of a period by its own key. */
  readWritten(key: string): number;
}

function compileTemporal(source: TemporalMapperSource): Temporal {
  const { unit, inputFormat } = source;
  const outputFormat = source.outputFormat ?? OUTPUT_FORMATS[unit];
  for (const format of [inputFormat, outputFormat]) {
    const problem = formatProblem(format);
    if (problem !== null) throw new PartitionKeyProblem(problem);
  }
  const zone = zoneOf(source.timezone);
  return {
    unit,
    zone,
    inputFormat,
    read: (key) => startOf(unit, parseInstant(key, inputFormat, zone), zone),
    write: (startMs) => formatInstant(startMs, outputFormat, zone),
    readWritten: (key) => startOf(unit, parseInstant(key, outputFormat, zone), zone),
  };
}

function temporalRollup(upstream: PartitionMapperSource, window: Exclude<WindowSource, { kind: 'segments' }>, wait: WaitPolicy): Rules {
  const temporal = temporalOf(upstream, 'a rollup over time');
  const { zone, inputFormat } = temporal;
  const memberUnit: PartitionUnit = window.kind === 'last' ? window.unit : MEMBERS[window.unit].unit;
  if (window.unit !== temporal.unit) throw new PartitionKeyProblem(`a window of ${window.unit}s needs an upstream mapper to the start of the ${window.unit}, not of the ${temporal.unit}`);
  return {
    map(key) {
      const start = temporal.read(key);
      if (window.kind === 'period') return [temporal.write(start)];
      return Array.from({ length: window.count }, (_, ahead) => temporal.write(plus(window.unit, start, ahead, zone)));
    },
    needs(partitionKey) {
      const start = temporal.readWritten(partitionKey);
      const members = window.kind === 'period' ? membersOf(window, start, zone) : Array.from({ length: window.count }, (_, index) => plus(window.unit, start, index - window.count + 1, zone));
      return {
        keys: [...new Set(members.map((member) => formatInstant(member, inputFormat, zone)))],
        wait,
        canonical: (key) => formatInstant(startOf(memberUnit, parseInstant(key, inputFormat, zone), zone), inputFormat, zone),
      };
    },
  };
}

function segmentRollup(upstream: PartitionMapperSource, keys: readonly string[], wait: WaitPolicy): Rules {
  const rules = compile(upstream);
  const needs: PartitionNeeds = { keys: [...new Set(keys)], wait, canonical: (key) => key };
  return { map: (key) => rules.map(key), needs: () => needs };
}

function fanOut(upstream: PartitionMapperSource, window: WindowSource, downstream: PartitionMapperSource | null): Rules {
  if (window.kind !== 'period') throw new PartitionKeyProblem('a fan-out needs a window of a period: hour, day, week, month, quarter or year');
  const temporal = temporalOf(upstream, 'a fan-out');
  const memberUnit = MEMBERS[window.unit].unit;
  if (downstream === null && memberUnit === 'minute') throw new PartitionKeyProblem('a fan-out over an hour needs a downstream mapper');
  const target = downstream === null ? null : temporalOf(downstream, 'the downstream of a fan-out');
  const format = (member: number): string => (target === null ? formatInstant(member, OUTPUT_FORMATS[memberUnit as CalendarUnit], temporal.zone) : target.write(startOf(target.unit, member, target.zone)));
  return { map: (key) => membersOf(window, temporal.read(key), temporal.zone).map(format) };
}

const MEMBERS: Readonly<Record<CalendarUnit, { readonly unit: PartitionUnit }>> = {
  hour: { unit: 'minute' },
  day: { unit: 'hour' },
  week: { unit: 'day' },
  month: { unit: 'day' },
  quarter: { unit: 'month' },
  year: { unit: 'month' },
};

/** The starts of a period's members. A day of 23 hours has 23. */
function membersOf(window: { readonly unit: CalendarUnit; readonly direction: 'forward' | 'backward' }, startMs: number, zone: Zone): number[] {
  const { unit } = MEMBERS[window.unit];
  const members: number[] = [];
  if (window.direction === 'forward') {
    const end = plus(window.unit, startMs, 1, zone);
    for (let member = startMs; member < end; member = plus(unit, member, 1, zone)) members.push(member);
    return members;
  }
  const begin = plus(window.unit, startMs, -1, zone);
  for (let member = startMs; member > begin; member = plus(unit, member, -1, zone)) members.push(member);
  return members.reverse();
}

function temporalOf(source: PartitionMapperSource, what: string): Temporal {
  if (source.kind !== 'startOf') throw new PartitionKeyProblem(`${what} needs a mapper to the start of an hour, day, week, month, quarter or year; "${source.kind}" is none`);
  return compileTemporal(source);
}

function zoneOf(name: string): Zone {
  try {
    return new Zone(name);
  } catch (error) {
    if (error instanceof RangeError) throw new PartitionKeyProblem(`unknown time zone "${name}"; an IANA name such as "Europe/Berlin" or "UTC" is needed`);
    throw error;
  }
}
