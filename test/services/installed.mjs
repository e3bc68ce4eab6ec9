// Own instances of installed programs: own data in a temporary folder, own ports, loopback only, nobody else's server touched.
// What is not installed is installed from Debian's packages when that is possible.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAmqp, checkBrokerAdministration, checkPostgres, checkRedis } from './connecting.mjs';
import { freePort, programPath, run, untilAnswers } from './commands.mjs';

const PACKAGES = { PostgreSQL: 'postgresql', RabbitMQ: 'rabbitmq-server', Redis: 'redis-server' };
const START_TIMEOUT_MS = 60_000;
/** RabbitMQ takes 6 s on a quiet machine. */
const RABBIT_START_TIMEOUT_MS = 180_000;
const isRoot = process.getuid?.() === 0;
let packageListsRead = false;

const PROGRAMS = {
  PostgreSQL: () => postgresFolder(),
  RabbitMQ: () => rabbitFolder(),
  Redis: () => programPath('redis-server'),
};

function postgresFolder() {
  const versions = '/usr/lib/postgresql';
  const newest = existsSync(versions) ? readdirSync(versions).filter((version) => existsSync(join(versions, version, 'bin', 'initdb'))).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (newest !== undefined) return join(versions, newest, 'bin');
  const initdb = programPath('initdb');
  return initdb === null ? null : join(initdb, '..');
}

/** The scripts themselves: Debian's wrapper in the path goes through `su`, whose child does not get our signals. */
function rabbitFolder() {
  const debian = '/usr/lib/rabbitmq/bin';
  if (existsSync(join(debian, 'rabbitmq-server'))) return debian;
  const server = programPath('rabbitmq-server');
  return server === null ? null : join(server, '..');
}

