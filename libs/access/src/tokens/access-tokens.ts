import { hkdfSync } from 'node:crypto';
import { SignJWT, errors, jwtVerify } from 'jose';
import type { KnownUser } from '../users/users.js';

const ISSUER = 'millrace';
const AUDIENCE = 'millrace.api';

export interface TokenClaims {
  readonly name: string;
  readonly tokenGeneration: number;
}

/**
 * Bearer tokens of the REST API: signed (HS256), with the user's name and token generation, nothing secret.
 * The key is derived from `security.internal_token`, so that every api of an installation accepts the others' tokens, and a
 * changed internal token ends all sessions.
 */
export class AccessTokens {
  readonly #key: Uint8Array;

  constructor(
    internalToken: string,
    private readonly ttlSeconds: number,
  ) {
    this.#key = new Uint8Array(hkdfSync('sha256', internalToken, '', 'millrace access tokens v1', 32));
  }

  async issue(user: KnownUser, nowMs: number = Date.now()): Promise<string> {
    const nowSeconds = Math.floor(nowMs / 1_000);
    return new SignJWT({ gen: user.tokenGeneration, role: user.role })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(user.name)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + this.ttlSeconds)
      .sign(this.#key);
  }

  /** The claims of a genuine, unexpired token; else why it is refused. Whether the user is still the same is for the caller to look up. */
  async verify(token: string, nowMs: number = Date.now()): Promise<TokenClaims | { readonly refused: 'expired' | 'invalid' }> {
    try {
      const { payload } = await jwtVerify(token, this.#key, { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE, currentDate: new Date(nowMs) });
      if (typeof payload.sub !== 'string' || typeof payload['gen'] !== 'number') return { refused: 'invalid' };
      return { name: payload.sub, tokenGeneration: payload['gen'] };
    } catch (error) {
      return { refused: error instanceof errors.JWTExpired ? 'expired' : 'invalid' };
    }
  }
}
