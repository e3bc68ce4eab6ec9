import { loadConfiguration } from '@millrace/configuration';
import { migrate } from '@millrace/persistence';
import { testDatabase } from '@millrace/test-services';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { checkDatabase } from './database-checks.js';
import { checkNode } from './machine-checks.js';
import { checkBroker, checkRedis } from './network-checks.js';

const config = (overrides: object) => loadConfiguration({ env: {}, overrides });
const verdicts = async (url: string) => Object.fromEntries((await checkDatabase(config({ 'database.url': url }))).map(({ check, verdict, found }) => [check, `${verdict} ${found}`]));

describe('the doctor', () => {
  it.each([['18.20.0', 'fail'], ['20.18.1', 'fail'], ['20.19.0', 'warn'], ['22.13.0', 'ok'], ['24.10.0', 'fail'], ['24.11.0', 'ok'], ['26.0.0', 'ok']])('judges Node.js %s: %s', (version, verdict) => {
    expect(checkNode(version).verdict).toBe(verdict);
  });

  it('tells a database that is away, one without schema, one without services, and what waits for nobody', async () => {
    expect(await verdicts('postgres://u:canary@127.0.0.1:1/x')).toEqual({ database: expect.stringMatching(/^fail x at 127\.0\.0\.1:1, user u: .*ECONNREFUSED/) });
    await using database = await testDatabase();
    expect(await verdicts(database.url)).toMatchObject({ database: expect.stringMatching(/^ok .* PostgreSQL 1\d/), schema: expect.stringMatching(/^fail lacks Initial/) });
    await migrate(database.url);
    expect(await verdicts(database.url)).toMatchObject({ schema: 'ok up to date', schedulers: 'fail none is alive', workers: 'warn none is connected', clock: expect.stringMatching(/^ok/), runs: expect.stringMatching(/^ok/) });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`
      insert into service_instance (id, kind, hostname) values ('s1', 'scheduler', 'h'), ('s2', 'scheduler', 'h'), ('a', 'api', 'h');
      insert into worker_session (id, worker_name, log_host, log_port, queues, slots, lease_expires_at) values (gen_random_uuid(), 'w', 'h', 1, '{default}', 4, now() + interval '1 minute');
      insert into dag_bundle (name) values ('b'); insert into dag (dag_id, bundle_name, relative_fileloc, fileloc) values ('d', 'b', 'd.ts', 'd.ts');
      insert into dag_version (id, dag_id, version_number, content_hash, bundle_name, document) values ('00000000-0000-7000-8000-000000000001', 'd', 1, 'h', 'b', '{}');
      insert into dag_run (id, dag_id, run_id, dag_version_id, state, run_type, triggered_by, run_after, quarantined_at) values ('00000000-0000-7000-8000-000000000002', 'd', 'r', '00000000-0000-7000-8000-000000000001', 'running', 'manual', 'test', now(), now());
      insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, operator, state, queue, queued_at) values (gen_random_uuid(), '00000000-0000-7000-8000-000000000002', 'd', 'r', 't', 'o', 'queued', 'hevy', now());`);
    await client.end();
    expect(await verdicts(database.url)).toMatchObject({ schedulers: 'ok 2 alive', apis: 'ok 1 alive', workers: 'ok 1, for queues default', queues: 'fail tasks wait in queues nobody serves: hevy', runs: 'fail 1 quarantined' });
  });

  it('tells a broker and a Redis that cannot be reached, without their passwords', async () => {
    const findings = [await checkBroker(config({ 'broker.url': 'amqp://u:canary@127.0.0.1:1/v' })), await checkRedis(config({ 'redis.url': 'redis://:canary@127.0.0.1:1' })), await checkRedis(config({ 'redis.enabled': false }))];
    expect(findings.map(({ verdict }) => verdict)).toEqual(['fail', 'warn', 'skip']);
    expect(findings[0]!.found).toMatch(/virtual host v, user u: .*ECONNREFUSED/);
    expect(JSON.stringify(findings)).not.toContain('canary');
  });
});
