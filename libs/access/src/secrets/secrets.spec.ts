import { describe, expect, it } from 'vitest';
import { isSensitiveName, maskJsonText, maskSensitive } from './masked-secrets.js';
import { SecretBox } from './secret-box.js';

describe('secrets at rest', () => {
  const box = new SecretBox({ internalToken: 'an internal token of enough length' });

  it('open where they were sealed, and look different each time', () => {
    const [one, two] = [box.seal('grüße', 'connection/a/password'), box.seal('grüße', 'connection/a/password')];
    expect(one).not.toBe(two);
    expect(box.open(one, 'connection/a/password')).toBe('grüße');
  });

  it.each([
    ['in another row', (sealed: string) => box.open(sealed, 'connection/b/password')],
    ['with another key', (sealed: string) => new SecretBox({ internalToken: 'another internal token, long enough' }).open(sealed, 'connection/a/password')],
    ['when changed', (sealed: string) => box.open(`${sealed.slice(0, -2)}xx`, 'connection/a/password')],
    ['when it is something else', () => box.open('plain', 'connection/a/password')],
  ])('do not open %s', (_, open) => {
    expect(() => open(box.seal('secret', 'connection/a/password'))).toThrow('enter it again');
  });
});

describe('the key ring', () => {
  const internalToken = 'an internal token of enough length';
  const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
  const place = 'variable/a';

  it('encrypts with its first key, decrypts with all, and says what is not under the first', () => {
    const derived = new SecretBox({ internalToken }).seal('one', place);
    const ring = new SecretBox({ internalToken, secretKeys: [`2026=${key(1)}`] });
    expect(ring.open(derived, place)).toBe('one');
    const moved = ring.reseal(derived, place)!;
    expect([moved.slice(0, 5), ring.open(moved, place), ring.reseal(moved, place)]).toEqual(['2026:', 'one', null]);
    const next = new SecretBox({ internalToken, secretKeys: [`2027=${key(2)}`, `2026=${key(1)}`] });
    expect(next.open(moved, place)).toBe('one');
    expect(() => new SecretBox({ internalToken, secretKeys: [`2027=${key(2)}`] }).open(moved, place)).toThrow('key "2026", which is not among');
  });

  it('follows a changed internal token', () => {
    const before = new SecretBox({ internalToken }).seal('one', place);
    const now = new SecretBox({ internalToken: 'the next internal token, long enough', previousInternalTokens: [internalToken] });
    expect(now.open(now.reseal(before, place)!, place)).toBe('one');
    expect(() => new SecretBox({ internalToken: 'the next internal token, long enough' }).open(before, place)).toThrow('enter it again');
  });

  it.each([
    ['no id', key(1), 'id=key'], ['the id of derived keys', `k1=${key(1)}`, 'not k1'], ['a short key', 'a=c2hvcnQ=', 'key "a" has 5 bytes, not 32'],
  ])('refuses %s and does not tell it', (_, text, said) => {
    expect(() => new SecretBox({ internalToken, secretKeys: [text] })).toThrow(said);
    expect(() => new SecretBox({ internalToken, secretKeys: [text] })).not.toThrow(key(1));
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
