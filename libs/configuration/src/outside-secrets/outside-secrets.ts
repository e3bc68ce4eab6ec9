import { readFileSync, statSync } from 'node:fs';
import { connectionVariable, variableVariable } from '@millrace/vocabulary';
import { parseDocument } from 'yaml';
import { outsideConnection } from './outside-connection.js';
import type { OutsideConnection } from './outside-connection.js';

export interface OutsideSecretsOptions {
  /** Usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** YAML, JSON, or lines `id=value` (`.env`). Empty: none. */
  readonly connectionsFile: string;
  readonly variablesFile: string;
}

interface Found {
  readonly value: unknown;
  readonly where: string;
}

/**
 * Connections and variables that are written down outside the database, for whoever keeps secrets with the deployment:
 * `MILLRACE_CONN_<ID>`, `MILLRACE_VAR_<KEY>`, the same with `_FILE` for the path of a file that holds the value, then the two files. Read when
 * asked for, so that a secret which was mounted anew counts at once. A team's own are `MILLRACE_CONN__<TEAM>___<ID>`, as in Airflow, and come before what is everybody's.
 */
export class OutsideSecrets {
  private readonly files = new Map<string, { readonly stamp: string; readonly values: Readonly<Record<string, unknown>> }>();

  constructor(private readonly options: OutsideSecretsOptions) {}

  /** @throws Error naming the place when what stands there is no connection, never what stands there */
  connection(connectionId: string, team: string | null = null): OutsideConnection | undefined {
    const found = this.#find(connectionVariable, connectionId, team, this.options.connectionsFile);
    return found === undefined ? undefined : outsideConnection(connectionId, found.value, found.where);
  }

  /** As text, as all variables are. */
  variable(key: string, team: string | null = null): string | undefined {
    const found = this.#find(variableVariable, key, team, this.options.variablesFile);
    if (found === undefined) return undefined;
    return typeof found.value === 'string' ? found.value : JSON.stringify(found.value);
  }

  #find(variableOf: (name: string) => string, name: string, team: string | null, file: string): Found | undefined {
    // A name that reads like one of a team would otherwise be another way to what is that team's.
    const isPlain = !`${variableOf(name)}_`.includes('___');
    const ofTeam = team !== null && isPlain && /^[a-z0-9]/i.test(name) ? this.#written(variableOf(`_${team}___${name}`)) : undefined;
    if (ofTeam !== undefined) return ofTeam;
    const written = isPlain ? this.#written(variableOf(name)) : undefined;
    if (written !== undefined || file === '') return written;
    const values = this.#values(file);
    return Object.hasOwn(values, name) ? { value: values[name], where: `"${name}" in ${file}` } : undefined;
  }

  #written(variable: string): Found | undefined {
    const { env } = this.options;
    const value = env[variable];
    if (value !== undefined && value !== '') return { value, where: variable };
    const path = env[`${variable}_FILE`];
    if (path !== undefined && path !== '') return { value: textOf(path, `the file of ${variable}_FILE`).replace(/\r?\n$/, ''), where: `the file of ${variable}_FILE` };
    return undefined;
  }

  #values(file: string): Readonly<Record<string, unknown>> {
    let stamp: string;
    try {
      const { mtimeMs, size, ino } = statSync(file);
      stamp = `${mtimeMs}/${size}/${ino}`;
    } catch (error) {
      throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    const known = this.files.get(file);
    if (known?.stamp === stamp) return known.values;
    const text = textOf(file, file);
    const values = file.endsWith('.env') ? lines(text) : document(text, file);
    this.files.set(file, { stamp, values });
    return values;
  }
}

function textOf(path: string, where: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${where} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function lines(text: string): Record<string, unknown> {
  const entries = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#') && line.includes('='));
  return Object.fromEntries(entries.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]));
}

function document(text: string, file: string): Record<string, unknown> {
  const parsed = parseDocument(text);
  const [wrong] = parsed.errors;
  // Only the first line of the parser's message: the others quote the file.
  if (wrong !== undefined) throw new Error(`${file} is not YAML: ${wrong.message.split('\n')[0] ?? ''}`);
  const values: unknown = parsed.toJS();
  if (values === null || values === undefined) return {};
  if (typeof values !== 'object' || Array.isArray(values)) throw new Error(`${file} must hold names and values`);
  return values as Record<string, unknown>;
}
