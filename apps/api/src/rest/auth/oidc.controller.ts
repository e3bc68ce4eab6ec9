import { Controller, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AccessTokens, SecretBox } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import { MillraceError } from '@millrace/vocabulary';
import { Route } from '../openapi/operation.js';
import { cookieOf, sessionCookie } from '../security/session-cookie.js';
import { CONFIGURATION } from '../tokens.js';
import { OidcLogin } from './oidc-login.js';

const ROUND_COOKIE = 'millrace_oidc';
const ROUND_PLACE = 'oidc/round';
const ROUND_SECONDS = 600;
const roundSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), next: z.string(), endsMs: z.number() });

/** There and back to the OpenID provider. */
@Controller()
export class OidcController {
  constructor(
    @Inject(OidcLogin) private readonly oidc: OidcLogin,
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(SecretBox) private readonly secrets: SecretBox,
    @Inject(CONFIGURATION) private readonly config: Configuration,
  ) {}

  @Route('GET', '/auth/oidc/login', 'public', 302)
  async begin(@Query('next') next: string | string[] | undefined, @Res() reply: FastifyReply): Promise<void> {
    this.#mustBeOn();
    const { url, round } = await this.oidc.begin(withinUi(next));
    const sealed = this.secrets.seal(JSON.stringify({ ...round, endsMs: Date.now() + ROUND_SECONDS * 1_000 }), ROUND_PLACE);
    // Lax: it must come along when the provider sends the browser back.
    await reply.header('set-cookie', this.#roundCookie(sealed, ROUND_SECONDS)).redirect(url, 302);
  }

  @Route('GET', '/auth/oidc/callback', 'public', 302)
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.#mustBeOn();
    const round = this.#roundOf(request);
    if (round === null) throw new MillraceError('unauthorized', 'This login was not begun in this browser, or more than ten minutes ago; begin again at /auth/oidc/login');
    const at = request.url.indexOf('?');
    const user = await this.oidc.finish(at < 0 ? '' : request.url.slice(at), round);
    const session = sessionCookie(await this.tokens.issue(user), this.config['api.token_ttl_seconds'], request);
    await reply.header('set-cookie', [session, this.#roundCookie('', 0)]).redirect(round.next, 302);
  }

  #mustBeOn(): void {
    if (!this.oidc.isOn) throw new MillraceError('not_found', 'Single sign-on is not configured here (security.oidc_issuer)');
  }

  #roundOf(request: FastifyRequest): z.infer<typeof roundSchema> | null {
    const sealed = cookieOf(request, ROUND_COOKIE);
    if (sealed === null) return null;
    try {
      const round = roundSchema.parse(JSON.parse(this.secrets.open(sealed, ROUND_PLACE)));
      return round.endsMs > Date.now() ? round : null;
    } catch {
      // Written by somebody else, or under a key that is gone.
      return null;
    }
  }

  #roundCookie(value: string, maxAgeSeconds: number): string {
    return `${ROUND_COOKIE}=${value}; Path=/auth/oidc; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${this.config['api.base_url'].startsWith('https:') ? '; Secure' : ''}`;
  }
}

/** A path of the UI; anything else would send people wherever a link says. */
function withinUi(next: string | string[] | undefined): string {
  return typeof next === 'string' && /^\/(?![/\\])[\x21-\x7e]{0,1000}$/.test(next) && !next.includes('\\') && !next.startsWith('/auth/') ? next : '/';
}
