import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { eventOf } from '../openapi/operation.js';
import type { ActingRequest } from './token.guard.js';
import { withScope } from './request-scope.js';

/** Has each handler work on behalf of the caller the guard let in. A public route has no scope, so it cannot read what is somebody's. */
export class ScopeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { actor, scope } = context.switchToHttp().getRequest<ActingRequest>();
    if (actor === undefined || scope === undefined) return next.handle();
    return new Observable((subscriber) => withScope({ actor, scope, event: eventOf(context) }, () => next.handle().subscribe(subscriber)));
  }
}
