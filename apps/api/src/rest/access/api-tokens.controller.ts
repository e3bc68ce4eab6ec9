import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { ApiTokens, isAllowed, permissionsSchema } from '@millrace/access';
import type { Actor } from '@millrace/access';
import type { ApiTokenRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { instant, pageFields, pageOf, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { refuseToken } from './users.controller.js';
import { apiTokenCollection, newApiToken } from './access-schemas.js';
import type { ApiTokenAnswer } from './access-schemas.js';

const TOKENS = '/api/millrace/v1/tokens';
const listQuery = z.object({ ...pageFields('name'), all: query.boolean });
const createBody = z.strictObject({
  name: z.string().trim().min(1).max(250),
  /** What of its owner's permissions it has; without: all. */
  permissions: permissionsSchema.nullish(),
  expires_at: instant.nullish(),
});
const uuid = z.uuid();

/** Tokens of programs. Everybody makes and revokes their own; who may edit users sees and revokes all. */
@Controller()
export class ApiTokensController {
  constructor(
    @Inject(ApiTokens) private readonly tokens: ApiTokens,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Route('GET', TOKENS, 'self')
  @Answers(apiTokenCollection)
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>, @CurrentActor() actor: Actor): Promise<Answer<typeof apiTokenCollection>> {
    if (values.all === true && !isAllowed(actor, 'read', 'user')) throw new MillraceError('forbidden', `User "${actor.name}" may not see the tokens of others`);
    const page = await this.tokens.list(values.all === true ? null : actor.name, pageOf(values, this.pageLimitMax));
    return { tokens: page.rows.map(toTokenResponse), total_entries: page.total };
  }

  /** The token is told here, once. */
  @AuditedByCommand()
  @Route('POST', TOKENS, 'self', 201)
  @Answers(newApiToken)
  async create(@ValidBody(createBody) body: z.infer<typeof createBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof newApiToken>> {
    refuseToken(actor);
    const { token, row } = await this.tokens.create(actor, { name: body.name, permissions: body.permissions ?? null, expiresAt: body.expires_at ?? null });
    return { ...toTokenResponse(row), token };
  }

  @AuditedByCommand()
  @Route('DELETE', `${TOKENS}/:token_id`, 'self', 204)
  async revoke(@Param('token_id') id: string, @CurrentActor() actor: Actor): Promise<void> {
    refuseToken(actor);
    const row = uuid.safeParse(id).success ? await this.tokens.find(id) : null;
    // Whether somebody else has such a token is nobody's business.
    if (row === null || (row.user_name !== actor.name && !isAllowed(actor, 'edit', 'user'))) throw new MillraceError('not_found', `There is no token ${id}`);
    await this.tokens.revoke(row, actor);
  }
}

function toTokenResponse(row: ApiTokenRow): ApiTokenAnswer {
  const state = row.revoked_at !== null ? 'revoked' : row.expires_at !== null && row.expires_at.getTime() <= Date.now() ? 'expired' : 'active';
  return {
    id: row.id, name: row.name, user_name: row.user_name, prefix: row.prefix, permissions: row.permissions as ApiTokenAnswer['permissions'], state, created_at: instantText(row.created_at), expires_at: instantText(row.expires_at),
    last_used_at: instantText(row.last_used_at), last_used_from: row.last_used_from, revoked_at: instantText(row.revoked_at),
  };
}
