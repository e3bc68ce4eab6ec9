import { hkdfSync, randomUUID } from 'node:crypto';
import { SignJWT, errors, jwtVerify } from 'jose';
import type { KnownUser } from '../users/users.js';

const ISSUER = 'millrace';
const AUDIENCE = 'millrace.api';

/** Tokens remembered as genuine; a few hundred bytes each. */
const GENUINE_MAX = 1_000;

export interface TokenClaims {
  readonly name: string;
  readonly tokenGeneration: number;
  /** Of the session; one that was logged out is refused by it. */
  readonly sessionId: string;
  readonly endsMs: number;
}

/**
 * Bearer tokens of the REST API: signed (HS256), with the user's name and token generation, nothing secret.
 * The key is derived from `security.internal_token`, so that every api of an installation accepts the others' tokens, and a
 * changed internal token ends all sessions, unless the one before is still named.
 */
export class AccessTokens {
  readonly #keys: readonly Uint8Array[];
  /** Genuine tokens seen lately: a signature does not change, and checking it was a seventh of the cost of a request. */
  readonly #genuine = new Map<string, { readonly claims: TokenClaims }>();

  /** @param previousTokens internal tokens of before: sessions signed with them go on until their end */
  constructor(
    internalToken: string,
    private readonly ttlSeconds: number,
    previousTokens: readonly string[] = [],
  ) {
    this.#keys = [internalToken, ...previousTokens].map((token) => new Uint8Array(hkdfSync('sha256', token, '', 'millrace access tokens v1', 32)));
  }

  async issue(user: KnownUser, nowMs: number = Date.now()): Promise<string> {
    const nowSeconds = Math.floor(nowMs / 1_000);
    return new SignJWT({ gen: user.tokenGeneration, role: user.role })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(user.name)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setJti(randomUUID())
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + this.ttlSeconds)
      .sign(this.#keys[0]!);
  }

  /** The claims of a genuine, unexpired token; else why it is refused. Whether the user is still the same is for the caller to look up. */
  async verify(token: string, nowMs: number = Date.now()): Promise<TokenClaims | { readonly refused: 'expired' | 'invalid' }> {
    const known = this.#genuine.get(token);
    if (known !== undefined) return nowMs < known.claims.endsMs ? known.claims : { refused: 'expired' };
    let refused: 'expired' | 'invalid' = 'invalid';
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE, currentDate: new Date(nowMs) });
        if (typeof payload.sub !== 'string' || typeof payload['gen'] !== 'number') return { refused: 'invalid' };
        const claims = { name: payload.sub, tokenGeneration: payload['gen'], sessionId: payload.jti ?? '', endsMs: (payload.exp ?? 0) * 1_000 };
        if (this.#genuine.size >= GENUINE_MAX) this.#genuine.clear();
        this.#genuine.set(token, { claims });
        return claims;
      } catch (error) {
        if (error instanceof errors.JWTExpired) refused = 'expired';
      }
    }
    return { refused };
  }
}
