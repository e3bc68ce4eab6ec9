import { connect } from 'node:net';
import type { Connection } from '@millrace/sdk';
import { DockerEngine } from '../docker/docker-engine.js';
import { addressOf } from '../docker/docker-operator.js';
import { checkSmtp } from '../email/send-email.js';
import { absoluteUrl, authorizationOf, headersOf } from '../http/http-connection.js';
import { PodApi, clusterOf } from '../kubernetes/pod-api.js';
import { checkSlack } from '../messages/slack.js';
import { GCS } from '../object-storage/gcs-storage.js';
import type { Platform } from '../object-storage/object-storage.js';
import { S3 } from '../object-storage/s3-storage.js';
import { openSqlConnection } from '../sql/open-sql.js';
import { openSsh } from '../ssh/ssh-client.js';

/** Types that are only dialled: whether somebody listens. */
const DIALLED: Readonly<Record<string, number>> = { amqp: 5_672, redis: 6_379, sftp: 22, ftp: 21 };

type Check = (connection: Connection, signal: AbortSignal) => Promise<string>;

// Marked as pure: who does not test connections has none of this in a bundle.
const CHECKS: Readonly<Record<string, Check>> = {
  postgres: sql, postgresql: sql, mysql: sql, mariadb: sql,
  http, https: http,
  smtp: async (connection) => {
    await checkSmtp(connection);
    return 'the mail server let us in';
  },
  ssh: async (connection) => {
    const client = await openSsh(connection, 5);
    client.end();
    return 'the server let us in';
  },
  aws: /* @__PURE__ */ buckets(S3), s3: /* @__PURE__ */ buckets(S3),
  google_cloud_platform: /* @__PURE__ */ buckets(GCS), gcs: /* @__PURE__ */ buckets(GCS),
  slack: async (connection, signal) => `this is ${await checkSlack(connection, { signal, log: QUIET })}`,
  docker: async (connection) => `Docker ${await new DockerEngine(await addressOf(undefined, connection)).version()}`,
  kubernetes: async (connection) => {
    const cluster = await clusterOf(connection);
    return `Kubernetes ${await new PodApi(cluster, cluster.namespace).version()}`;
  },
};

/** Types of connections that can be tried out: what `testConnection` knows. */
export const TESTED_TYPES: readonly string[] = /* @__PURE__ */ testedTypes();

function testedTypes(): readonly string[] {
  return [...Object.keys(CHECKS), ...Object.keys(DIALLED)];
}

/**
 * Uses a connection as a task would, without doing anything: logs in, asks for a version, lists buckets.
 * @returns what was found, for a person
 * @throws what went wrong; the caller hides the password should a server repeat it
 */
export async function testConnection(connection: Connection, signal: AbortSignal): Promise<string> {
  const type = connection.connType.toLowerCase();
  const check = CHECKS[type];
  if (check !== undefined) return `Connection successfully tested: ${await check(connection, signal)}`;
  const port = connection.port ?? DIALLED[type];
  if (port === undefined) throw new Error(`Connections of type "${connection.connType}" cannot be tested from the api; run a task that uses it. Known types: ${TESTED_TYPES.join(', ')}`);
  await dial(connection.host ?? 'localhost', port, signal);
  return `Somebody listens on ${connection.host ?? 'localhost'}:${port}; login and rights were not tried`;
}

async function sql(connection: Connection, signal: AbortSignal): Promise<string> {
  await using database = await openSqlConnection(connection, signal, 5);
  const { rows } = await database.query('select version() as version');
  return String(rows[0]?.['version']);
}

async function http(connection: Connection): Promise<string> {
  // What a server sends on to is not what the caller named.
  const response = await fetch(absoluteUrl('/', connection), { method: 'HEAD', headers: { ...headersOf(connection), ...authorizationOf(connection) }, redirect: 'manual', signal: AbortSignal.timeout(5_000) });
  if (response.status === 401 || response.status === 403) throw new Error(`${response.status} ${response.statusText}`);
  return `${response.status} ${response.statusText}`;
}

function buckets(platform: Platform): Check {
  return async (connection, signal) => {
    const storage = await platform.open(connection, signal);
    try {
      const names = await storage.buckets();
      return `${names.length} buckets`;
    } finally {
      storage.close();
    }
  };
}

function dial(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

const quiet = (): void => undefined;
const QUIET = { debug: quiet, info: quiet, warn: quiet, error: quiet };
