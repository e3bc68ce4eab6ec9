import { freePort } from '@millrace/test-services';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiRig, apiConfiguration, listeningLogger } from '../../testing/api-rig.js';
import { TestOidcProvider } from '../../testing/oidc-provider.js';
import { OidcLogin } from './oidc-login.js';
import { claimAt, rolesFrom } from './oidc-roles.js';

let rig: ApiRig;
let provider: TestOidcProvider;
beforeAll(async () => {
  provider = await TestOidcProvider.open();
  const port = await freePort();
  rig = await ApiRig.open({
    'api.port': port, 'api.base_url': `http://127.0.0.1:${port}`, 'security.oidc_issuer': provider.issuer, 'security.oidc_client_id': provider.clientId, 'security.oidc_client_secret': provider.clientSecret,
    'security.oidc_role_map': ['data=User', 'ops=Op@blue'],
  });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  provider.user = { sub: '1', preferred_username: 'ada', email: 'ada@example.org', given_name: 'Ada', groups: ['data', 'other'] };
  provider.falsify = (claims) => claims;
  provider.signsWithForeignKey = false;
});

/** As a browser: keeps cookies, and goes where it is sent. */
async function logIn(next = '/dags', change: (back: URL, cookie: string) => { url: URL; cookie: string } = (url, cookie) => ({ url, cookie })) {
  const begun = await fetch(`${rig.url}/auth/oidc/login?next=${encodeURIComponent(next)}`, { redirect: 'manual' });
  const cookie = begun.headers.get('set-cookie')!;
  const asked = await fetch(begun.headers.get('location')!, { redirect: 'manual' });
  const { url, cookie: sent } = change(new URL(asked.headers.get('location')!), cookie.split(';')[0]!);
  const finished = await fetch(url, { redirect: 'manual', headers: { cookie: sent } });
  const session = finished.headers.getSetCookie().find((one) => one.startsWith('millrace_session='));
  return { begun, cookie, finished, session: session?.split(';')[0] ?? null, detail: finished.status === 302 ? null : ((await finished.json()) as { detail: string }).detail };
}

describe('login at an OpenID provider', () => {
  it('lets in with the roles of the groups, keeps them up to date, and is told to the UI', async () => {
    expect((await rig.get('/auth/session', { token: null })).body.sso).toEqual({ label: 'Single sign-on', url: '/auth/oidc/login' });
    const { cookie, finished, session } = await logIn();
    expect(cookie).toMatch(/; Path=\/auth\/oidc; HttpOnly; SameSite=Lax; Max-Age=600/);
    expect([finished.status, finished.headers.get('location')]).toEqual([302, '/dags']);
    expect(finished.headers.getSetCookie().join('\n')).toMatch(/millrace_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict/);
    const facts = await rig.get('/auth/session', { token: null, headers: { cookie: session! } });
    expect(facts.body.user).toEqual({ name: 'ada', role: 'User' });
    expect((await rig.get('/api/millrace/v1/users/ada')).body).toMatchObject({ roles: ['User'], email: 'ada@example.org', first_name: 'Ada', has_password: false });
    provider.user = { ...provider.user, groups: ['ops'] };
    const again = await logIn();
    expect((await rig.get('/auth/session', { token: null, headers: { cookie: again.session! } })).body.user.role).toBe('Op@blue');
    expect((await rig.call('POST', '/auth/token', { token: null, body: { username: 'ada', password: '' } })).status).not.toBe(201);
  });

  it.each<[string, () => void, string]>([
    ['a foreign signature', () => (provider.signsWithForeignKey = true), 'did not succeed'],
    ['another audience', () => (provider.falsify = (claims) => ({ ...claims, aud: 'somebody-else' })), 'did not succeed'],
    ['another issuer', () => (provider.falsify = (claims) => ({ ...claims, iss: 'https://evil.example' })), 'did not succeed'],
    ['another nonce', () => (provider.falsify = (claims) => ({ ...claims, nonce: 'replayed' })), 'did not succeed'],
    ['a token that has ended', () => (provider.falsify = (claims) => ({ ...claims, exp: 1 })), 'did not succeed'],
    ['no group that gives a role', () => (provider.user = { ...provider.user, groups: ['strangers'] }), 'no group that gives a role'],
    ['no name', () => (provider.user = { sub: '1', groups: ['data'] }), 'no usable name'],
    ['the name of somebody with a password here', () => (provider.user = { ...provider.user, preferred_username: 'admin' }), 'has a password here'],
  ])('does not let in with %s', async (_, change, said) => {
    change();
    const { finished, session, detail } = await logIn();
    expect([finished.status === 401 || finished.status === 403, session]).toEqual([true, null]);
    expect(detail).toContain(said);
  });

  it('does not let in with another state, without the cookie, or with a code that was used', async () => {
    const other = await logIn('/', (url, cookie) => {
      url.searchParams.set('state', 'made-up');
      return { url, cookie };
    });
    expect([other.finished.status, other.session]).toEqual([401, null]);
    const stolen = await logIn('/', (url) => ({ url, cookie: 'millrace_oidc=forged' }));
    expect([stolen.finished.status, stolen.detail]).toEqual([401, expect.stringContaining('not begun in this browser')]);
    let kept: { url: URL; cookie: string } | undefined;
    await logIn('/', (url, cookie) => (kept = { url, cookie }));
    expect((await fetch(kept!.url, { redirect: 'manual', headers: { cookie: kept!.cookie } })).status).toBe(401);
  });

  it.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/auth/oidc/login'])('sends nobody to %s', async (next) => {
    expect((await logIn(next)).finished.headers.get('location')).toBe('/');
  });

  it('keeps out whom an admin has disabled', async () => {
    provider.user = { ...provider.user, preferred_username: 'bea' };
    await logIn();
    await rig.call('PATCH', '/api/millrace/v1/users/bea', { body: { is_active: false } });
    expect((await logIn()).detail).toContain('is disabled here');
  });

  it('tells nothing of the client secret', () => {
    expect(rig.logged.join('\n')).not.toContain(provider.clientSecret);
  });
});

