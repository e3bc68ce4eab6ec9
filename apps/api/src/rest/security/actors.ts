import { ApiTokens, PUBLIC_ROLE, isAllowed } from '@millrace/access';
import type { AccessTokens, Action, Actor, DagScopes, EndedSessions, ResourceKind, Roles, Scope, TokenClaims, Users } from '@millrace/access';
import { MillraceError } from '@millrace/vocabulary';
import { currentScope, withScope } from './request-scope.js';
import type { RequestScope } from './request-scope.js';

export interface ActorsParts {
  readonly users: Users;
  readonly roles: Roles;
  readonly tokens: AccessTokens;
  readonly apiTokens: ApiTokens;
  readonly endedSessions: EndedSessions;
  readonly scopes: DagScopes;
}

/** What is asked for, and of which dag when the request names one. */
export interface Wish {
  readonly action: Action;
  readonly resource: ResourceKind;
  readonly dagId?: string | undefined;
}

/** Who stands behind a token, and what they may. The same for REST and gRPC. */
export class Actors {
  constructor(private readonly parts: ActorsParts) {}

  /** @param from the caller's address @throws MillraceError `unauthorized` */
  async of(token: string, from: string | null): Promise<Actor> {
    if (token === '') throw new MillraceError('unauthorized', 'Not authenticated');
    if (ApiTokens.isMeant(token)) return this.parts.apiTokens.actorOf(token, from);
    const claims = await this.parts.tokens.verify(token);
    if ('refused' in claims) throw new MillraceError('unauthorized', claims.refused === 'expired' ? 'Token Expired' : 'Invalid JWT token');
    const user = await this.#userOf(claims);
    if (user === null) throw new MillraceError('unauthorized', 'This token is no longer valid; log in again');
    return user;
  }

  /** @param token null: not logged in, which is enough for what role Public was given @throws MillraceError `unauthorized` or `forbidden` */
  async allowed(token: string | null, from: string | null, wish: Wish): Promise<RequestScope & { readonly actor: Actor }> {
    const actor = token === null ? await this.#anybody(wish) : await this.of(token, from);
    return { actor, scope: await this.scope(actor, wish) };
  }

  /** @throws MillraceError `forbidden` */
  scope(actor: Actor, wish: Wish): Promise<Scope> {
    return this.parts.scopes.allowed(actor, wish.action, wish.resource, wish.dagId);
  }

  /** Does a part of a request under the permission it needs itself: a bulk request is one route and may create, change and delete. @throws MillraceError `forbidden` */
  async as<Result>(wish: Wish, work: () => Promise<Result>): Promise<Result> {
    const { actor, event } = currentScope();
    if (actor === null) throw new MillraceError('unauthorized', 'Not authenticated');
    return withScope({ actor, scope: await this.scope(actor, wish), ...(event === undefined ? {} : { event }) }, work);
  }

  async #userOf(claims: TokenClaims) {
    const user = await this.parts.users.findActive(claims.name, claims.tokenGeneration);
    return user === null || (await this.parts.endedSessions.has(claims.sessionId)) ? null : user;
  }

  async #anybody(wish: Wish): Promise<Actor> {
    const actor: Actor = { name: 'anonymous', role: PUBLIC_ROLE, layers: [await this.parts.roles.permissionsOf([PUBLIC_ROLE])], apiToken: null };
    if (!isAllowed(actor, wish.action, wish.resource)) throw new MillraceError('unauthorized', 'Not authenticated');
    return actor;
  }
}
