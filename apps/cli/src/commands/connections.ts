import { writeFileSync } from 'node:fs';
import { MillraceError } from '@millrace/vocabulary';
import { ApiClient } from '../client/api-client.js';
import type { Row } from '../client/api-client.js';
import { withName } from '../client/names.js';
import { connectionFromUri, connectionToUri } from '../files/connection-uri.js';
import type { ConnectionParts } from '../files/connection-uri.js';
import { importInBulk } from '../files/import-in-bulk.js';
import type { OnExisting } from '../files/import-in-bulk.js';
import { formatOf, readSettings, settingsText } from '../files/settings-file.js';
import { teamOf, tellOfTeams } from '../files/team-of.js';
import type { FileFormat } from '../files/settings-file.js';
import { renderOne, renderRows } from '../output/render.js';
import { print, tell } from '../output/terminal.js';
import type { OutputOptions } from '../output/terminal.js';

const PATH = '/api/v2/connections';
const COLUMNS = ['connection_id', 'conn_type', 'host', 'port', 'login', 'schema', 'description', 'team_name'];
const FIELDS = ['conn_type', 'host', 'login', 'password', 'schema', 'port', 'extra', 'description'] as const;
const NAMED = { path: PATH, list: 'connections', key: 'connection_id', what: 'connection' } as const;

export interface ConnectionOptions extends OutputOptions {
  readonly connUri?: string;
  readonly connJson?: object;
  readonly connType?: string;
  readonly connHost?: string;
  readonly connLogin?: string;
  readonly connPassword?: string;
  readonly connSchema?: string;
  readonly connPort?: number;
  readonly connExtra?: string;
  readonly connDescription?: string;
  readonly teamName?: string;
}

export async function listConnections(options: OutputOptions & { readonly pattern?: string }): Promise<void> {
  const rows = await ApiClient.fromEnvironment().list(PATH, 'connections', { order_by: 'connection_id', connection_id_pattern: options.pattern });
  print(await renderRows(rows, COLUMNS, options.output));
}

export async function showConnection(id: string, options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderOne(await withName(api, NAMED, id, () => api.get(pathOf(id))), [...COLUMNS, 'extra'], options.output));
}

export async function addConnection(id: string, options: ConnectionOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  print(await renderOne(await api.post(PATH, { connection_id: id, ...bodyOf(id, options), ...teamOf(options) }), COLUMNS, options.output));
}

/** Of Airflow's list, those whose type an operator here uses; no passwords, since made-up ones help nobody. */
const DEFAULT_CONNECTIONS: readonly Row[] = [
  { connection_id: 'aws_default', conn_type: 'aws' },
  { connection_id: 'google_cloud_default', conn_type: 'google_cloud_platform' },
  { connection_id: 'http_default', conn_type: 'http', host: 'https://www.httpbin.org/' },
  { connection_id: 'kubernetes_default', conn_type: 'kubernetes' },
  { connection_id: 'mysql_default', conn_type: 'mysql', host: 'mysql', login: 'root' },
  { connection_id: 'postgres_default', conn_type: 'postgres', host: 'postgres', login: 'postgres' },
  { connection_id: 'slack_api_default', conn_type: 'slack' },
  { connection_id: 'slack_default', conn_type: 'slackwebhook' },
  { connection_id: 'smtp_default', conn_type: 'smtp', host: 'localhost', port: 25 },
  { connection_id: 'ssh_default', conn_type: 'ssh', host: 'localhost' },
];

export async function createDefaultConnections(options: OutputOptions): Promise<void> {
  const api = ApiClient.fromEnvironment();
  const made: Row[] = [];
  for (const connection of DEFAULT_CONNECTIONS) {
    try {
      made.push(await api.post(PATH, connection));
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'conflict') throw error;
    }
  }
  print(await renderRows(made, COLUMNS, options.output));
  tell(`${made.length} connections made; ${DEFAULT_CONNECTIONS.length - made.length} were there and stay as they are`);
}

export async function deleteConnection(id: string): Promise<void> {
  const api = ApiClient.fromEnvironment();
  await withName(api, NAMED, id, () => api.delete(pathOf(id)));
  tell(`connection ${id} is deleted`);
}

