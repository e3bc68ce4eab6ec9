import { z } from 'zod';
import { ACTIONS, RESOURCES, permissionsSchema } from '@millrace/access';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const user = named('User', z.object({
  name: z.string(), roles: z.array(z.string()), email: z.string().nullable(), first_name: z.string().nullable(), last_name: z.string().nullable(), is_active: z.boolean(),
  has_password: z.boolean(), created_at: time, last_login: time.nullable(),
}));
export const userCollection = page('UserCollection', 'users', user);
export type UserAnswer = Answer<typeof user>;

export const role = named('Role', z.object({ name: z.string(), description: z.string().nullable(), permissions: permissionsSchema, is_fixed: z.boolean() }));
/** With the words a permission is made of. */
export const roleCollection = named('RoleCollection', page('RolePage', 'roles', role).extend({ actions: z.array(z.enum(ACTIONS)), resources: z.array(z.enum(RESOURCES)) }));
export type RoleAnswer = Answer<typeof role>;

export const team = named('Team', z.object({ name: z.string(), description: z.string().nullable(), sources: z.array(z.string()), dags: z.int(), created_at: time }));
export const teamCollection = page('TeamCollection', 'teams', team);
export type TeamAnswer = Answer<typeof team>;

export const apiToken = named('ApiToken', z.object({
  id: z.uuid(), name: z.string(), user_name: z.string(), prefix: z.string(), permissions: permissionsSchema.nullable(), state: z.enum(['active', 'expired', 'revoked']), created_at: time,
  expires_at: time.nullable(), last_used_at: time.nullable(), last_used_from: z.string().nullable(), revoked_at: time.nullable(),
}));
export const apiTokenCollection = page('ApiTokenCollection', 'tokens', apiToken);
/** The token is told once, where it is made. */
export const newApiToken = named('NewApiToken', apiToken.extend({ token: z.string() }));
export type ApiTokenAnswer = Answer<typeof apiToken>;
