import { createConnection, isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Configuration } from '@millrace/configuration';
import { clientTlsOf } from '@millrace/lifecycle';
import type { ClientTlsFiles } from '@millrace/lifecycle';
import { AmqpBroker } from '@millrace/messaging';
import type { Logger } from '@millrace/telemetry';
import { fail, ok, reasonOf, skip, warn, within } from './check.js';
import type { Finding } from './check.js';

const ANSWER_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Connects, logs in and looks whether the broker takes messages. */
export async function checkBroker(config: Configuration): Promise<Finding> {
  const { host, pathname, username } = new URL(config['broker.url']);
  const where = `${host}, virtual host ${decodeURIComponent(pathname.slice(1)) || '/'}, user ${username || (config['broker.tls_cert_file'] === '' ? 'guest' : 'of the certificate')}`;
  const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
  const broker = new AmqpBroker({ url: config['broker.url'], tls: clientTlsOf(config, 'broker'), queueType: config['broker.queue_type'], confirmTimeoutMs: config['broker.confirm_timeout_ms'], service: 'doctor', logger: silent });
  try {
    await broker.start();
    const until = performance.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const health = broker.health();
      if (health.ok) return ok('broker', where);
      const detail = Object.values(health.checks).map((check) => check.detail).filter((text) => text !== undefined).join('; ');
      if (performance.now() > until) return fail('broker', `${where}: ${detail}`, 'is RabbitMQ running, are user, password and virtual host right? MILLRACE__BROKER__URL. Runs are decided without it; nothing new reaches workers');
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    await broker.stop();
  }
}

export async function checkRedis(config: Configuration): Promise<Finding> {
  if (!config['redis.enabled']) return skip('redis', 'switched off (redis.enabled)');
  const url = new URL(config['redis.url']);
  try {
    const answer = await within(ANSWER_WITHIN_MS, ping(url, clientTlsOf(config, 'redis')));
    return /^\+PONG|^-NOAUTH|^-DENIED/.test(answer) ? ok('redis', url.host) : warn('redis', `${url.host} answers ${answer.slice(0, 60)}`, 'MILLRACE__REDIS__URL');
  } catch (error) {
    return warn('redis', `${url.host}: ${reasonOf(error)}`, 'nothing is lost without it but live updates between processes; or set redis.enabled=false');
  }
}

function ping(url: URL, tls: ClientTlsFiles | undefined): Promise<string> {
  const at = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6_379) };
  return new Promise((resolve, reject) => {
    const socket = url.protocol === 'rediss:' ? connect({ ...at, ...tls, ...(isIP(at.host) === 0 ? { servername: at.host } : {}) }) : createConnection(at);
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString().trim());
      socket.destroy();
    });
    socket.write(`PING\r\n`);
  });
}

/** Health of the services this command is told of by the configuration. */
export async function checkServices(config: Configuration): Promise<Finding[]> {
  const here = (host: string): string => (host === '0.0.0.0' || host === '' ? '127.0.0.1' : host);
  const api = process.env['MILLRACE_API_URL'] ?? `http://${here(config['api.host'])}:${config['api.port']}`;
  const places: readonly (readonly [string, string, boolean])[] = [
    ['api', `${api.replace(/\/$/, '')}/health`, true],
    ...config['log_server.urls'].map((url): [string, string, boolean] => ['log-server', `${url.replace(/\/$/, '')}/health`, false]),
  ];
  return Promise.all(places.map(async ([check, url, matters]) => {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      const report = (await answer.json()) as { readonly checks?: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>> };
      const bad = Object.entries(report.checks ?? {}).filter(([, one]) => !one.ok).map(([name, one]) => `${name}: ${one.detail ?? 'not ok'}`);
      if (answer.ok) return bad.length === 0 ? ok(check, `${url} is healthy`) : warn(check, `${url}: ${bad.join('; ')}`, 'see its log');
      return fail(check, `${url} answers ${answer.status}: ${bad.join('; ')}`, 'see its log');
    } catch (error) {
      const found = `${url}: ${reasonOf((error as { cause?: unknown }).cause ?? error)}`;
      return matters ? warn(check, found, 'is it running, and is this where it is? MILLRACE_API_URL') : skip(check, found);
    }
  }));
}
