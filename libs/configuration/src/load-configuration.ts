import { MillraceError } from '@millrace/vocabulary';
import type { Configuration, ConfigurationKey, Source } from './configuration.js';
import { envNameOf } from './define-options.js';
import type { Option } from './define-options.js';
import { derive } from './derive.js';
import { OPTIONS } from './options.js';
import { readSources } from './read-sources.js';
import type { Sources } from './read-sources.js';
import { relationProblems } from './relations.js';

export interface LoadOptions extends Omit<Sources, 'overrides'> {
  /** Strongest: command-line flags, tests. */
  readonly overrides?: { readonly [Key in ConfigurationKey]?: Configuration[Key] | undefined };
  /** Keys this service can't do without, e.g. `['security.internal_token']`. */
  readonly needs?: readonly ConfigurationKey[];
  /** Called once per unknown name. Default: a line on stderr, because no logger exists before the configuration does. */
  readonly onWarning?: (sentence: string) => void;
}

/**
 * Reads, checks and completes the configuration.
 * @throws MillraceError `invalid` that lists every problem, with key, variable, value (never a secret's) and what is accepted.
 */
export function loadConfiguration(options: LoadOptions = {}): Configuration {
  const { values, problems, warnings } = resolveOptions(options);
  const onWarning = options.onWarning ?? ((sentence) => process.stderr.write(`millrace: configuration: ${sentence}\n`));
  for (const warning of warnings) onWarning(warning);
  if (problems.length > 0) {
    throw new MillraceError('invalid', `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`, { problems });
  }
  return Object.freeze(Object.fromEntries([...values].map(([key, { value }]) => [key, value]))) as unknown as Configuration;
}

export interface Resolved {
  readonly value: unknown;
  readonly source: Source;
  /** Why the value given was not taken; then `value` is the default. */
  readonly problem?: string;
}

export interface ResolvedOptions {
  readonly values: ReadonlyMap<ConfigurationKey, Resolved>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** The same without throwing: `config list` must work best when something is wrong. */
export function resolveOptions(options: LoadOptions = {}): ResolvedOptions {
  const env = options.env ?? process.env;
  const raw = readSources({ ...options, env });
  const problems = [...raw.problems];
  const values = new Map<ConfigurationKey, Resolved>();
  for (const [key, option] of Object.entries(OPTIONS) as [ConfigurationKey, Option<unknown>][]) {
    const found = raw.values.get(key);
    if (found === undefined) {
      values.set(key, { value: option.default, source: 'default' });
      continue;
    }
    const value = option.parse.parse(found.raw);
    if (value !== undefined) {
      values.set(key, { value, source: found.source });
      continue;
    }
    const problem = `${key} (${envNameOf(key)}): ${option.secret ? 'the value' : shown(found.raw)} ${found.where} is not ${option.parse.accepts}`;
    problems.push(problem);
    values.set(key, { value: option.default, source: found.source, problem });
  }
  derive(values);
  const at = <Key extends ConfigurationKey>(key: Key) => values.get(key)?.value as Configuration[Key];
  problems.push(...relationProblems(at, options.needs ?? []));
  return { values, problems, warnings: raw.warnings };
}

function shown(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
