import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@millrace/test-services';
import amqp from 'amqplib';
import { eventually } from '../harness/eventually.js';

const run = promisify(execFile);

/** A RabbitMQ node of the test's own, that may be stopped and killed without anybody else noticing. */
export class OwnRabbitMq {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Needs Debian's rabbitmq-server (or one on the PATH). @throws with that sentence when there is none */
  static async start(options: { readonly prometheusPort?: number } = {}): Promise<OwnRabbitMq> {
    if (find('rabbitmq-server') === null) throw new Error('rabbitmq-server is not installed: the faults of the broker need a node of their own (apt-get install rabbitmq-server)');
    const [amqpPort, distPort] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), 'millrace-rabbitmq-'));
    for (const each of ['db', 'log']) mkdirSync(join(folder, each));
    writeFileSync(join(folder, 'rabbitmq.conf'), `loopback_users = none\n${options.prometheusPort === undefined ? '' : `prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = ${options.prometheusPort}\n`}`);
    writeFileSync(join(folder, 'enabled_plugins'), options.prometheusPort === undefined ? '[].\n' : '[rabbitmq_prometheus].\n');
    await giveToRabbitMq(folder);
    const node = new OwnRabbitMq(`amqp://guest:guest@127.0.0.1:${amqpPort}`, folder, {
      PATH: `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`, HOME: process.env['HOME'] ?? folder, LANG: 'C.UTF-8',
      RABBITMQ_NODENAME: `millrace${amqpPort}@localhost`, RABBITMQ_NODE_PORT: String(amqpPort), RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1', RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'db'), RABBITMQ_LOG_BASE: join(folder, 'log'), RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'), RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}', ERL_EPMD_ADDRESS: '127.0.0.1',
    });
    await node.up();
    return node;
  }

  /** Starts the node on the data it had. Resolves when it takes connections. */
  async up(): Promise<void> {
    const server = spawn('rabbitmq-server', [], { env: this.env, cwd: this.folder, detached: true, stdio: 'ignore' });
    server.unref();
    await eventually(`RabbitMQ to answer at ${this.url}`, async () => {
      const connection = await amqp.connect(this.url, { timeout: 1_000 });
      connection.on('error', () => undefined);
      await connection.close();
      return true;
    }, 60_000);
  }

  private get pid(): number {
    return Number(readFileSync(join(this.folder, 'pid'), 'utf8'));
  }

  /** The node answers nobody; its connections stay open. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** kill -9 of the node, as a power cut; what was confirmed is on its disk. */
  async kill(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGKILL');
    await eventually('the node to be gone', () => !existsSync(`/proc/${pid}/exe`));
  }

  /** An orderly stop. */
  async down(): Promise<void> {
    await run('rabbitmqctl', ['stop', join(this.folder, 'pid')], { env: this.env });
  }

  async remove(): Promise<void> {
    await this.down().catch(() => this.kill()).catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function find(command: string): string | null {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, command)).find((file) => existsSync(file)) ?? null;
}

/** As root Debian's script runs the node as user rabbitmq, whose files these must be then. */
async function giveToRabbitMq(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'rabbitmq'])).stdout)));
  for (const each of ['', 'db', 'log', 'rabbitmq.conf', 'enabled_plugins']) chownSync(join(folder, each), uid ?? 0, gid ?? 0);
}
