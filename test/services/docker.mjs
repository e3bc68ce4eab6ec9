// Services as containers, on ports Docker chooses, loopback only.
import { randomBytes } from 'node:crypto';
import { checkAmqp, checkBrokerAdministration, checkPostgres, checkRedis } from './connecting.mjs';
import { programPath, run, succeeds, untilAnswers } from './commands.mjs';

const IMAGES = { postgres: 'postgres:17', redis: 'redis:7', rabbitmq: 'rabbitmq:4-management' };
const PULL_TIMEOUT_MS = 300_000;
const START_TIMEOUT_MS = 120_000;

export function dockerAnswers() {
  const docker = programPath('docker');
  return docker !== null && succeeds(docker, ['info'], 10_000);
}

async function container(image, port, cleanups, env = []) {
  const name = `millrace-test-${randomBytes(6).toString('hex')}`;
  cleanups.push(async () => void (await run('docker', ['rm', '-f', '-v', name], { quiet: true, timeoutMs: 60_000 })));
  const ports = [port].flat();
  const started = await run('docker', ['run', '-d', '--rm', '--name', name, ...ports.flatMap((one) => ['-p', `127.0.0.1:0:${one}`]), ...env.flatMap((one) => ['-e', one]), image], { quiet: true, timeoutMs: PULL_TIMEOUT_MS });
  if (started.code !== 0) throw new Error(`docker run ${image}: ${started.output.trim().split('\n').at(-1)}`);
  const published = [];
  for (const one of ports) {
    const answer = await run('docker', ['port', name, `${one}/tcp`], { quiet: true, timeoutMs: 20_000 });
    published.push(Number(answer.output.trim().split('\n')[0]?.split(':').at(-1)));
  }
  return { name, published };
}

export async function startPostgres(cleanups) {
  const { published: [port] } = await container(IMAGES.postgres, 5432, cleanups, ['POSTGRES_HOST_AUTH_METHOD=trust']);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  // The image starts the server once for its own set-up; only the second start listens on TCP, so an answer here is the real one.
  await untilAnswers('PostgreSQL in Docker', () => checkPostgres(url), START_TIMEOUT_MS);
  return { url };
}

export async function startRedis(cleanups) {
  const { published: [port] } = await container(IMAGES.redis, 6379, cleanups);
  const url = `redis://127.0.0.1:${port}`;
  await untilAnswers('Redis in Docker', () => checkRedis(url), START_TIMEOUT_MS);
  return { url };
}

export async function startRabbit(cleanups) {
  const { name, published: [port, managementPort] } = await container(IMAGES.rabbitmq, [5672, 15672], cleanups);
  const rabbit = { url: `amqp://guest:guest@127.0.0.1:${port}`, rabbitmqctl: `docker exec ${name} rabbitmqctl`, management: `http://guest:guest@127.0.0.1:${managementPort}` };
  await untilAnswers('RabbitMQ in Docker', () => checkAmqp(rabbit.url), START_TIMEOUT_MS);
  await checkBrokerAdministration(rabbit);
  return rabbit;
}
