import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey } from 'jose';

export interface ProviderUser {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

/**
 * An OpenID provider that lets one user in without asking: discovery, authorization code with PKCE (S256), a token endpoint that checks the client, the code
 * and the verifier, and id tokens with real RS256 signatures. What it signs can be falsified, to see that it is noticed.
 */
export class TestOidcProvider {
  readonly clientId = 'millrace-test';
  readonly clientSecret = randomUUID();
  user: ProviderUser = { sub: '1' };
  /** Changes the id token before it is signed. */
  falsify: (claims: Record<string, unknown>) => Record<string, unknown> = (claims) => claims;
  /** Another key than the published one signs. */
  signsWithForeignKey = false;
  readonly #grants = new Map<string, Grant>();

  private constructor(
    private readonly server: Server,
    private readonly keys: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey },
    private readonly foreign: CryptoKey,
  ) {}

  static async open(): Promise<TestOidcProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const provider = new TestOidcProvider(server, await generateKeyPair('RS256'), (await generateKeyPair('RS256')).privateKey);
    server.on('request', (request, response) => {
      provider.#answer(request).then(({ status, headers, body }) => response.writeHead(status, headers).end(body), () => response.writeHead(500).end());
    });
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; headers: Record<string, string>; body: string }> {
    const url = new URL(request.url!, this.issuer);
    const json = (status: number, value: unknown) => ({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
    if (url.pathname === '/.well-known/openid-configuration') {
      return json(200, {
        issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: `${this.issuer}/token`, jwks_uri: `${this.issuer}/keys`, response_types_supported: ['code'],
        subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'], code_challenge_methods_supported: ['S256'], token_endpoint_auth_methods_supported: ['client_secret_basic'],
      });
    }
    if (url.pathname === '/keys') return json(200, { keys: [{ ...(await exportJWK(this.keys.publicKey)), kid: 'one', use: 'sig', alg: 'RS256' }] });
    if (url.pathname === '/authorize') {
      const asked = url.searchParams;
      const isRight = asked.get('client_id') === this.clientId && asked.get('response_type') === 'code' && asked.get('code_challenge_method') === 'S256' && (asked.get('scope') ?? '').split(' ').includes('openid');
      if (!isRight) return json(400, { error: 'invalid_request' });
      const code = randomUUID();
      this.#grants.set(code, { challenge: asked.get('code_challenge')!, nonce: asked.get('nonce')!, redirectUri: asked.get('redirect_uri')! });
      const back = new URL(asked.get('redirect_uri')!);
      back.searchParams.set('code', code);
      back.searchParams.set('state', asked.get('state')!);
      return { status: 302, headers: { location: back.href }, body: '' };
    }
    if (url.pathname === '/token' && request.method === 'POST') {
      const form = new URLSearchParams(await textOf(request));
      // RFC 6749 2.3.1: both are form-encoded before they are joined.
      const [id, secret] = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8').split(':').map(decodeURIComponent);
      if (id !== this.clientId || secret !== this.clientSecret) return json(401, { error: 'invalid_client' });
      const grant = this.#grants.get(form.get('code') ?? '');
      this.#grants.delete(form.get('code') ?? '');
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
      if (grant === undefined || grant.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri')) return json(400, { error: 'invalid_grant' });
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const claims = this.falsify({ ...this.user, iss: this.issuer, aud: this.clientId, nonce: grant.nonce, iat: nowSeconds, exp: nowSeconds + 300 });
      const idToken = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(this.signsWithForeignKey ? this.foreign : this.keys.privateKey);
      return json(200, { access_token: randomUUID(), token_type: 'Bearer', expires_in: 300, id_token: idToken });
    }
    return json(404, { error: 'not_found' });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
