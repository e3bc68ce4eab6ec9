// Whether a service can do what tests need of it. A port that is open is not enough: each check does the real thing.
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import pg from 'pg';
import { run } from './commands.mjs';

const CONNECT_TIMEOUT_MS = 5000;

/** Throws unless the role may create databases. */
export async function checkPostgres(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query('SELECT (rolcreatedb OR rolsuper) AS may_create FROM pg_roles WHERE rolname = current_user');
    if (rows[0]?.may_create !== true) throw new Error('the role may not create databases');
  } finally {
    await client.end();
  }
}

export async function checkRedis(url) {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null, connectTimeout: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}

export async function checkAmqp(url) {
  const connection = await connect(url, { timeout: CONNECT_TIMEOUT_MS });
  connection.on('error', () => undefined);
  await connection.close();
}

/** Tests make virtual hosts. Throws when neither rabbitmqctl nor the management API does what it is asked. */
export async function checkBrokerAdministration({ rabbitmqctl, management }) {
  const [command, ...args] = rabbitmqctl.split(' ');
  const ctl = await run(command, [...args, '--quiet', 'list_vhosts'], { quiet: true, timeoutMs: 60_000 });
  if (ctl.code === 0) return 'rabbitmqctl';
  const url = new URL('/api/overview', management);
  const authorization = `Basic ${Buffer.from(`${new URL(management).username}:${new URL(management).password}`).toString('base64')}`;
  url.username = url.password = '';
  const response = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) }).catch((error) => ({ ok: false, status: error.cause?.code ?? error.message }));
  if (!response.ok) throw new Error(`virtual hosts cannot be made: rabbitmqctl failed (${ctl.output.trim().split('\n')[0]}) and the management API at ${url.host} too (${response.status})`);
  return 'the management API';
}
