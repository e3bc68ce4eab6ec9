/** A connection that is written down outside the database, as the scheduler hands connections to workers. */
export interface OutsideConnection {
  readonly connectionId: string;
  readonly connType: string;
  readonly host: string | null;
  readonly port: number | null;
  readonly login: string | null;
  readonly password: string | null;
  readonly schema: string | null;
  /** JSON text; null: none. */
  readonly extra: string | null;
}

const FORMS = 'a URI (postgres://login:password@host:5432/database?sslmode=require) or a JSON object with conn_type, host, port, login, password, schema, extra';
const FIELDS = new Set(['conn_type', 'connType', 'host', 'port', 'login', 'password', 'schema', 'extra', 'description', 'conn_id', 'connection_id', 'uri']);

/**
 * Reads a connection as Airflow writes it: a URI, JSON text, or an object of a YAML file.
 * @param where names the place for errors, which never repeat the value: it is a secret
 * @throws Error that says where and what is accepted
 */
export function outsideConnection(connectionId: string, given: unknown, where: string): OutsideConnection {
  if (typeof given === 'string') {
    const text = given.trim();
    return text.startsWith('{') ? fromFields(connectionId, json(text, where), where) : fromUri(connectionId, text, where);
  }
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return fromFields(connectionId, given as Record<string, unknown>, where);
  throw new Error(`${where} must be ${FORMS}`);
}

function fromFields(connectionId: string, fields: Record<string, unknown>, where: string): OutsideConnection {
  const unknown = Object.keys(fields).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw new Error(`${where}: there is no field "${unknown}" of a connection; what else it needs goes into extra`);
  if (typeof fields['uri'] === 'string') return fromUri(connectionId, fields['uri'], where);
  const text = (name: string): string | null => {
    const value = fields[name];
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string') throw new Error(`${where}: ${name} must be a text`);
    return value;
  };
  const connType = text('conn_type') ?? text('connType');
  if (connType === null) throw new Error(`${where}: conn_type is missing, e.g. "postgres" or "http"`);
  const port = fields['port'] === undefined || fields['port'] === null ? null : Number(fields['port']);
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) throw new Error(`${where}: port must be a whole number up to 65535`);
  const { extra } = fields;
  if (extra !== undefined && extra !== null && typeof extra !== 'object' && typeof extra !== 'string') throw new Error(`${where}: extra must be an object or JSON text`);
  if (typeof extra === 'string' && extra !== '') json(extra, `${where}: extra`);
  return { connectionId, connType, host: text('host'), port, login: text('login'), password: text('password'), schema: text('schema'), extra: extra === undefined || extra === null || extra === '' ? null : typeof extra === 'string' ? extra : JSON.stringify(extra) };
}

/** `type://login:password@host:port/schema?name=value`; `?__extra__={…}` for what is nested. A host may bring a scheme: `http://https%3A%2F%2Fapi.example.org`. */
function fromUri(connectionId: string, uri: string, where: string): OutsideConnection {
  const match = /^([a-z][a-z0-9+._-]*):\/\/(?:([^/?#@]*)@)?(\[[^\]]*\]|[^:/?#@]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(uri);
  if (match === null) throw new Error(`${where} must be ${FORMS}; a "/", "@", ":", "?" or "#" in a password is written in percent: %2F %40 %3A %3F %23`);
  const [, type = '', account, host = '', port, schema = '', query] = match;
  const decoded = (text: string): string | null => {
    try {
      return text === '' ? null : decodeURIComponent(text);
    } catch {
      throw new Error(`${where}: a "%" in a URI is written %25`);
    }
  };
  const [login = '', ...password] = (account ?? '').split(':');
  const portNumber = port === undefined || port === '' ? null : Number(port);
  if (portNumber !== null && portNumber > 65_535) throw new Error(`${where}: port must be a whole number up to 65535`);
  const extra: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(query ?? '')) {
    if (name === '__extra__') Object.assign(extra, json(value, `${where}: __extra__`));
    else extra[name] = value;
  }
  return {
    connectionId,
    // Airflow's types have "_" where a scheme may have "-" only.
    connType: type.toLowerCase().replaceAll('-', '_'),
    host: decoded(host.replace(/^\[(.*)\]$/, '$1')),
    port: portNumber,
    login: decoded(login),
    password: decoded(password.join(':')),
    schema: decoded(schema),
    extra: Object.keys(extra).length === 0 ? null : JSON.stringify(extra),
  };
}

function json(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${where} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} must be a JSON object`);
  return value as Record<string, unknown>;
}
