import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import { BEAT_EVERY_MS, LEASE_TTL_MS, MillraceError, SWEEP_EVERY_MS, WORKER_SELF_FENCE_MS, XCOM_MAX_BYTES } from '@millrace/vocabulary';
import { loadConfiguration } from './load-configuration.js';
import type { LoadOptions } from './load-configuration.js';
import { OPTIONS } from './options.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-configuration-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(content: string): string {
  const path = join(folder, `file-${++files}`);
  writeFileSync(path, content);
  return path;
}

function load(options: LoadOptions): ReturnType<typeof loadConfiguration> {
  return loadConfiguration({ env: {}, onWarning: (sentence) => expect.unreachable(sentence), ...options });
}

function problemsOf(options: LoadOptions): string[] {
  try {
    load(options);
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect((error as MillraceError).code).toBe('invalid');
    return (error as MillraceError).details['problems'] as string[];
  }
  return expect.unreachable('it was accepted');
}

function warningsOf(options: LoadOptions): string[] {
  const warnings: string[] = [];
  load({ ...options, onWarning: (sentence) => void warnings.push(sentence) });
  return warnings;
}

describe('loadConfiguration', () => {
  it('is typed by key', () => {
    const config = load({});
    expectTypeOf(config['scheduler.grpc_port']).toEqualTypeOf<number>();
    expectTypeOf(config['redis.enabled']).toEqualTypeOf<boolean>();
    expectTypeOf(config['database.url']).toEqualTypeOf<string>();
    expectTypeOf(config['worker.queues']).toEqualTypeOf<readonly string[]>();
    expectTypeOf(config['broker.queue_type']).toEqualTypeOf<'quorum' | 'classic'>();
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.keys(config)).toEqual(Object.keys(OPTIONS));
  });

  it('has the defaults the services agree on', () => {
    const config = load({});
    expect(config['scheduler.lease_ttl_ms']).toBe(LEASE_TTL_MS);
    expect(config['scheduler.beat_every_ms']).toBe(BEAT_EVERY_MS);
    expect(config['scheduler.sweep_every_ms']).toBe(SWEEP_EVERY_MS);
    expect(config['worker.self_fence_ms']).toBe(WORKER_SELF_FENCE_MS);
    expect(config['core.xcom_max_bytes']).toBe(XCOM_MAX_BYTES);
  });

  it('accepts every default it has', () => {
    for (const [key, option] of Object.entries(OPTIONS)) expect(option.parse.parse(option.default), key).toEqual(option.default);
  });

  it.each([
    ['the file', {}, 4, ['from-file']],
    ['the environment over the file', { env: { MILLRACE__WORKER__CONCURRENCY: '5', MILLRACE__WORKER__QUEUES: 'a, b,,' } }, 5, ['a', 'b']],
    ['overrides over all', { env: { MILLRACE__WORKER__CONCURRENCY: '5' }, overrides: { 'worker.concurrency': 6, 'worker.queues': ['c'] } }, 6, ['c']],
    ['nothing from empty variables', { env: { MILLRACE__WORKER__CONCURRENCY: '' } }, 4, ['from-file']],
  ] as const)('takes %s', (_name, options, concurrency, queues) => {
    const config = load({ file: file('worker:\n  concurrency: 4\n  queues: [from-file]\n'), ...options });
    expect(config['worker.concurrency']).toBe(concurrency);
    expect(config['worker.queues']).toEqual(queues);
  });

  it('finds the file by MILLRACE_CONFIG', () => {
    expect(load({ env: { MILLRACE_CONFIG: file('api: { port: 1234 }') } })['api.port']).toBe(1_234);
  });

  it('reads a value from the file a variable names, without its last line end', () => {
    expect(load({ env: { MILLRACE__SECURITY__ADMIN_PASSWORD_FILE: file('pass word\n') } })['security.admin_password']).toBe('pass word');
  });

  it.each([
    ['true', true], ['False', false], ['1', true], ['off', false],
  ])('reads the boolean %s', (text, value) => expect(load({ env: { MILLRACE__REDIS__ENABLED: text } })['redis.enabled']).toBe(value));

  it('knows the short names, and that the long ones are stronger', () => {
    const env = { MILLRACE_HOME: '/a', MILLRACE_ADMIN_PASSWORD: 'from-short-name' };
    expect(load({ env })).toMatchObject({ 'core.home': '/a', 'security.admin_password': 'from-short-name' });
    expect(load({ env: { ...env, MILLRACE__CORE__HOME: '/b' } })['core.home']).toBe('/b');
  });

  it('asks log-servers over TLS when services have certificates, and says so of addresses that are not', () => {
    const tls = { MILLRACE__SECURITY__TLS_CERT_FILE: '/tls/cert.pem' };
    expect(loadConfiguration({ env: {} })['log_server.urls']).toEqual(['http://127.0.0.1:8795']);
    expect(loadConfiguration({ env: tls })['log_server.urls']).toEqual(['https://127.0.0.1:8795']);
    expect(() => loadConfiguration({ env: { ...tls, MILLRACE__LOG_SERVER__URLS: 'https://a:1,http://b:2' } })).toThrow('log_server.urls (MILLRACE__LOG_SERVER__URLS): http://b:2 must begin with https://');
  });

  it('derives folders and names from others', () => {
    const config = load({ env: { MILLRACE_HOME: '/h', MILLRACE__WORKER__NAME: 'w 1/x', MILLRACE__SCHEDULER__GRPC_HOST: '10.0.0.1' } });
    expect(config).toMatchObject({
      'logs.folder': '/h/logs', 'worker.spool_dir': '/h/spool/w_1_x', 'dag_processor.folders': ['dags=/h/dags'], 'scheduler.advertise_host': '10.0.0.1',
    });
    expect(load({ env: { MILLRACE_HOME: '/h', MILLRACE__LOGS__FOLDER: '/l' } })['logs.folder']).toBe('/l');
    expect(load({})['core.home']).toMatch(/\.millrace$|^\/var\/lib\/millrace$/);
  });

  it('tells all problems at once, each with key, variable, value and what is accepted', () => {
    expect(
      problemsOf({ env: { MILLRACE__WORKER__CONCURRENCY: 'many', MILLRACE__BROKER__QUEUE_TYPE: 'mirrored', MILLRACE__REDIS__ENABLED: 'maybe' }, file: file('api:\n  port: 70000\n') }),
    ).toEqual([
      'broker.queue_type (MILLRACE__BROKER__QUEUE_TYPE): "mirrored" in MILLRACE__BROKER__QUEUE_TYPE is not one of quorum, classic',
      'redis.enabled (MILLRACE__REDIS__ENABLED): "maybe" in MILLRACE__REDIS__ENABLED is not true or false (also yes/no, on/off, 1/0)',
      'worker.concurrency (MILLRACE__WORKER__CONCURRENCY): "many" in MILLRACE__WORKER__CONCURRENCY is not a whole number from 1 to 1000',
      expect.stringMatching(/^api\.port \(MILLRACE__API__PORT\): 70000 in .*file-\d+ is not a whole number from 0 to 65535$/),
    ]);
  });

  it('never shows the value of a secret', () => {
    const problems = problemsOf({ env: { MILLRACE__DATABASE__URL: 'mysql://me:canary-1@host/db', MILLRACE__SECURITY__INTERNAL_TOKEN: 'canary-2' }, file: file('broker:\n  url: [canary-3]\n') });
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).not.toContain('canary');
  });

  it('refuses numbers where text is meant, because YAML has changed them already', () => {
    expect(problemsOf({ file: file('security:\n  admin_password: 0123456\n') })).toEqual([expect.stringContaining('quote what looks like a number')]);
  });

  it.each([
    ['broken YAML', 'worker: [unclosed', /not YAML/],
    ['a list', '- a\n', /expected sections/],
    ['a section without keys', 'worker: 3\n', /section worker must hold keys/],
  ])('refuses a file that is %s', (_name, content, sentence) => expect(problemsOf({ file: file(content) }).join()).toMatch(sentence));

  it('refuses files that are not there', () => {
    expect(problemsOf({ env: { MILLRACE_CONFIG: join(folder, 'absent'), MILLRACE__DATABASE__URL_FILE: join(folder, 'gone') } })).toEqual([
      expect.stringMatching(/MILLRACE_CONFIG: can't read the file .*absent/),
      expect.stringMatching(/database\.url: can't read the file MILLRACE__DATABASE__URL_FILE names/),
    ]);
  });

  it('refuses a value and a file for it', () => {
    expect(problemsOf({ env: { MILLRACE__API__PORT: '1', MILLRACE__API__PORT_FILE: file('2') } })).toEqual(['api.port: both MILLRACE__API__PORT and MILLRACE__API__PORT_FILE are set; keep one']);
  });

  it('takes an empty file', () => expect(load({ file: file('') })['api.port']).toBe(8_080));

  it('warns of unknown names, with the nearest one', () => {
    expect(warningsOf({ env: { MILLRACE__SHEDULER__GRPC_PORT: '1', MILLRACE_OTHER: 'x' }, file: file('worker:\n  concurency: 3\nwokrer:\n  x: 1\nbogus: 1\n') })).toEqual([
      expect.stringContaining('ignored worker.concurency: there is no such key; did you mean worker.concurrency?'),
      expect.stringMatching(/ignored wokrer\.x/),
      expect.stringMatching(/ignored bogus: there is no such section$/),
      'ignored MILLRACE__SHEDULER__GRPC_PORT: there is no such variable; did you mean MILLRACE__SCHEDULER__GRPC_PORT?',
    ]);
  });

  it('refuses an unknown override: that is a bug of the caller', () => {
    expect(problemsOf({ overrides: { 'worker.concurency': 3 } as never })).toEqual(['worker.concurency: there is no such key; did you mean worker.concurrency?']);
  });

  it('checks that a worker fences itself before its lease ends', () => {
    expect(problemsOf({ overrides: { 'worker.self_fence_ms': 12_000 } })).toEqual([expect.stringMatching(/^worker\.self_fence_ms \(12000\) \+ scheduler\.beat_every_ms \(3000\) must be less than scheduler\.lease_ttl_ms \(15000\)/)]);
  });

  it('checks the internal token: long enough, and there when it is needed', () => {
    expect(problemsOf({ overrides: { 'security.internal_token': 'short' } })).toEqual([expect.stringContaining('has 5 characters, at least 32 are needed')]);
    expect(problemsOf({ needs: ['security.internal_token'] })).toEqual([expect.stringMatching(/^security\.internal_token \(MILLRACE__SECURITY__INTERNAL_TOKEN\): not set, and this service can't start without it/)]);
    expect(load({ needs: ['security.internal_token'], overrides: { 'security.internal_token': 'x'.repeat(32) } })['security.internal_token']).toHaveLength(32);
  });
});