describe('a provider that is not there', () => {
  it('is told as such, and passwords still let in', async () => {
    await using alone = await ApiRig.open({ 'api.base_url': 'http://127.0.0.1:1', 'security.oidc_issuer': 'http://127.0.0.1:1', 'security.oidc_client_id': 'x' });
    expect(await alone.get('/auth/oidc/login', { token: null })).toMatchObject({ status: 503, body: { detail: expect.stringContaining('does not answer') } });
    await alone.login();
  });

  it.each([
    ['it could be listened to', { 'api.base_url': 'https://x.example', 'security.oidc_issuer': 'http://login.example', 'security.oidc_client_id': 'x' }, 'must be an https address'],
    ['nobody could come back', { 'api.base_url': 'somewhere', 'security.oidc_issuer': 'https://login.example', 'security.oidc_client_id': 'x' }, 'api.base_url'],
    ['no client is named', { 'api.base_url': 'https://x.example', 'security.oidc_issuer': 'https://login.example' }, 'security.oidc_client_id'],
  ])('is refused at start when %s', (_, settings, said) => {
    expect(() => new OidcLogin(apiConfiguration('postgres://nobody@127.0.0.1:1/none', '/nonexistent', settings), null as never, listeningLogger([]))).toThrow(said);
  });
});

describe('roles of groups', () => {
  it('come from a list, a single text or a nested claim, in the order of the map, each once', () => {
    const map = ['a=User', 'cn=b,ou=x=Viewer', 'c=User', 'broken', '=Admin'];
    expect(rolesFrom(['c', 'cn=b,ou=x', 'a', 7], map, [])).toEqual(['User', 'Viewer']);
    expect(rolesFrom('a', map, ['Viewer'])).toEqual(['User']);
    expect([rolesFrom(undefined, map, ['Viewer']), rolesFrom({ a: 1 }, map, [])]).toEqual([['Viewer'], []]);
    expect(claimAt({ realm_access: { roles: ['x'] }, 'https://x/groups': ['y'] }, 'realm_access.roles')).toEqual(['x']);
    expect([claimAt({ 'https://x.y/groups': ['y'] }, 'https://x.y/groups'), claimAt({ a: 1 }, '__proto__.x')]).toEqual([['y'], undefined]);
  });
});
