import type { ConfigurationKey, Source } from './configuration.js';
import { envNameOf } from './define-options.js';
import type { Option } from './define-options.js';
import { resolveOptions } from './load-configuration.js';
import type { LoadOptions } from './load-configuration.js';
import { OPTIONS } from './options.js';

export interface OptionDescription {
  readonly key: ConfigurationKey;
  readonly env: string;
  /** As text; `***` for a secret that is set. */
  readonly value: string;
  readonly source: Source;
  readonly default: string;
  readonly accepts: string;
  readonly desc: string;
  readonly secret: boolean;
  readonly problem?: string;
}

/** One row per key, in table order, for `config list`. Does not throw: a wrong value is a row with `problem`. */
export function describeOptions(options: LoadOptions = {}): readonly OptionDescription[] {
  const { values } = resolveOptions(options);
  return (Object.entries(OPTIONS) as [ConfigurationKey, Option<unknown>][]).map(([key, option]) => {
    const resolved = values.get(key);
    return {
      key,
      env: envNameOf(key),
      value: shownValue(resolved?.value, option.secret === true && resolved?.source !== 'default'),
      source: resolved?.source ?? 'default',
      default: shownValue(option.default, false),
      accepts: option.parse.accepts,
      desc: option.desc,
      secret: option.secret === true,
      ...(resolved?.problem === undefined ? {} : { problem: resolved.problem }),
    };
  });
}

function shownValue(value: unknown, hide: boolean): string {
  if (hide && value !== '') return '***';
  return Array.isArray(value) ? value.join(',') : String(value);
}