/** The program or folder of programs of a service; installs it if need be. Throws with what to do when it cannot. */
async function programOf(service) {
  const found = PROGRAMS[service]();
  if (found !== null) return found;
  const advice = `install it (Debian: apt-get install -y ${PACKAGES[service]}), start Docker, or name a running one in the environment (docs/contributing/testing.md)`;
  if (programPath('apt-get') === null) throw new Error(`${service} is not installed and there is no apt-get here: ${advice}`);
  if (!isRoot) throw new Error(`${service} is not installed and only root may install it: ${advice}`);
  console.log(`test: installing ${PACKAGES[service]} from Debian's packages`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  if (!packageListsRead) {
    packageListsRead = true;
    await run('apt-get', ['update', '-qq'], { quiet: true, timeoutMs: 180_000, env });
  }
  const installed = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', PACKAGES[service]], { quiet: true, timeoutMs: 600_000, env });
  const program = PROGRAMS[service]();
  if (program === null) throw new Error(`${service} could not be installed (${installed.output.trim().split('\n').slice(-2).join(' ')}): ${advice}`);
  return program;
}

/** A folder a service's user may enter. */
function dataFolder(name, cleanups) {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${name}-`));
  chmodSync(folder, 0o755);
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

/** As root, servers run as their own users. They end with this process, even when it is killed. */
function asUser(user, command) {
  const setpriv = programPath('setpriv');
  if (setpriv === null) return command;
  return [setpriv, ...(isRoot && user !== null ? ['--reuid', user, '--regid', user, '--init-groups'] : []), '--pdeathsig', 'TERM', '--', ...command];
}

async function mustSucceed(what, [command, ...args], options = {}) {
  const { code, output } = await run(command, args, { quiet: true, timeoutMs: 120_000, ...options });
  if (code !== 0) throw new Error(`${what} failed (${code}): ${output.trim().split('\n').slice(-3).join(' ')}`);
}

/** Starts a server in the foreground, in a group of its own, with its output in a file. */
function startServer(command, folder, cleanups, options = {}) {
  const log = join(folder, 'output');
  const fd = openSync(log, 'a');
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', fd, fd], detached: true, cwd: folder, ...options });
  const server = { ended: false, log };
  child.once('error', () => (server.ended = true));
  const ended = new Promise((resolve) => child.once('close', resolve)).then(() => (server.ended = true));
  // Before the folder goes: cleanups run last first.
  cleanups.push(async () => {
    for (const [signal, waitMs] of [['SIGTERM', options.stopMs ?? 15_000], ['SIGKILL', 5000]]) {
      if (child.pid === undefined || server.ended) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        return;
      }
      await Promise.race([ended, sleep(waitMs, undefined, { ref: false })]);
    }
  });
  return server;
}

async function untilUp(what, server, check, timeoutMs) {
  try {
    await untilAnswers(what, () => (server.ended ? Promise.resolve() : check()), timeoutMs);
    if (server.ended) throw new Error(`${what} ended at once`);
  } catch (error) {
    throw new Error(`${error.message}; it wrote: ${readFileSync(server.log, 'utf8').trim().split('\n').slice(-5).join(' | ')}`, { cause: error });
  }
}

export async function startPostgres(cleanups) {
  const bin = await programOf('PostgreSQL');
  const folder = dataFolder('postgres', cleanups);
  const data = join(folder, 'data');
  mkdirSync(data);
  if (isRoot) await mustSucceed('chown', ['chown', '-R', 'postgres', folder]);
  await mustSucceed('initdb', asUser('postgres', [join(bin, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']), { cwd: folder });
  const port = await freePort();
  // fsync off: the data are thrown away, and nothing here survives a power cut that should.
  const flags = ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'max_connections=400', '-c', `unix_socket_directories=${folder}`];
  const server = startServer(asUser('postgres', [join(bin, 'postgres'), '-D', data, '-p', String(port), ...flags]), folder, cleanups);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await untilUp('PostgreSQL', server, () => checkPostgres(url), START_TIMEOUT_MS);
  return { url };
}

export async function startRedis(cleanups) {
  const program = await programOf('Redis');
  const folder = dataFolder('redis', cleanups);
  const port = await freePort();
  const server = startServer(asUser(null, [program, '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']), folder, cleanups);
  const url = `redis://127.0.0.1:${port}`;
  await untilUp('Redis', server, () => checkRedis(url), START_TIMEOUT_MS);
  return { url };
}

export async function startRabbit(cleanups) {
  const bin = await programOf('RabbitMQ');
  const folder = dataFolder('rabbitmq', cleanups);
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const node = `millrace${port}@localhost`;
  writeFileSync(join(folder, 'rabbitmq.conf'), 'loopback_users = none\nlisteners.tcp.default = 127.0.0.1:' + port + '\n');
  writeFileSync(join(folder, 'enabled_plugins'), '[].');
  if (isRoot) await mustSucceed('chown', ['chown', '-R', 'rabbitmq', folder]);
  const own = {
    RABBITMQ_NODENAME: node, RABBITMQ_NODE_PORT: String(port), RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1', RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'db'), RABBITMQ_LOG_BASE: join(folder, 'log'), RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'), RABBITMQ_PID_FILE: join(folder, 'pid'), RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // Where the cookie is made; rabbitmqctl must find the same.
    HOME: folder,
    // An epmd of its own: the machine's may belong to another broker, and one started here would stay.
    ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: String(epmdPort),
  };
  // epmd outlives the broker as a daemon; `-kill` ends it and no other, by its port.
  cleanups.push(async () => void (await run('epmd', ['-port', String(epmdPort), '-kill'], { quiet: true, timeoutMs: 10_000 })));
  const server = startServer(asUser('rabbitmq', [join(bin, 'rabbitmq-server')]), folder, cleanups, { env: { ...process.env, ...own }, stopMs: 30_000 });
  // The cookie may be read by its owner only.
  const ctlUser = isRoot ? ['setpriv', '--reuid', 'rabbitmq', '--regid', 'rabbitmq', '--init-groups', '--'] : [];
  const rabbit = {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    rabbitmqctl: [...ctlUser, 'env', `HOME=${folder}`, 'ERL_EPMD_ADDRESS=127.0.0.1', `ERL_EPMD_PORT=${epmdPort}`, join(bin, 'rabbitmqctl'), '-n', node].join(' '),
    management: 'http://guest:guest@127.0.0.1:1',
  };
  await untilUp('RabbitMQ', server, () => checkAmqp(rabbit.url), RABBIT_START_TIMEOUT_MS);
  await checkBrokerAdministration(rabbit);
  return rabbit;
}
