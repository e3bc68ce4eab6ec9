import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationPage } from './configuration-page.js';
import { describeOptions } from './describe-options.js';
import { OPTIONS } from './options.js';

describe('describeOptions', () => {
  const row = (key: string, env: Record<string, string> = {}) => describeOptions({ env }).find((candidate) => candidate.key === key);

  it('has a row for every key, in the order of the table', () => {
    expect(describeOptions({ env: {} }).map(({ key }) => key)).toEqual(Object.keys(OPTIONS));
  });

  it('tells where a value came from', () => {
    expect(row('api.port')).toMatchObject({ value: '8080', source: 'default', env: 'MILLRACE__API__PORT' });
    expect(row('api.port', { MILLRACE__API__PORT: '1' })).toMatchObject({ value: '1', source: 'environment', default: '8080' });
    expect(row('logs.folder', { MILLRACE_HOME: '/h' })).toMatchObject({ value: '/h/logs', source: 'derived' });
    expect(row('worker.queues', { MILLRACE__WORKER__QUEUES: 'a,b' })).toMatchObject({ value: 'a,b' });
  });

  it('shows a wrong value as a problem instead of failing', () => {
    expect(row('api.port', { MILLRACE__API__PORT: 'x' })?.problem).toContain('not a whole number');
  });

  it('hides secrets that are set', () => {
    const env = { MILLRACE__DATABASE__URL: 'postgres://me:canary@host/db', MILLRACE_ADMIN_PASSWORD: 'canary', MILLRACE__SECURITY__INTERNAL_TOKEN: 'canary' };
    expect(JSON.stringify(describeOptions({ env }))).not.toContain('canary');
    expect(row('database.url', env)?.value).toBe('***');
    expect(row('security.internal_token')?.value).toBe('');
  });
});

describe('docs/operators/configuration.md', () => {
  it('is what the table says; else run: npx tsc -b libs/configuration && node libs/configuration/write-page.mjs', () => {
    expect(readFileSync(join(import.meta.dirname, '../../../docs/operators/configuration.md'), 'utf8')).toBe(configurationPage());
  });
});
