import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { findApiToken, insertApiToken, listApiTokens, noteApiTokenUse, revokeApiToken, useApiToken, writeAudit } from '@millrace/persistence';
import type { ApiTokenRow, Database, Page, PageRequest } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { Actor } from '../permissions/authorize.js';
import { Permissions, permissionsSchema } from '../permissions/permissions.js';
import type { Permission } from '../permissions/permissions.js';
import type { Users } from '../users/users.js';

/** By this secret scanners and people tell what it is. */
const MARK = 'mlr_';
const SHOWN_CHARS = 10;

/** Tokens of programs: named, of one user, with all of what that user may or a part of it. Stored as a hash only. */
export class ApiTokens {
  constructor(
    private readonly database: Database,
    private readonly users: Users,
  ) {}

  /** Whether a text is meant to be one. */
  static isMeant(token: string): boolean {
    return token.startsWith(MARK);
  }

  /** @returns the token itself, this once @throws MillraceError `conflict` when the user has one of this name in use */
  async create(actor: Actor, given: { readonly name: string; readonly permissions: readonly Permission[] | null; readonly expiresAt: Date | null }): Promise<{ readonly token: string; readonly row: ApiTokenRow }> {
    if (given.expiresAt !== null && given.expiresAt.getTime() <= Date.now()) throw new MillraceError('invalid', `the token would have expired at ${given.expiresAt.toISOString()} already`);
    const token = MARK + randomBytes(32).toString('base64url');
    const row = await this.database.inTransaction(async ({ client }) => {
      const made = await insertApiToken(client, { id: randomUUID(), userName: actor.name, name: given.name, hash: hashOf(token), prefix: token.slice(0, SHOWN_CHARS), permissions: given.permissions, expiresAt: given.expiresAt });
      if (made === null) throw new MillraceError('conflict', `User "${actor.name}" has a token "${given.name}" already; revoke it, or take another name`);
      await writeAudit(client, { event: 'create_token', actor: actor.name, extra: { token: made.id, name: made.name, before: null, after: { permissions: given.permissions, expires_at: given.expiresAt } } });
      return made;
    });
    return { token, row };
  }

  /** @param userName null: everybody's */
  list(userName: string | null, page: PageRequest): Promise<Page<ApiTokenRow>> {
    return listApiTokens(this.database.pool, userName, page);
  }

  find(id: string): Promise<ApiTokenRow | null> {
    return findApiToken(this.database.pool, id);
  }

  async revoke(row: ApiTokenRow, actor: Actor): Promise<void> {
    await this.database.inTransaction(async ({ client }) => {
      if (await revokeApiToken(client, row.id)) await writeAudit(client, { event: 'revoke_token', actor: actor.name, extra: { token: row.id, name: row.name, user: row.user_name } });
    });
  }

  /** Who acts with it. @param from the caller's address, kept with the last use @throws MillraceError `unauthorized` */
  async actorOf(token: string, from: string | null): Promise<Actor> {
    const found = await useApiToken(this.database.pool, hashOf(token));
    if (found === null) throw new MillraceError('unauthorized', 'This token is not known, or was revoked');
    if (found.is_expired) throw new MillraceError('unauthorized', 'Token Expired');
    const owner = await this.users.findActive(found.user_name, null);
    if (owner === null) throw new MillraceError('unauthorized', "This token's user is disabled");
    await noteApiTokenUse(this.database.pool, found.id, from);
    if (found.permissions === null) return { ...owner, apiToken: found.name };
    // What cannot be understood limits to nothing.
    const parsed = permissionsSchema.safeParse(found.permissions);
    return { ...owner, apiToken: found.name, layers: [...owner.layers, new Permissions(parsed.success ? parsed.data : [])] };
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
