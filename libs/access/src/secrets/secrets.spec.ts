import { describe, expect, it } from 'vitest';
import { isSensitiveName, maskJsonText, maskSensitive } from './masked-secrets.js';
import { SecretBox } from './secret-box.js';

describe('secrets at rest', () => {
  const box = new SecretBox('an internal token of enough length');

  it('open where they were sealed, and look different each time', () => {
    const [one, two] = [box.seal('grüße', 'connection/a/password'), box.seal('grüße', 'connection/a/password')];
    expect(one).not.toBe(two);
    expect(box.open(one, 'connection/a/password')).toBe('grüße');
  });

  it.each([
    ['in another row', (sealed: string) => box.open(sealed, 'connection/b/password')],
    ['with another key', (sealed: string) => new SecretBox('another internal token, long enough').open(sealed, 'connection/a/password')],
    ['when changed', (sealed: string) => box.open(`${sealed.slice(0, -2)}xx`, 'connection/a/password')],
    ['when it is something else', () => box.open('plain', 'connection/a/password')],
  ])('do not open %s', (_, open) => {
    expect(() => open(box.seal('secret', 'connection/a/password'))).toThrow('enter it again');
  });
});

describe('secrets in answers', () => {
  it('are masked by the names of their fields, nested and in lists', () => {
    expect(maskSensitive({ user: 'ada', Password: 'x', deep: [{ api_key: 'y', n: 1 }], empty_token: '' })).toEqual({ user: 'ada', Password: '***', deep: [{ api_key: '***', n: 1 }], empty_token: '' });
    expect(maskJsonText('{"token": {"a": 1}, "b": 2}')).toBe('{"token":"***","b":2}');
    expect(maskJsonText('not json')).toBe('***');
    expect(isSensitiveName('AWS_SECRET_ACCESS_KEY')).toBe(true);
    expect(isSensitiveName('bucket')).toBe(false);
  });
});
