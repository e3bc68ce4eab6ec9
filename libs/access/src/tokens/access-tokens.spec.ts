import { describe, expect, it } from 'vitest';
import { AccessTokens } from './access-tokens.js';
import { bearerOf, isInternalToken } from './internal-token.js';

const user = { name: 'ada', role: 'Op', tokenGeneration: 3, layers: [], apiToken: null };
const NOW_MS = Date.UTC(2026, 10, 23);

describe('access tokens', () => {
  const tokens = new AccessTokens('an internal token of enough length', 60);

  it('give back who they were issued to', async () => {
    expect(await tokens.verify(await tokens.issue(user, NOW_MS), NOW_MS + 59_000)).toEqual({ name: 'ada', tokenGeneration: 3, sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/), endsMs: NOW_MS + 60_000 });
  });

  it('end, also when they were seen before', async () => {
    const token = await tokens.issue(user, NOW_MS);
    expect(await tokens.verify(token, NOW_MS + 61_000)).toEqual({ refused: 'expired' });
    expect(await tokens.verify(token, NOW_MS + 1_000)).toMatchObject({ name: 'ada' });
    expect(await tokens.verify(token, NOW_MS + 61_000)).toEqual({ refused: 'expired' });
  });

  it('go on after the internal token was changed, while the one before is named', async () => {
    const token = await tokens.issue(user, NOW_MS);
    expect(await new AccessTokens('the next internal token, long enough', 60, ['an internal token of enough length']).verify(token, NOW_MS)).toMatchObject({ name: 'ada' });
    expect(await new AccessTokens('the next internal token, long enough', 60).verify(token, NOW_MS)).toEqual({ refused: 'invalid' });
  });

  it.each([
    ['of another key', async () => new AccessTokens('another internal token, long enough', 60).issue(user, NOW_MS)],
    ['with another payload', async () => (await tokens.issue(user, NOW_MS)).replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"root","gen":0}').toString('base64url')}.`)],
    ['without signature', async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ada","gen":3}').toString('base64url')}.`],
    ['that are no token', async () => 'nonsense'],
  ])('are refused when %s', async (_, make) => {
    expect(await tokens.verify(await make(), NOW_MS)).toEqual({ refused: 'invalid' });
  });
});

describe('the internal token', () => {
  it('is compared whole, and an empty one never fits', () => {
    expect(isInternalToken('secret', 'secret')).toBe(true);
    expect(isInternalToken('secre', 'secret')).toBe(false);
    expect(isInternalToken('', '')).toBe(false);
  });

  it.each([['Bearer abc', 'abc'], ['bearer  abc', 'abc'], ['Basic abc', null], ['Bearer a b', 'a b'], ['Bearer ', null], [undefined, null]])('header %s → %s', (header, token) => {
    expect(bearerOf(header)).toBe(token);
  });
});
