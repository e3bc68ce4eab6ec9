import { MillraceError } from '@millrace/vocabulary';

/** A connection as files have it. */
export interface ConnectionParts {
  readonly conn_type: string;
  readonly host?: string | null;
  readonly login?: string | null;
  readonly password?: string | null;
  readonly schema?: string | null;
  readonly port?: number | null;
  readonly extra?: string | null;
  readonly description?: string | null;
}

/** `postgres://login:password@host:5432/schema?sslmode=require`, as in Airflow: a `-` in front of `://` stands for `_`, `__extra__` for an extra that is more than texts. */
export function connectionFromUri(uri: string, name: string): ConnectionParts {
  // A type that URL does not know as one of the web's is read the same as http, so that host and port come out for all of them.
  const match = /^([a-z][a-z0-9+._-]*):\/\/(.*)$/is.exec(uri);
  if (match === null || !URL.canParse(`http://${match[2] === '' || match[2]!.startsWith('/') || match[2]!.startsWith('?') ? `none${match[2]}` : withHost(match[2]!)}`)) {
    throw new MillraceError('bad_request', `connection ${name}: not an address like postgres://login:password@host:5432/schema`);
  }
  const rest = match[2]!;
  const hasHost = !(rest === '' || rest.startsWith('/') || rest.startsWith('?')) && !/^[^/?]*@($|[/?])/.test(rest);
  const url = new URL(`http://${rest === '' || rest.startsWith('/') || rest.startsWith('?') ? `none${rest}` : withHost(rest)}`);
  const text = (value: string): string | null => (value === '' ? null : decodeURIComponent(value));
  const extra = url.searchParams.get('__extra__') ?? (url.searchParams.size > 0 ? JSON.stringify(Object.fromEntries(url.searchParams)) : null);
  const port = /:(\d+)(?:[/?]|$)/.exec(rest.slice(rest.lastIndexOf('@') + 1))?.[1];
  return {
    conn_type: match[1]!.toLowerCase().replaceAll('-', '_'), host: hasHost ? text(url.hostname) : null, login: text(url.username), password: text(url.password),
    schema: text(url.pathname.replace(/^\//, '')), port: port === undefined ? null : Number(port), extra,
  };
}

function withHost(rest: string): string {
  return rest.replace(/^([^/?]*@)(?=$|[/?])/, '$1none');
}

export function connectionToUri(connection: ConnectionParts): string {
  const part = (value: string | null | undefined): string => encodeURIComponent(value ?? '');
  const login = connection.login || connection.password ? `${part(connection.login)}${connection.password ? `:${part(connection.password)}` : ''}@` : '';
  return `${connection.conn_type.replaceAll('_', '-')}://${login}${part(connection.host)}${connection.port ? `:${connection.port}` : ''}${connection.schema ? `/${part(connection.schema)}` : ''}${query(connection.extra)}`;
}

function query(extra: string | null | undefined): string {
  if (extra === null || extra === undefined || extra === '' || extra === '{}') return '';
  let value: unknown;
  try {
    value = JSON.parse(extra);
  } catch {
    // No JSON: kept as it is.
  }
  const isTexts = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((each) => typeof each === 'string');
  return `?${new URLSearchParams(isTexts ? (value as Record<string, string>) : { __extra__: extra }).toString()}`;
}
