import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { Users } from '@millrace/access';
import type { Actor, UserChange } from '@millrace/access';
import type { UserRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { user, userCollection } from './access-schemas.js';
import type { UserAnswer } from './access-schemas.js';

const USERS = '/api/millrace/v1/users';
const listQuery = z.object({ ...pageFields('name'), user_name_pattern: query.text, is_active: query.boolean });
/** No `:` or blank, which are in the way of basic authentication and of logs. */
const userName = z.string().regex(/^[\p{L}\p{N}_.@+-]{1,250}$/u, 'a user name has letters, digits and any of _ . @ + -, at most 250 characters');
const password = z.string().max(1_000);
const roles = z.array(z.string().min(1).max(510)).min(1, 'a user has at least one role').max(100);
const facts = { email: z.email().max(320).nullish(), first_name: z.string().max(250).nullish(), last_name: z.string().max(250).nullish(), is_active: z.boolean().optional() };
const createBody = z.strictObject({ name: userName, password, roles: roles.default(['Viewer']), ...facts });
const patchBody = z.strictObject({ password: password.optional(), roles: roles.optional(), ...facts });
const ownPasswordBody = z.strictObject({ current_password: z.string().max(1_000), new_password: password });

/** Who may log in, and as what. */
@Controller()
export class UsersController {
  constructor(
    @Inject(Users) private readonly users: Users,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Route('GET', USERS, { action: 'read', resource: 'user' })
  @Answers(userCollection)
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof userCollection>> {
    const page = await this.users.list({ namePattern: values.user_name_pattern, isActive: values.is_active }, pageOf(values, this.pageLimitMax));
    return { users: page.rows.map(toUserResponse), total_entries: page.total };
  }

  @Route('GET', `${USERS}/:user_name`, { action: 'read', resource: 'user' })
  @Answers(user)
  async get(@Param('user_name') name: string): Promise<Answer<typeof user>> {
    return toUserResponse(await this.users.find(name));
  }

  @AuditedByCommand()
  @Route('POST', USERS, { action: 'create', resource: 'user' }, 201)
  @Answers(user)
  async create(@ValidBody(createBody) body: z.infer<typeof createBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof user>> {
    refuseToken(actor);
    return toUserResponse(await this.users.create(body.name, { ...changeOf(body), password: body.password, roles: body.roles }, actor));
  }

  @AuditedByCommand()
  @Route('PATCH', `${USERS}/:user_name`, { action: 'edit', resource: 'user' })
  @Answers(user)
  async change(@Param('user_name') name: string, @ValidBody(patchBody) body: z.infer<typeof patchBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof user>> {
    refuseToken(actor);
    return toUserResponse(await this.users.change(name, changeOf(body), actor));
  }

  @AuditedByCommand()
  @Route('DELETE', `${USERS}/:user_name`, { action: 'delete', resource: 'user' }, 204)
  async remove(@Param('user_name') name: string, @CurrentActor() actor: Actor): Promise<void> {
    refuseToken(actor);
    if (name === actor.name) throw new MillraceError('conflict', 'Nobody deletes themselves; another admin can');
    await this.users.remove(name, actor);
  }

  /** One's own; ends all of one's sessions, also this one. */
  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/me/password', 'self', 204)
  async changeOwnPassword(@ValidBody(ownPasswordBody) body: z.infer<typeof ownPasswordBody>, @CurrentActor() actor: Actor): Promise<void> {
    refuseToken(actor);
    await this.users.changeOwnPassword(actor, body.current_password, body.new_password);
  }
}

/** A token that leaked must not be able to outlive its revocation. @throws MillraceError `forbidden` */
export function refuseToken(actor: Actor): void {
  if (actor.apiToken !== null) throw new MillraceError('forbidden', 'An API token cannot change users, roles, teams, passwords or tokens; log in with name and password');
}

function changeOf(body: z.infer<typeof patchBody>): UserChange {
  return { password: body.password, roles: body.roles, email: body.email, firstName: body.first_name, lastName: body.last_name, isActive: body.is_active };
}

function toUserResponse(row: UserRow): UserAnswer {
  return {
    name: row.name, roles: row.roles, email: row.email, first_name: row.first_name, last_name: row.last_name, is_active: row.is_active, has_password: row.has_password,
    created_at: instantText(row.created_at), last_login: instantText(row.last_login),
  };
}
