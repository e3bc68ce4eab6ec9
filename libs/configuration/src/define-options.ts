import type { Parser } from './parsers.js';

/** One row of the option table. */
export interface Option<Value> {
  readonly parse: Parser<Value>;
  readonly default: NoInfer<Value>;
  /** One or two sentences: what it is, its unit, what an empty value means. */
  readonly desc: string;
  /** Never shown: not in errors, not in `config list`. */
  readonly secret?: boolean;
}

/** Keeps each row's value type, so that the default and the configuration are typed by the parser. */
export function defineOptions<Values extends Record<string, unknown>>(rows: { readonly [Key in keyof Values]: Option<Values[Key]> }): { readonly [Key in keyof Values]: Option<Values[Key]> } {
  for (const key of Object.keys(rows)) {
    if (!/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/.test(key) || key.includes('__')) throw new Error(`option "${key}": a key is section.name in lower case`);
  }
  return rows;
}

/** `log_server.port` is `MILLRACE__LOG_SERVER__PORT`. */
export function envNameOf(key: string): string {
  return `MILLRACE__${key.replace('.', '__').toUpperCase()}`;
}
