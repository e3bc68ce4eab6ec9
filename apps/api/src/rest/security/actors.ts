import { authorize } from '@millrace/access';
import type { AccessTokens, Action, Actor, ResourceKind, Users } from '@millrace/access';
import { MillraceError } from '@millrace/vocabulary';

/** Who stands behind a token. The same for REST and gRPC. */
export class Actors {
  constructor(
    private readonly users: Users,
    private readonly tokens: AccessTokens,
  ) {}

  /** @throws MillraceError `unauthorized` */
  async of(token: string | null): Promise<Actor> {
    if (token === null) throw new MillraceError('unauthorized', 'Not authenticated');
    const claims = await this.tokens.verify(token);
    if ('refused' in claims) throw new MillraceError('unauthorized', claims.refused === 'expired' ? 'Token Expired' : 'Invalid JWT token');
    const user = await this.users.findActive(claims.name, claims.tokenGeneration);
    if (user === null) throw new MillraceError('unauthorized', 'This token is no longer valid; log in again');
    return user;
  }

  /** @throws MillraceError `unauthorized` or `forbidden` */
  async allowed(token: string | null, action: Action, kind: ResourceKind, dagId: string | undefined): Promise<Actor> {
    const actor = await this.of(token);
    authorize(actor, action, { kind, dagId });
    return actor;
  }
}
