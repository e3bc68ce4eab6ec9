import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Reads one raw value: text from the environment, or whatever YAML made of it in the file. */
export interface Parser<Value> {
  /** What is accepted, as error messages and the docs page say it: `a whole number from 1 to 1000`. */
  readonly accepts: string;
  /** The value, or undefined when the raw value is not acceptable. */
  parse(raw: unknown): Value | undefined;
}

export function integer({ min, max }: { readonly min: number; readonly max: number }): Parser<number> {
  return {
    accepts: `a whole number from ${min} to ${max}`,
    parse(raw) {
      const value = typeof raw === 'string' && /^[+-]?\d+$/.test(raw.trim()) ? Number(raw) : raw;
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

export function boolean(): Parser<boolean> {
  const words = new Map([['true', true], ['1', true], ['yes', true], ['on', true], ['false', false], ['0', false], ['no', false], ['off', false]]);
  return {
    accepts: 'true or false (also yes/no, on/off, 1/0)',
    parse: (raw) => (typeof raw === 'boolean' ? raw : words.get(String(raw).trim().toLowerCase())),
  };
}

/** Numbers of a YAML file are refused: `0123` would silently become `83` or `123`. */
export function text(): Parser<string> {
  return { accepts: 'text (in a file, quote what looks like a number)', parse: (raw) => (typeof raw === 'string' ? raw : undefined) };
}

/** A file or folder; relative to the working directory, `~/` is the home folder. Empty stays empty. */
export function path(): Parser<string> {
  return {
    accepts: 'a path',
    parse(raw) {
      if (typeof raw !== 'string' || raw.includes('\0')) return undefined;
      if (raw === '') return '';
      return resolve(raw === '~' || raw.startsWith('~/') ? join(homedir(), raw.slice(1)) : raw);
    },
  };
}

export function url(protocols: readonly string[]): Parser<string> {
  return {
    accepts: `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    parse(raw) {
      if (typeof raw !== 'string' || !URL.canParse(raw.trim())) return undefined;
      return protocols.includes(new URL(raw.trim()).protocol) ? raw.trim() : undefined;
    },
  };
}

/** Comma-separated in the environment, a list or comma-separated text in the file. */
export function list(): Parser<readonly string[]> {
  return {
    accepts: 'a comma-separated list',
    parse(raw) {
      if (Array.isArray(raw)) return raw.every((item) => typeof item === 'string') ? raw : undefined;
      return typeof raw === 'string' ? raw.split(',').map((item) => item.trim()).filter((item) => item !== '') : undefined;
    },
  };
}

export function oneOf<const Value extends string>(values: readonly Value[]): Parser<Value> {
  return { accepts: `one of ${values.join(', ')}`, parse: (raw) => values.find((value) => value === raw) };
}
