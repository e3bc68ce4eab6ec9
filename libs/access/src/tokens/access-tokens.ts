import { hkdfSync } from 'node:crypto';
import { SignJWT, errors, jwtVerify } from 'jose';
import type { KnownUser } from '../users/users.js';

const ISSUER = 'millrace';
const AUDIENCE = 'millrace.api';

/** Tokens remembered as genuine; a few hundred bytes each. */
const GENUINE_MAX = 1_000;

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
  /** Genuine tokens seen lately: a signature does not change, and checking it was a seventh of the cost of a request. */
  readonly #genuine = new Map<string, { readonly claims: TokenClaims; readonly endsMs: number }>();

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
    const known = this.#genuine.get(token);
    if (known !== undefined) return nowMs < known.endsMs ? known.claims : { refused: 'expired' };
    try {
      const { payload } = await jwtVerify(token, this.#key, { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE, currentDate: new Date(nowMs) });
      if (typeof payload.sub !== 'string' || typeof payload['gen'] !== 'number') return { refused: 'invalid' };
      const claims = { name: payload.sub, tokenGeneration: payload['gen'] };
      if (this.#genuine.size >= GENUINE_MAX) this.#genuine.clear();
      this.#genuine.set(token, { claims, endsMs: (payload.exp ?? 0) * 1_000 });
      return claims;
    } catch (error) {
      return { refused: error instanceof errors.JWTExpired ? 'expired' : 'invalid' };
    }
  }
}
