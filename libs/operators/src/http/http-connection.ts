import type { Connection } from '@millrace/sdk';

/** An address as given when it is absolute, else on the connection's host. @throws TypeError when there is no host to put in front */
export function absoluteUrl(url: string, connection: Connection | undefined): string {
  if (/^https?:\/\//i.test(url)) return url;
  if (connection === undefined || connection.host === null) throw new TypeError(`"${url}" is no absolute URL, and there is no connection with a host to put in front`);
  const scheme = connection.schema === 'http' || connection.schema === 'https' ? connection.schema : connection.connType === 'https' ? 'https' : 'http';
  const host = /^https?:\/\//i.test(connection.host) ? connection.host.replace(/\/+$/, '') : `${scheme}://${connection.host}`;
  return `${host}${connection.port === null ? '' : `:${connection.port}`}${url.startsWith('/') || url === '' ? '' : '/'}${url}`;
}

/** Login and password as Basic, a password alone as Bearer token. */
export function authorizationOf(connection: Connection | undefined): Record<string, string> {
  if (connection === undefined || connection.password === null) return {};
  const { login, password } = connection;
  return { authorization: login === null || login === '' ? `Bearer ${password}` : `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}` };
}

/** What `extra.headers` of a connection says goes with every request. */
export function headersOf(connection: Connection | undefined): Record<string, string> {
  const headers = connection?.extra['headers'];
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
