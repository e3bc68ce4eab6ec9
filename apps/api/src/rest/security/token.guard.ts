import { createParamDecorator } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bearerOf } from '@millrace/access';
import type { Actor, Scope } from '@millrace/access';
import { MillraceError } from '@millrace/vocabulary';
import { NEEDS } from '../openapi/operation.js';
import type { Actors, Wish } from './actors.js';
import type { RequestScope } from './request-scope.js';
import type { Needs } from '../openapi/operation.js';
import { forgeryOf, sessionOf } from './session-cookie.js';

/** A request after the guard; `actor` is absent on public routes only. */
export type ActingRequest = FastifyRequest & { actor?: Actor; scope?: Scope; again?: () => Promise<Scope> };

/** Lets a request pass when its token is good and its user may do what the route needs. A route that says nothing is refused. */
export class TokenGuard implements CanActivate {
  constructor(
    private readonly actors: Actors,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needs = Reflect.getMetadata(NEEDS, context.getHandler()) as Needs | undefined;
    if (needs === 'public') return true;
    const request = context.switchToHttp().getRequest<ActingRequest>();
    if (needs === 'self') {
      request.actor = await this.actors.of(this.#tokenOf(request) ?? '', request.ip);
      return true;
    }
    if (needs === undefined) throw new MillraceError('forbidden', 'This route names no permission, so nobody may use it');
    const dagId = (request.params as Record<string, string> | undefined)?.['dag_id'];
    const wish = { ...needs, dagId: dagId === '~' ? undefined : dagId };
    const { actor, scope } = await this.#allowed(request, wish);
    // For answers that last: what was allowed at their beginning may be revoked.
    request.again = async () => (await this.#allowed(request, wish)).scope;
    request.actor = actor;
    request.scope = scope;
    return true;
  }

  #allowed(request: ActingRequest, wish: Wish): Promise<RequestScope & { readonly actor: Actor }> {
    return this.actors.allowed(this.#tokenOf(request), request.ip, wish);
  }

  /** A bearer token; of a browser its cookie, and then only where a foreign page cannot have sent it. */
  #tokenOf(request: ActingRequest): string | null {
    const bearer = bearerOf(request.headers.authorization);
    const token = bearer ?? sessionOf(request);
    if (bearer === null && token !== null) {
      const forgery = forgeryOf(request);
      if (forgery !== null) throw new MillraceError('forbidden', `This request was refused: ${forgery}`);
    }
    return token;
  }
}

/** Who asks. Only on routes that need somebody. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<ActingRequest>();
  if (actor === undefined) throw new Error('a public route asked who acts');
  return actor;
});
