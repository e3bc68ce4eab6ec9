// Services that run already: named by the environment, or on their usual ports.
import { checkAmqp, checkBrokerAdministration, checkPostgres, checkRedis } from './connecting.mjs';

export async function findPostgres(env) {
  const url = env.MILLRACE_TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/postgres';
  await checkPostgres(url);
  return { url };
}

export async function findRedis(env) {
  const url = env.MILLRACE_TEST_REDIS_URL || 'redis://127.0.0.1:6379';
  await checkRedis(url);
  return { url };
}

export async function findRabbit(env) {
  const url = env.MILLRACE_TEST_AMQP_URL || 'amqp://guest:guest@127.0.0.1:5672';
  await checkAmqp(url);
  const { hostname, username, password } = new URL(url);
  const rabbitmqctl = env.MILLRACE_TEST_RABBITMQCTL || 'rabbitmqctl';
  const management = env.MILLRACE_TEST_AMQP_MANAGEMENT_URL || `http://${username || 'guest'}:${password || 'guest'}@${hostname}:15672`;
  await checkBrokerAdministration({ rabbitmqctl, management });
  return { url, rabbitmqctl, management };
}
