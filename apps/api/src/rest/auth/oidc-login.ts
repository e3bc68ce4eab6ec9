import * as oidc from 'openid-client';
import type { KnownUser, Users } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import type { Logger } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { claimAt, rolesFrom } from './oidc-roles.js';

/** What is remembered between sending somebody to the provider and their coming back. */
export interface OidcRound {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where they wanted to go, within the UI. */
  readonly next: string;
}

const CALLBACK = '/auth/oidc/callback';
/** A provider that does not answer must not hold requests. */
const PROVIDER_TIMEOUT_SECONDS = 10;

/** Login at an OpenID Connect provider: authorization code with PKCE, state and nonce; the id token's signature, issuer, audience and times are checked by openid-client. */
export class OidcLogin {
  #provider: Promise<oidc.Configuration> | null = null;

  constructor(
    private readonly config: Configuration,
    private readonly users: Users,
    private readonly logger: Logger,
  ) {
    if (!this.isOn) return;
    if (config['security.oidc_client_id'] === '') throw new MillraceError('invalid', 'security.oidc_issuer is set, and security.oidc_client_id is not: name the client the provider knows this installation as');
    if (!URL.canParse(config['api.base_url'])) throw new MillraceError('invalid', 'security.oidc_issuer is set, and api.base_url is no address: the provider must be told where to send people back to, e.g. https://millrace.example.org');
    const issuer = new URL(config['security.oidc_issuer']);
    if (issuer.protocol !== 'https:' && !isLoopback(issuer.hostname)) throw new MillraceError('invalid', `security.oidc_issuer must be an https address, got ${issuer.protocol}//${issuer.host}`);
  }

  get isOn(): boolean {
    return this.config['security.oidc_issuer'] !== '';
  }

  /** Where to send somebody, and what to remember of it. */
  async begin(next: string): Promise<{ readonly url: string; readonly round: OidcRound }> {
    const provider = await this.#discovered();
    const round: OidcRound = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier(), next };
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: this.#redirectUri, scope: this.config['security.oidc_scopes'].join(' '), state: round.state, nonce: round.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(round.verifier), code_challenge_method: 'S256',
    });
    return { url: url.href, round };
  }

  /** Who came back. @param query what the provider sent with them @throws MillraceError `unauthorized` or `forbidden` */
  async finish(query: string, round: OidcRound): Promise<KnownUser> {
    const provider = await this.#discovered();
    const returned = new URL(this.#redirectUri);
    returned.search = query;
    let claims: oidc.IDToken | undefined;
    try {
      const tokens = await oidc.authorizationCodeGrant(provider, returned, { pkceCodeVerifier: round.verifier, expectedState: round.state, expectedNonce: round.nonce, idTokenExpected: true });
      claims = tokens.claims();
    } catch (error) {
      this.logger.warn('a login at the OpenID provider failed', { error });
      const said = error instanceof oidc.AuthorizationResponseError ? `: ${error.error}` : '';
      throw new MillraceError('unauthorized', `The login at the provider did not succeed${said}; try again`);
    }
    const nameClaim = this.config['security.oidc_name_claim'];
    const name = claims === undefined ? undefined : claimAt(claims, nameClaim);
    if (typeof name !== 'string' || !/^[\p{L}\p{N}_.@+-]{1,250}$/u.test(name)) {
      this.logger.warn('a login at the OpenID provider has no usable name', { claim: nameClaim });
      throw new MillraceError('forbidden', `The provider told no usable name (claim ${nameClaim})`);
    }
    const roles = rolesFrom(claimAt(claims!, this.config['security.oidc_roles_claim']), this.config['security.oidc_role_map'], this.config['security.oidc_default_roles']);
    if (roles.length === 0) throw new MillraceError('forbidden', `User "${name}" has no group that gives a role here (claim ${this.config['security.oidc_roles_claim']}, security.oidc_role_map)`);
    const text = (claim: string): string | null => (typeof claims![claim] === 'string' ? (claims![claim] as string).slice(0, 320) : null);
    return this.users.ensureForeign(name, { roles, email: text('email'), firstName: text('given_name'), lastName: text('family_name') });
  }

  get #redirectUri(): string {
    return this.config['api.base_url'].replace(/\/+$/, '') + CALLBACK;
  }

  /** Looked up at the first login, and again after a failure: the provider may start after the api. */
  #discovered(): Promise<oidc.Configuration> {
    const issuer = new URL(this.config['security.oidc_issuer']);
    const secret = this.config['security.oidc_client_secret'];
    this.#provider ??= oidc
      .discovery(issuer, this.config['security.oidc_client_id'], undefined, secret === '' ? oidc.None() : oidc.ClientSecretBasic(secret), {
        timeout: PROVIDER_TIMEOUT_SECONDS,
        // The library trusts TLS for the id token's origin unless it is told to check the signature; and, as checked above, only a provider on this machine may do without TLS.
        execute: [oidc.enableNonRepudiationChecks, ...(issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : [])],
      })
      .catch((error: unknown) => {
        this.#provider = null;
        this.logger.error('the OpenID provider cannot be reached', { issuer: issuer.href, error });
        throw new MillraceError('unavailable', 'The login provider does not answer; try again, or log in with a password');
      });
    return this.#provider;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
