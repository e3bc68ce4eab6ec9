import type { Configuration } from '@millrace/configuration';
import { commitDurationMs, databaseFacts, databaseNow, livingServices, migrationState, openDatabase, takeCensus } from '@millrace/persistence';
import type { Database, DatabaseFacts } from '@millrace/persistence';
import { fail, ok, reasonOf, warn, within } from './check.js';
import type { Finding } from './check.js';

const ANSWER_WITHIN_MS = 10_000;
const CLOCK_WARN_MS = 2_000;
const OLD_TRANSACTION_SECONDS = 300;
const SLOW_COMMIT_MS = 20;
const OLDEST_POSTGRESQL = 150_000;

/** The database, and what it tells of the whole installation. */
export async function checkDatabase(config: Configuration): Promise<Finding[]> {
  const url = config['database.url'];
  const { host, pathname, username } = new URL(url);
  const where = `${pathname.slice(1)} at ${host}, user ${username || 'unnamed'}`;
  const database = openDatabase(config, 'millrace-doctor');
  try {
    const facts = await within(ANSWER_WITHIN_MS, databaseFacts(database));
    const findings = [facts.versionNumber < OLDEST_POSTGRESQL ? fail('database', `${where}: PostgreSQL ${facts.version}`, '15 or newer') : ok('database', `${where}: PostgreSQL ${facts.version}`)];
    const state = await migrationState(url);
    if (state.pending.length > 0) return [...findings, fail('schema', `lacks ${state.pending.join(', ')}`, 'millrace db migrate')];
    findings.push(state.unknown.length > 0 ? warn('schema', `migrated by a newer version (${state.unknown.join(', ')})`, 'finish the upgrade: start the new version everywhere') : ok('schema', 'up to date'));
    return [...findings, ...(await within(ANSWER_WITHIN_MS, health(database, facts))), ...(await within(ANSWER_WITHIN_MS, installation(database)))];
  } catch (error) {
    return [fail('database', `${where}: ${reasonOf(error)}`, 'is it running, does this host reach it, are user and password right? MILLRACE__DATABASE__URL. Worker, log-server and dag-processor need no database')];
  } finally {
    await database.stop();
  }
}

async function health(database: Database, facts: DatabaseFacts): Promise<Finding[]> {
  const began = Date.now();
  const now = await databaseNow(database);
  const skew = Math.round(now - (began + Date.now()) / 2);
  const commitMs = await commitDurationMs(database);
  return [
    Math.abs(skew) > CLOCK_WARN_MS ? warn('clock', `this host is ${Math.abs(skew)} ms ${skew > 0 ? 'behind' : 'ahead of'} the database`, 'leases are judged by the database alone; log times will differ: run NTP') : ok('clock', `within ${Math.abs(skew)} ms of the database`),
    facts.connections > facts.maxConnections * 0.8 ? warn('connections', `${facts.connections} of ${facts.maxConnections}`, 'raise max_connections, lower database.pool_size, or put a pooler in between') : ok('connections', `${facts.connections} of ${facts.maxConnections}`),
    facts.synchronousCommit === 'off' ? fail('durability', 'synchronous_commit is off', 'a crash of the database would lose what was promised: switch it on for this database') : ok('durability', `synchronous_commit=${facts.synchronousCommit}`),
    facts.autovacuum !== 'on' ? fail('autovacuum', 'off', 'the hot tables would grow for ever: switch it on') : ok('autovacuum', 'on'),
    commitMs > SLOW_COMMIT_MS ? warn('commit', `a transaction took ${commitMs} ms`, 'every hop between tasks pays one: nearer disk, nearer database') : ok('commit', `a transaction took ${commitMs} ms`),
  ];
}

async function installation(database: Database): Promise<Finding[]> {
  const census = await takeCensus(database);
  const { services, workers } = await livingServices(database);
  const count = (kind: string): number => services.find((row) => row.kind === kind)?.count ?? 0;
  const served = new Set(workers.flatMap((worker) => worker.queues));
  const unserved = [...new Set(census.instances.filter((row) => row.state === 'queued' && !served.has(row.queue)).map((row) => row.queue))];
  const oldest = Math.round(Math.max(0, ...census.instances.map((row) => row.oldestSeconds ?? 0)));
  return [
    census.maintenance ? warn('maintenance', 'is on: nothing new starts', 'millrace maintenance status, millrace maintenance off') : ok('maintenance', 'is off'),
    count('scheduler') === 0 ? fail('schedulers', 'none is alive', 'start one: docs/operators/runbooks/scheduler-down.md') : count('scheduler') === 1 ? warn('schedulers', 'one', 'a second takes over at once when it dies') : ok('schedulers', `${count('scheduler')} alive`),
    count('api') === 0 ? fail('apis', 'none is alive', 'start one') : ok('apis', `${count('api')} alive`),
    workers.length === 0 ? warn('workers', 'none is connected', 'right only where groups scale to zero: docs/operators/runbooks/tasks-stay-queued.md') : ok('workers', `${workers.length}, for queues ${[...served].sort().join(', ')}`),
    unserved.length > 0 ? fail('queues', `tasks wait in queues nobody serves: ${unserved.join(', ')}`, 'start workers with these queues, or mend the name in the dag') : oldest > 300 ? warn('queues', `the oldest queued task has waited ${oldest} s`, 'docs/operators/runbooks/tasks-stay-queued.md') : ok('queues', 'every queue with waiting tasks has a worker'),
    census.runsQuarantined > 0 ? fail('runs', `${census.runsQuarantined} quarantined`, 'docs/operators/runbooks/runs-quarantined.md') : ok('runs', `${census.runsRunning} running, ${census.runsQueued} queued, none quarantined`),
    census.timersOverdue > 0 ? warn('timers', `${census.timersOverdue} overdue`, 'docs/operators/runbooks/scheduling-slow.md') : ok('timers', 'none overdue'),
    census.importErrors > 0 ? warn('dag files', `${census.importErrors} cannot be read`, 'millrace dags list-import-errors') : ok('dag files', 'all can be read'),
    census.oldestTransactionSeconds > OLD_TRANSACTION_SECONDS ? warn('transactions', `one is open for ${Math.round(census.oldestTransactionSeconds)} s`, 'docs/operators/runbooks/database-away.md') : ok('transactions', 'none is old'),
  ];
}
