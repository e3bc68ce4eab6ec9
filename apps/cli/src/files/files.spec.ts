import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Profiles } from '../client/profiles.js';
import { connectionFromUri, connectionToUri } from './connection-uri.js';
import { formatOf, readSettings, settingsText } from './settings-file.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('files of settings', () => {
  it('are told by the end of their names', () => {
    expect(['a.json', 'a.YAML', 'a.yml', 'a.env', '.env', '-', 'a'].map((name) => formatOf(name))).toEqual(['json', 'yaml', 'yaml', 'env', 'env', 'json', 'json']);
    expect(formatOf('a.json', 'env')).toBe('env');
  });

  it('are read back as they were written, in each format', async () => {
    const values = fc.dictionary(fc.stringMatching(/^[A-Za-z_]\w{0,10}$/).filter((name) => name !== '__proto__'), fc.stringMatching(/^[ -~äß€]{0,30}$/).filter((text) => !(/'/.test(text) && /"/.test(text) && /`/.test(text)) && !/\\/.test(text)));
    await fc.assert(fc.asyncProperty(values, fc.constantFrom('json', 'yaml', 'env'), async (entries, format) => {
      const file = join(folder, `round.${format}`);
      writeFileSync(file, await settingsText(new Map(Object.entries(entries)), format));
      expect(Object.fromEntries(await readSettings(file, format))).toEqual({ ...entries });
    }), { seed: 5, numRuns: 60 });
  });

  it('say what is wrong with them', async () => {
    const file = join(folder, 'bad.json');
    writeFileSync(file, '[1]');
    await expect(readSettings(file, 'json')).rejects.toThrow('must hold one object');
    writeFileSync(file, '{');
    await expect(readSettings(file, 'json')).rejects.toThrow(`${file} is no JSON`);
    await expect(readSettings(join(folder, 'none'), 'json')).rejects.toThrow("can't be read");
  });
});

describe('a connection as an address', () => {
  it.each([
    ['postgres://me:p%40ss@db.example:5433/dwh?sslmode=require', { conn_type: 'postgres', host: 'db.example', login: 'me', password: 'p@ss', schema: 'dwh', port: 5433, extra: '{"sslmode":"require"}' }],
    ['google-cloud-platform://', { conn_type: 'google_cloud_platform', host: null, login: null, password: null, schema: null, port: null, extra: null }],
    ['http://example.org:80', { conn_type: 'http', host: 'example.org', login: null, password: null, schema: null, port: 80, extra: null }],
    ['redis://:secret@/0', { conn_type: 'redis', host: null, login: null, password: 'secret', schema: '0', port: null, extra: null }],
    ['aws://?__extra__=%7B%22a%22%3A1%7D', { conn_type: 'aws', host: null, login: null, password: null, schema: null, port: null, extra: '{"a":1}' }],
  ])('%s', (uri, parts) => {
    expect(connectionFromUri(uri, 'c')).toEqual(parts);
    expect(connectionFromUri(connectionToUri(parts), 'c')).toEqual(parts);
  });

  it('is refused with the name of the connection, and without the password it may hold', () => {
    expect(() => connectionFromUri('no address', 'warehouse')).toThrow('connection warehouse: not an address');
  });
});

describe('profiles', () => {
  it('are kept, used and forgotten', () => {
    const profiles = new Profiles(join(folder, 'home'));
    expect(profiles.chosen(undefined)).toBeNull();
    profiles.keep('one', { url: 'http://one', username: 'ada', token: 't1' });
    profiles.keep('two', { url: 'http://two', username: 'lin', token: 't2' });
    expect(profiles.chosen(undefined)).toMatchObject({ name: 'two', token: 't2' });
    profiles.use('one');
    expect([profiles.chosen(undefined)?.name, profiles.chosen('two')?.name]).toEqual(['one', 'two']);
    expect(() => profiles.chosen('three')).toThrow('there are one, two');
    profiles.forget('one');
    expect(profiles.current).toBeNull();
  });
});
