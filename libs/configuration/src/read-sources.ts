import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { ConfigurationKey, Source } from './configuration.js';
import { envNameOf } from './define-options.js';
import { nearest } from '@millrace/vocabulary';
import { OPTIONS } from './options.js';

export interface Sources {
  /** Usually `process.env`. An empty variable counts as not set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** YAML file; default the one `MILLRACE_CONFIG` names. */
  readonly file?: string;
  /** Strongest: command-line flags, tests. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** A value nobody has checked yet, and the words an error uses for where it was found. */
export interface RawValue {
  readonly raw: unknown;
  readonly source: Source;
  readonly where: string;
}

export interface RawConfiguration {
  readonly values: ReadonlyMap<ConfigurationKey, RawValue>;
  readonly problems: readonly string[];
  /** Unknown names: not an error, so that an older service starts with a newer file. */
  readonly warnings: readonly string[];
}

const KEYS = Object.keys(OPTIONS) as ConfigurationKey[];
/** Other names for a key, weaker than its own variable. */
const SHORT_NAMES: Readonly<Record<string, ConfigurationKey>> = { MILLRACE_HOME: 'core.home', MILLRACE_ADMIN_PASSWORD: 'security.admin_password' };

/** Collects raw values: file < environment (a value, or a file that holds it) < overrides. */
export function readSources({ env = {}, file, overrides = {} }: Sources): RawConfiguration {
  const values = new Map<ConfigurationKey, RawValue>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const fileName = file ?? (env['MILLRACE_CONFIG'] || undefined);
  if (fileName !== undefined) readFile(fileName, values, problems, warnings);
  readEnvironment(env, values, problems, warnings);
  for (const [key, raw] of Object.entries(overrides)) {
    if (raw === undefined) continue;
    if (isKey(key)) values.set(key, { raw, source: 'override', where: 'given by the caller' });
    else problems.push(`${key}: there is no such key${didYouMean(key, KEYS)}`);
  }
  return { values, problems, warnings };
}

function readFile(file: string, values: Map<ConfigurationKey, RawValue>, problems: string[], warnings: string[]): void {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    problems.push(`MILLRACE_CONFIG: can't read the file ${file}: ${(error as Error).message}`);
    return;
  }
  const document = parseDocument(content, { prettyErrors: true });
  if (document.errors.length > 0) {
    // Only the first line of the parser's message: the others quote the file, which may hold secrets.
    for (const error of document.errors) problems.push(`${file}: not YAML: ${error.message.split('\n')[0]}`);
    return;
  }
  const sections: unknown = document.toJS();
  if (sections === null || sections === undefined) return;
  if (!isRecord(sections)) {
    problems.push(`${file}: expected sections with keys, like "scheduler:\\n  grpc_port: 50051"`);
    return;
  }
  for (const [section, entries] of Object.entries(sections)) {
    if (!isRecord(entries)) {
      if (KEYS.some((key) => key.startsWith(`${section}.`))) problems.push(`${file}: section ${section} must hold keys and values`);
      else warnings.push(`${file}: ignored ${section}: there is no such section${didYouMean(section, sectionNames())}`);
      continue;
    }
    for (const [name, raw] of Object.entries(entries)) {
      const key = `${section}.${name}`;
      if (!isKey(key)) warnings.push(`${file}: ignored ${key}: there is no such key${didYouMean(key, KEYS)}`);
      else if (raw !== null) values.set(key, { raw, source: 'file', where: `in ${file}` });
    }
  }
}

function readEnvironment(env: Readonly<Record<string, string | undefined>>, values: Map<ConfigurationKey, RawValue>, problems: string[], warnings: string[]): void {
  const known = new Map<string, ConfigurationKey>(KEYS.map((key) => [envNameOf(key), key]));
  for (const [name, key] of Object.entries(SHORT_NAMES)) take(name, key);
  for (const [name, key] of known) take(name, key);
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('MILLRACE__') || !value || known.has(name) || (name.endsWith('_FILE') && known.has(name.slice(0, -5)))) continue;
    warnings.push(`ignored ${name}: there is no such variable${didYouMean(name, [...known.keys()])}`);
  }

  function take(name: string, key: ConfigurationKey): void {
    const [value, valueFile] = [env[name], env[`${name}_FILE`]];
    if (value && valueFile) problems.push(`${key}: both ${name} and ${name}_FILE are set; keep one`);
    else if (value) values.set(key, { raw: value, source: 'environment', where: `in ${name}` });
    else if (valueFile) {
      try {
        values.set(key, { raw: readFileSync(valueFile, 'utf8').replace(/\r?\n$/, ''), source: 'environment file', where: `in the file of ${name}_FILE` });
      } catch (error) {
        problems.push(`${key}: can't read the file ${name}_FILE names: ${(error as Error).message}`);
      }
    }
  }
}

function didYouMean(name: string, candidates: readonly string[]): string {
  const found = nearest(name, candidates);
  return found === null ? '' : `; did you mean ${found}?`;
}

function sectionNames(): string[] {
  return [...new Set(KEYS.map((key) => key.split('.')[0] as string))];
}

function isKey(key: string): key is ConfigurationKey {
  return Object.hasOwn(OPTIONS, key);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