/** Whether the api can reach what a connection names; exit code 1 when it cannot. */
export async function testConnection(id: string, options: OutputOptions): Promise<number> {
  const api = ApiClient.fromEnvironment();
  const known = await withName(api, NAMED, id, () => api.get(pathOf(id)));
  const answer = await api.post(`${PATH}/test`, { connection_id: id, ...Object.fromEntries(FIELDS.flatMap((field) => (known[field] === null || known[field] === undefined ? [] : [[field, known[field]]]))) });
  print(await renderOne(answer, ['status', 'message'], options.output));
  return answer['status'] === true ? 0 : 1;
}

/** `{"id": "type://…"}` or `{"id": {"conn_type": …}}`; in env files `ID=type://…`. */
export async function importConnections(file: string, options: { readonly actionOnExistingKey: OnExisting; readonly format?: FileFormat }): Promise<number> {
  const entries = await readSettings(file, formatOf(file, options.format));
  const entities = [...entries].map(([id, entry]): Row => ({ connection_id: id, ...partsOf(id, entry) }));
  return importInBulk(ApiClient.fromEnvironment(), PATH, 'connections', entities, options.actionOnExistingKey);
}

/** Passwords are not told by the api, and so are not in the file; importing it again leaves those that are stored. */
export async function exportConnections(file: string, options: { readonly format?: FileFormat; readonly serializationFormat: 'json' | 'uri' }): Promise<void> {
  const format = formatOf(file, options.format);
  const rows = await ApiClient.fromEnvironment().list(PATH, 'connections', { order_by: 'connection_id' });
  let secrets = 0;
  const entries = rows.map((row) => {
    if (row['password'] !== null && row['password'] !== undefined) secrets++;
    const { password: _, ...parts } = Object.fromEntries(FIELDS.map((field) => [field, row[field] ?? null])) as unknown as ConnectionParts & { password: unknown };
    const team = row['team_name'] == null ? {} : { team_name: row['team_name'] };
    return [String(row['connection_id']), format === 'env' || options.serializationFormat === 'uri' ? connectionToUri(parts) : { ...parts, ...team }] as const;
  });
  const text = await settingsText(new Map(entries), format);
  if (file === '-') print(text);
  else writeFileSync(file, text, { mode: 0o600 });
  if (format === 'env' || options.serializationFormat === 'uri') tellOfTeams(rows);
  if (secrets > 0) tell(`the passwords of ${secrets} connections are not in it: the api does not tell them`);
  tell(`${rows.length} connections exported${file === '-' ? '' : ` to ${file}`}`);
}

function bodyOf(id: string, options: ConnectionOptions): ConnectionParts {
  const given = { conn_type: options.connType, host: options.connHost, login: options.connLogin, password: options.connPassword, schema: options.connSchema, port: options.connPort, extra: options.connExtra, description: options.connDescription };
  if (options.connUri !== undefined && options.connJson !== undefined) throw new MillraceError('bad_request', 'say either --conn-uri or --conn-json');
  const parts = { ...(options.connJson === undefined ? {} : partsOf(id, options.connJson)), ...(options.connUri === undefined ? {} : withoutNulls(connectionFromUri(options.connUri, id))), ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) } as Partial<ConnectionParts>;
  if (parts.conn_type === undefined) throw new MillraceError('bad_request', `connection ${id} needs --conn-uri, --conn-json, or --conn-type with what goes with it`);
  return parts as ConnectionParts;
}

function partsOf(id: string, entry: unknown): Row {
  if (typeof entry === 'string') return withoutNulls(connectionFromUri(entry, id)) as Row;
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw new MillraceError('bad_request', `connection ${id}: an address like postgres://…, or an object with conn_type`);
  const unknown = Object.keys(entry).filter((name) => !(FIELDS as readonly string[]).includes(name) && name !== 'connection_id' && name !== 'conn_id' && name !== 'team_name');
  if (unknown.length > 0) throw new MillraceError('bad_request', `connection ${id}: ${unknown.join(', ')} unknown; known are ${FIELDS.join(', ')}, team_name`);
  const { extra, ...rest } = entry as Record<string, unknown>;
  const { connection_id: _, conn_id: __, ...parts } = rest;
  return { ...withoutNulls(parts), ...(extra === null || extra === undefined ? {} : { extra: typeof extra === 'string' ? extra : JSON.stringify(extra) }) } as Row;
}

/** What is not given stays as it is where an entry exists. */
function withoutNulls(parts: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null && value !== undefined));
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}
