// Every service the tests need, by the first way that works: found running, Docker, installed programs.
// MILLRACE_TEST_SERVICES=found|docker|installed allows one way only.
import * as docker from './docker.mjs';
import { findPostgres, findRabbit, findRedis } from './found.mjs';
import * as installed from './installed.mjs';

const WAYS = ['found', 'docker', 'installed'];
const SERVICES = [
  { name: 'PostgreSQL', variable: 'MILLRACE_TEST_DATABASE_URL', find: findPostgres, start: 'startPostgres' },
  { name: 'RabbitMQ', variable: 'MILLRACE_TEST_AMQP_URL', find: findRabbit, start: 'startRabbit' },
  { name: 'Redis', variable: 'MILLRACE_TEST_REDIS_URL', find: findRedis, start: 'startRedis' },
];

/** Environment for the tests. `cleanups` grows by what must be undone, to be run last first. Throws one message that says all that is missing. */
export async function obtainServices(env, cleanups) {
  const wanted = env.MILLRACE_TEST_SERVICES;
  if (wanted && !WAYS.includes(wanted)) throw new Error(`MILLRACE_TEST_SERVICES may be ${WAYS.join(', ')}, not "${wanted}"`);
  const allowed = wanted ? [wanted] : WAYS;
  const withDocker = allowed.includes('docker') && docker.dockerAnswers();
  const obtained = {};
  const problems = [];
  for (const service of SERVICES) {
    const tried = [];
    const ways = {
      found: () => service.find(env),
      docker: () => (withDocker ? docker[service.start](cleanups) : Promise.reject(new Error('no Docker engine answers'))),
      installed: () => installed[service.start](cleanups),
    };
    for (const way of allowed) {
      // An address given by hand is meant: anything else would test something else.
      if (way !== 'found' && env[service.variable]) break;
      const began = Date.now();
      try {
        obtained[service.name] = await ways[way]();
        console.log(`test: ${service.name} ${way === 'found' ? 'found at' : `started (${way}) at`} ${new URL(obtained[service.name].url).host}, ${((Date.now() - began) / 1000).toFixed(1)} s`);
        break;
      } catch (error) {
        tried.push(`  ${way}: ${error.message || error.code || error.errors?.[0]?.message}`);
      }
    }
    if (obtained[service.name] === undefined) problems.push(`${service.name} is not available:\n${tried.join('\n')}`);
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const rabbit = obtained.RabbitMQ;
  return {
    MILLRACE_TEST_DATABASE_URL: obtained.PostgreSQL.url,
    MILLRACE_TEST_REDIS_URL: obtained.Redis.url,
    MILLRACE_TEST_AMQP_URL: rabbit.url,
    MILLRACE_TEST_RABBITMQCTL: rabbit.rabbitmqctl,
    MILLRACE_TEST_AMQP_MANAGEMENT_URL: rabbit.management,
  };
}
