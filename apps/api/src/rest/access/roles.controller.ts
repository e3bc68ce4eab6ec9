import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { ACTIONS, RESOURCES, Roles, permissionsSchema } from '@millrace/access';
import type { Actor, RoleView } from '@millrace/access';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { refuseToken } from './users.controller.js';
import { role, roleCollection } from './access-schemas.js';
import type { RoleAnswer } from './access-schemas.js';

const ROLES = '/api/millrace/v1/roles';
const listQuery = z.object(pageFields('name'));
const createBody = z.strictObject({ name: z.string().regex(/^[\p{L}\p{N}_. -]{1,250}$/u, 'a role name has letters, digits, blanks and any of _ . -, at most 250 characters'), description: z.string().max(1_000).nullish(), permissions: permissionsSchema });
const patchBody = z.strictObject({ description: z.string().max(1_000).nullish(), permissions: permissionsSchema.optional() });

/** What users may. */
@Controller()
export class RolesController {
  constructor(
    @Inject(Roles) private readonly roles: Roles,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  /** With the words a permission is made of. */
  @Route('GET', ROLES, { action: 'read', resource: 'user' })
  @Answers(roleCollection)
  async list(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<Answer<typeof roleCollection>> {
    const all = await this.roles.list();
    return { roles: all.slice(values.offset, values.offset + Math.min(values.limit, this.pageLimitMax)).map(toRoleResponse), total_entries: all.length, actions: ACTIONS, resources: RESOURCES };
  }

  @Route('GET', `${ROLES}/:role_name`, { action: 'read', resource: 'user' })
  @Answers(role)
  async get(@Param('role_name') name: string): Promise<Answer<typeof role>> {
    return toRoleResponse(await this.roles.find(name));
  }

  @AuditedByCommand()
  @Route('POST', ROLES, { action: 'create', resource: 'user' }, 201)
  @Answers(role)
  async create(@ValidBody(createBody) body: z.infer<typeof createBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof role>> {
    refuseToken(actor);
    return toRoleResponse(await this.roles.create({ name: body.name, description: body.description ?? null, permissions: body.permissions }, actor.name));
  }

  @AuditedByCommand()
  @Route('PATCH', `${ROLES}/:role_name`, { action: 'edit', resource: 'user' })
  @Answers(role)
  async change(@Param('role_name') name: string, @ValidBody(patchBody) body: z.infer<typeof patchBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof role>> {
    refuseToken(actor);
    return toRoleResponse(await this.roles.change(name, body, actor.name));
  }

  @AuditedByCommand()
  @Route('DELETE', `${ROLES}/:role_name`, { action: 'delete', resource: 'user' }, 204)
  async remove(@Param('role_name') name: string, @CurrentActor() actor: Actor): Promise<void> {
    refuseToken(actor);
    await this.roles.remove(name, actor.name);
  }
}

function toRoleResponse(role: RoleView): RoleAnswer {
  return { name: role.name, description: role.description, permissions: role.permissions, is_fixed: role.isFixed };
}
