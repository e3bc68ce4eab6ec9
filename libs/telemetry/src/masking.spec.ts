import { describe, expect, it } from 'vitest';
import { MASK, maskFields, maskText, maskValue, registerSecret } from './masking.js';

describe('maskText', () => {
  it.each([
    ['amqp://guest:s3cr%40t@host:5672/vhost', `amqp://guest:${MASK}@host:5672/vhost`],
    ['two: postgres://a:b@h/d and redis://:c@h', `two: postgres://a:${MASK}@h/d and redis://:${MASK}@h`],
    ['authorization: Bearer abc.def-ghi_jkl', `authorization: Bearer ${MASK}`],
    ['Basic dXNlcjpwYXNz failed', `Basic ${MASK} failed`],
    ['GET /x?token=abc&y=1', `GET /x?token=${MASK}&y=1`],
    ['{"password": "abc", "a": 1}', `{"password": "${MASK}", "a": 1}`],
    ['http://host:8080/path?a=b@c stays', 'http://host:8080/path?a=b@c stays'],
    ['the token: expired', 'the token: expired'],
  ])('%s', (text, masked) => expect(maskText(text)).toBe(masked));

  it('masks registered values wherever they are, and in their usual encodings', () => {
    const secret = 'p@ss/w"rd+1';
    registerSecret(secret);
    registerSecret(`${secret}-and-more`);
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), JSON.stringify(secret).slice(1, -1), `${secret}-and-more`]) {
      expect(maskText(`a ${form} b`)).toBe(`a ${MASK} b`);
    }
  });

  it('does not take values so short that they would mask half of every line', () => {
    registerSecret('a');
    registerSecret('');
    expect(maskText('banana')).toBe('banana');
  });

  it.each([['letters', 'a'], ['colons', '://'], ['secrets', 'token='], ['bearers', 'Bearer '], ['at', '://a:'], ['blanks', ' ']])('is linear on a long line of %s', (_name, unit) => {
    // Four times the length may cost some times four, and not sixteen: only a hang fails here, by the time limit of the test.
    maskText(unit.repeat(1_000_000 / unit.length));
  });
});

describe('maskFields', () => {
  it('masks by name, whatever the value is', () => {
    expect(maskFields({ password: 1_234, Authorization: 'x', apiKey: ['a'], claim_token: { a: 1 }, user: 'u', internal_token: '' })).toEqual({
      password: MASK, Authorization: MASK, apiKey: MASK, claim_token: MASK, user: 'u', internal_token: '',
    });
  });

  it('masks nested values, errors with their causes, and keys', () => {
    registerSecret('canary-value');
    const error = Object.assign(new Error('no canary-value here', { cause: new Error('canary-value') }), { config: { secret: 's', list: ['canary-value'] } });
    const text = JSON.stringify(maskFields({ error, map: new Map([['canary-value', new Set(['canary-value'])]]), deep: { a: [{ b: 'canary-value' }] } }));
    expect(text).not.toContain('canary');
    expect(text).toContain('no *** here');
  });

  it('writes anything without a throw', () => {
    const loop: Record<string, unknown> = { name: 'loop' };
    loop['self'] = loop;
    const hostile = new Proxy({}, { ownKeys: () => { throw new Error('hostile'); } });
    const written = maskFields({ loop, hostile, big: 12n, symbol: Symbol('s'), fn: () => 1, date: new Date(Number.NaN), bytes: Buffer.from('secret'), long: Array.from({ length: 200 }, () => 1), nothing: undefined, none: null });
    expect(JSON.parse(JSON.stringify(written))).toMatchObject({ hostile: '[not loggable: hostile]', big: '12', date: 'Invalid Date', bytes: '[6 bytes]', none: null });
  });

  it('cuts long texts after masking, so that half a secret cannot stay', () => {
    registerSecret('canary-at-the-edge');
    const cut = maskValue(`${'x'.repeat(16_384 - 6)}canary-at-the-edge`) as string;
    expect(cut).not.toContain('canary');
    expect(maskValue('y'.repeat(20_000))).toMatch(/… \(20000 characters\)$/);
  });
});
