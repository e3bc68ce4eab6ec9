import { connectionVariable, variableVariable } from '@millrace/vocabulary';

/** A connection as task code sees it. */
export interface Connection {
  readonly connectionId: string;
  readonly connType: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly login: string | null;
  readonly password: string | null;
  readonly schema: string | null;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Reads a connection's JSON, with fields named as the database and Airflow do or as task code does. `extra` may be JSON text. */
export function connectionOf(connectionId: string, json: string): Connection {
  const fields = JSON.parse(json) as Record<string, unknown>;
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : null);
  const port = Number(fields['port'] ?? NaN);
  return {
    connectionId,
    connType: text('connType') ?? text('conn_type') ?? '',
    host: text('host'),
    port: Number.isInteger(port) ? port : null,
    login: text('login'),
    password: text('password'),
    schema: text('schema'),
    extra: extraOf(fields['extra']),
  };
}

function extraOf(extra: unknown): Readonly<Record<string, unknown>> {
  if (typeof extra === 'object' && extra !== null) return extra as Record<string, unknown>;
  if (typeof extra !== 'string' || extra === '') return {};
  const parsed = JSON.parse(extra) as unknown;
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
}

/** Says where it was looked for. */
export function noConnection(connectionId: string): Error {
  return new Error(`there is no connection "${connectionId}": it is not in the environment of worker or scheduler (${connectionVariable(connectionId)}), not in their secrets.connections_file, and not in the database (Admin, Connections)`);
}

export function noVariable(key: string): Error {
  return new Error(`there is no variable "${key}": it is not in the environment of worker or scheduler (${variableVariable(key)}), not in their secrets.variables_file, and not in the database (Admin, Variables)`);
}
