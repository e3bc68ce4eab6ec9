import { connect } from 'node:net';
import { probePostgres } from '@millrace/persistence';

/** A connection with its secrets, as a task would use it. */
export interface ProbedConnection {
  readonly conn_type: string;
  readonly host?: string | null | undefined;
  readonly port?: number | null | undefined;
  readonly login?: string | null | undefined;
  readonly schema?: string | null | undefined;
  readonly password: string | null;
  readonly extra: string | null;
}

export interface ProbeResult {
  readonly status: boolean;
  readonly message: string;
}

const WITHIN_MS = 5_000;
/** Ports of types that are only dialled: whether somebody listens. */
const PORTS: Readonly<Record<string, number>> = { mysql: 3_306, amqp: 5_672, redis: 6_379, smtp: 25, ssh: 22, sftp: 22 };

/** Tries a connection as far as the api can: logs in to PostgreSQL, asks HTTP, dials the rest. Never throws, never repeats a secret. */
export async function probeConnection(connection: ProbedConnection): Promise<ProbeResult> {
  try {
    return { status: true, message: await probe(connection) };
  } catch (error) {
    const text = error instanceof Error ? (error.message || error.name) : String(error);
    const { password } = connection;
    return { status: false, message: password === null || password === '' ? text : text.replaceAll(password, '***') };
  }
}

async function probe(connection: ProbedConnection): Promise<string> {
  const { conn_type: type, host } = connection;
  if (type === 'postgres' || type === 'postgresql') {
    const { port, login, password, schema } = connection;
    await probePostgres({ host: host ?? 'localhost', port: port ?? 5_432, user: login ?? undefined, password: password ?? undefined, database: schema || undefined }, WITHIN_MS);
    return 'Connection successfully tested';
  }
  if (type === 'http' || type === 'https') return probeHttp(connection);
  const port = connection.port ?? PORTS[type];
  if (port === undefined) throw new Error(`Connections of type "${type}" cannot be tested from the api; run a task that uses it`);
  await dial(host ?? 'localhost', port);
  return `Somebody listens on ${host ?? 'localhost'}:${port}; login and rights were not tried`;
}

async function probeHttp({ conn_type: type, host, port, login, password, schema }: ProbedConnection): Promise<string> {
  const given = host ?? 'localhost';
  const url = new URL(/^https?:\/\//.test(given) ? given : `${schema === 'https' || type === 'https' ? 'https' : 'http'}://${given}`);
  if (port != null) url.port = String(port);
  const headers: Record<string, string> = login == null ? {} : { authorization: `Basic ${Buffer.from(`${login}:${password ?? ''}`).toString('base64')}` };
  // What a server sends on to is not what the caller named.
  const response = await fetch(url, { method: 'HEAD', headers, redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) });
  if (response.status === 401 || response.status === 403) throw new Error(`${response.status} ${response.statusText}`);
  return `Connection successfully tested: ${response.status} ${response.statusText}`;
}

function dial(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: WITHIN_MS });
    const over = (error?: Error): void => {
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.once('connect', () => over());
    socket.once('timeout', () => over(new Error(`nobody answered within ${WITHIN_MS / 1_000} s`)));
    socket.once('error', over);
  });
}
