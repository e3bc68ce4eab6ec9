import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutsideSecrets } from './outside-secrets.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'millrace-outside-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const from = (env: Record<string, string>, files: { connectionsFile?: string; variablesFile?: string } = {}) => new OutsideSecrets({ env, connectionsFile: '', variablesFile: '', ...files });
const NONE = { host: null, port: null, login: null, password: null, schema: null, extra: null };

describe('connections outside the database', () => {
  it.each<[text: string, is: object]>([
    ['postgres://ada:p%40ss%2F1@db.example.org:5433/warehouse?sslmode=require', { connType: 'postgres', login: 'ada', password: 'p@ss/1', host: 'db.example.org', port: 5_433, schema: 'warehouse', extra: '{"sslmode":"require"}' }],
    ['google-cloud-platform://', { connType: 'google_cloud_platform' }],
    ['http://https%3A%2F%2Fapi.example.org', { connType: 'http', host: 'https://api.example.org' }],
    ['ssh://host?__extra__=%7B%22a%22%3A%7B%22b%22%3A1%7D%7D', { connType: 'ssh', host: 'host', extra: '{"a":{"b":1}}' }],
    ['http://:token@[::1]:8080/https', { connType: 'http', password: 'token', host: '::1', port: 8_080, schema: 'https' }],
    ['{"conn_type":"mysql","host":"h","port":"3307","login":"l","password":"p","schema":"s","extra":{"ssl":true}}', { connType: 'mysql', host: 'h', port: 3_307, login: 'l', password: 'p', schema: 's', extra: '{"ssl":true}' }],
    ['{"conn_type":"aws","extra":"{\\"region_name\\":\\"eu-central-1\\"}"}', { connType: 'aws', extra: '{"region_name":"eu-central-1"}' }],
  ])('%s', (text, is) => {
    expect(from({ MILLRACE_CONN_WAREHOUSE_EU: text }).connection('warehouse-eu')).toEqual({ connectionId: 'warehouse-eu', ...NONE, ...is });
  });

  it.each<[text: string, says: RegExp]>([
    ['secret-not-a-uri', /MILLRACE_CONN_A must be a URI .* or a JSON object/],
    ['postgres://u:sec/ret@h', /MILLRACE_CONN_A must be a URI .*in percent/],
    ['postgres://u:100%@h', /a "%" in a URI is written %25/],
    ['{"conn_type":"x","pasword":"secret"}', /there is no field "pasword"/],
    ['{"host":"secret"}', /conn_type is missing/],
    ['{"conn_type":"x","port":"secret"}', /port must be a whole number/],
    ['{"secret', /MILLRACE_CONN_A is not JSON/],
  ])('%s is refused without being repeated', (text, says) => {
    const message = (() => {
      try {
        return String(from({ MILLRACE_CONN_A: text }).connection('a'));
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toMatch(says);
    expect(message).not.toMatch(/secret|sec\/ret|100%@/);
  });

  it('come from a file of their own, from files of names and values, and the environment wins', () => {
    const one = join(folder, 'one');
    writeFileSync(one, 'mysql://u:p@h/db\n');
    const yaml = join(folder, 'connections.yaml');
    writeFileSync(yaml, 'a: http://from-file\nb:\n  conn_type: smtp\n  host: mail\n');
    const secrets = from({ MILLRACE_CONN_C_FILE: one, MILLRACE_CONN_A: 'http://from-env' }, { connectionsFile: yaml });
    expect([secrets.connection('a')?.host, secrets.connection('b')?.host, secrets.connection('c')?.schema, secrets.connection('d')]).toEqual(['from-env', 'mail', 'db', undefined]);
    writeFileSync(yaml, 'b: smtp://another-mail-server\n');
    expect(secrets.connection('b')?.host).toBe('another-mail-server');
    expect(() => from({}, { connectionsFile: join(folder, 'none.yaml') }).connection('a')).toThrow(/none.yaml cannot be read/);
  });
});

describe('what is a team’s outside the database', () => {
  const secrets = from({ MILLRACE_VAR__BLUE___REGION: 'blue’s', MILLRACE_VAR_REGION: 'everybody’s', MILLRACE_VAR__BLUE___FILE: 'secret', 'MILLRACE_VAR__A_____X': 'a_’s' });

  it('is found by that team, before what is everybody’s', () => {
    expect(['blue', 'Blue', 'green', null].map((team) => secrets.variable('region', team))).toEqual(['blue’s', 'blue’s', 'everybody’s', 'everybody’s']);
  });

  it.each([['_blue___region', null], ['_blue___region', 'green'], ['-blue---region', null], ['_blue__', null], ['blue___region', 'blue'], ['__x', 'a']])('and by no other name: %s asked by %s', (name, team) => {
    expect(secrets.variable(name, team)).toBeUndefined();
  });
});

describe('variables outside the database', () => {
  it('are texts, whatever the file has', () => {
    const file = join(folder, 'variables.json');
    writeFileSync(file, '{"plain":"text","list":[1,2],"number":5}');
    const env = join(folder, 'variables.env');
    writeFileSync(env, '# a comment\nregion = eu=1\n');
    const secrets = from({ MILLRACE_VAR_STAGE: 'prod', MILLRACE_VAR_EMPTY: '' }, { variablesFile: file });
    expect(['stage', 'plain', 'list', 'number', 'empty', 'none'].map((key) => secrets.variable(key))).toEqual(['prod', 'text', '[1,2]', '5', undefined, undefined]);
    expect(from({}, { variablesFile: env }).variable('region')).toBe('eu=1');
  });
});
