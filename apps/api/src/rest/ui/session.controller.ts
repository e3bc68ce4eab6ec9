import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessTokens, EndedSessions, Users, isAllowed } from '@millrace/access';
import type { Action, Actor, KnownUser, ResourceKind } from '@millrace/access';
import type { Configuration } from '@millrace/configuration';
import { MillraceError } from '@millrace/vocabulary';
import { LogIn } from '../auth/log-in.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { SESSION_COOKIE, forgeryOf, sessionCookie, sessionOf } from '../security/session-cookie.js';
import { CurrentActor } from '../security/token.guard.js';
import { CONFIGURATION } from '../tokens.js';
import { VERSION } from '../../version.js';
import { session } from './ui-schemas.js';
import type { SessionAnswer } from './ui-schemas.js';

const ACTIONS: readonly Action[] = ['read', 'create', 'edit', 'delete'];
/** What the UI asks about before it shows a page or a button; the routes ask again. */
const SHOWN: readonly ResourceKind[] = [
  'dag', 'dag_run', 'task_instance', 'task_log', 'xcom', 'backfill', 'dag_source', 'import_error', 'asset', 'pool', 'variable', 'connection', 'config', 'audit_log', 'job', 'plugin', 'user', 'worker', 'health',
];

/** The browser's session: a cookie that no script can read. */
@Controller()
export class SessionController {
  constructor(
    @Inject(LogIn) private readonly logIn: LogIn,
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(Users) private readonly users: Users,
    @Inject(EndedSessions) private readonly endedSessions: EndedSessions,
    @Inject(CONFIGURATION) private readonly config: Configuration,
  ) {}

  /** Name and password as for `/auth/token`. */
  @Route('POST', '/auth/session', 'public', 201)
  @Answers(session)
  async open(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Answer<typeof session>> {
    // A page of another site must not log anybody in as somebody else.
    const forgery = forgeryOf(request);
    if (forgery !== null) throw new MillraceError('forbidden', `This request was refused: ${forgery}`);
    const token = await this.logIn.token(request);
    const actor = await this.#userOf(token);
    void reply.header('set-cookie', sessionCookie(token, this.config['api.token_ttl_seconds'], request));
    return this.#facts(actor);
  }

  /** Who is logged in and what they may. 200 with `user: null` for nobody, so that the first call of a page is no error. */
  @Route('GET', '/auth/session', 'public')
  @Answers(session)
  async read(@Req() request: FastifyRequest): Promise<Answer<typeof session>> {
    const token = sessionOf(request);
    return this.#facts(token === null ? null : await this.#userOf(token));
  }

  /** A session in use does not end under its user: the page asks for a fresh cookie now and then. */
  @Route('POST', '/auth/session/renew', 'self')
  @Answers(session)
  async renew(@CurrentActor() actor: Actor, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Answer<typeof session>> {
    const user = await this.#userOf(sessionOf(request) ?? '');
    if (user === null || user.name !== actor.name) throw new MillraceError('unauthorized', 'There is no session to renew; log in again');
    void reply.header('set-cookie', sessionCookie(await this.tokens.issue(user), this.config['api.token_ttl_seconds'], request));
    return this.#facts(user);
  }

  /** Ends the session everywhere, not only in this browser. Without one there is nothing to end. */
  @Route('POST', '/auth/session/end', 'public', 204)
  async end(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const claims = await this.tokens.verify(sessionOf(request) ?? '');
    if (!('refused' in claims) && claims.sessionId !== '') await this.endedSessions.end(claims.sessionId, new Date(claims.endsMs));
    void reply.header('set-cookie', `${SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`);
  }

  async #userOf(token: string): Promise<KnownUser | null> {
    const claims = await this.tokens.verify(token);
    if ('refused' in claims || (await this.endedSessions.has(claims.sessionId))) return null;
    return this.users.findActive(claims.name, claims.tokenGeneration);
  }

  #facts(actor: Actor | null): SessionAnswer {
    return {
      user: actor === null ? null : { name: actor.name, role: actor.role },
      may: actor === null ? {} : Object.fromEntries(ACTIONS.map((action) => [action, SHOWN.filter((kind) => isAllowed(actor, action, kind))])),
      sso: this.config['security.oidc_issuer'] === '' ? null : { label: this.config['security.oidc_label'], url: '/auth/oidc/login' },
      version: VERSION,
      renew_after_seconds: Math.floor(this.config['api.token_ttl_seconds'] / 2),
    };
  }
}
