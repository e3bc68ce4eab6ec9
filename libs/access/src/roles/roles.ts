import { MillraceError } from '@millrace/vocabulary';
import { deleteRole, listRoles, lockUsers, saveRole, usersOfRole, writeAudit } from '@millrace/persistence';
import type { Database, SqlRunner } from '@millrace/persistence';
import { FIXED_ROLES, UNCHANGEABLE_ROLES } from '../permissions/fixed-roles.js';
import { Permissions, permissionsSchema } from '../permissions/permissions.js';
import type { Permission } from '../permissions/permissions.js';

/** A role as people see it. */
export interface RoleView {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: readonly Permission[];
  /** One of Airflow's; all but Public stay as they are. */
  readonly isFixed: boolean;
}

/** A changed role is in force this late in every process. */
const KNOWN_MS = 1_000;

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  Admin: 'Everything', Op: 'Works with dags and settings', User: 'Works with dags', Viewer: 'Reads', Public: 'Whoever is not logged in',
};

/** Fixed roles and those people made. */
export class Roles {
  #known: { readonly roles: Promise<ReadonlyMap<string, RoleView>>; readonly untilMs: number; readonly together: Map<string, Permissions> } | null = null;

  constructor(private readonly database: Database) {}

  async list(): Promise<readonly RoleView[]> {
    return [...(await this.#all()).values()];
  }

  /** As they are stored now. */
  async find(name: string): Promise<RoleView> {
    this.#known = null;
    return found(await this.#all(), name);
  }

  /** What these roles come to together. `Role@team` is the role for that team's dags and settings only; a role that is no more grants nothing. */
  async permissionsOf(assignments: readonly string[]): Promise<Permissions> {
    const roles = await this.#all();
    const together = this.#known?.together;
    const key = assignments.join('\n');
    const known = together?.get(key);
    if (known !== undefined) return known;
    const permissions = new Permissions(assignments.flatMap((assignment) => {
      const [name, team] = splitAssignment(assignment);
      const permissions = roles.get(name)?.permissions ?? [];
      return team === null ? permissions : permissions.flatMap((permission) => forTeam(permission, team));
    }));
    together?.set(key, permissions);
    return permissions;
  }

  async create(role: { readonly name: string; readonly description: string | null; readonly permissions: readonly Permission[] }, actor: string): Promise<RoleView> {
    await this.database.inTransaction(async ({ client }) => {
      await lockUsers(client);
      if (Object.hasOwn(FIXED_ROLES, role.name) || (await listRoles(client)).some((row) => row.name === role.name)) throw new MillraceError('conflict', `There is a role "${role.name}" already`);
      await saveRole(client, role);
      await writeAudit(client, { event: 'create_role', actor, extra: { role: role.name, before: null, after: role } });
    });
    return this.find(role.name);
  }

  async change(name: string, change: { readonly description?: string | null | undefined; readonly permissions?: readonly Permission[] | undefined }, actor: string): Promise<RoleView> {
    if (UNCHANGEABLE_ROLES.has(name)) throw new MillraceError('bad_request', `Role ${name} stays as it is; make one of your own`);
    await this.database.inTransaction(async ({ client }) => {
      await lockUsers(client);
      const before = found(await readRoles(client), name);
      const after = { name, description: change.description === undefined ? before.description : change.description, permissions: change.permissions ?? before.permissions };
      await saveRole(client, after);
      await writeAudit(client, { event: 'change_role', actor, extra: { role: name, before: { description: before.description, permissions: before.permissions }, after } });
    });
    return this.find(name);
  }

  async remove(name: string, actor: string): Promise<void> {
    await this.database.inTransaction(async ({ client }) => {
      await lockUsers(client);
      const before = found(await readRoles(client), name);
      if (before.isFixed) throw new MillraceError('bad_request', `Role ${name} is one of the fixed ones and cannot be deleted`);
      const users = await usersOfRole(client, name);
      if (users.length > 0) throw new MillraceError('conflict', `Role ${name} is in use by ${users.slice(0, 10).join(', ')}${users.length > 10 ? ' and others' : ''}; give them another first`);
      await deleteRole(client, name);
      await writeAudit(client, { event: 'delete_role', actor, extra: { role: name, before: { description: before.description, permissions: before.permissions }, after: null } });
    });
    this.#known = null;
  }

  #all(): Promise<ReadonlyMap<string, RoleView>> {
    const now = performance.now();
    if (this.#known === null || this.#known.untilMs <= now) {
      const roles = readRoles(this.database.pool);
      this.#known = { roles, untilMs: now + KNOWN_MS, together: new Map() };
      roles.catch(() => {
        this.#known = null;
      });
    }
    return this.#known.roles;
  }

}

async function readRoles(db: SqlRunner): Promise<ReadonlyMap<string, RoleView>> {
  const roles = new Map<string, RoleView>(Object.entries(FIXED_ROLES).map(([name, permissions]) => [name, { name, description: DESCRIPTIONS[name] ?? null, permissions, isFixed: true }]));
  for (const row of await listRoles(db)) {
    if (UNCHANGEABLE_ROLES.has(row.name)) continue;
    // What a newer version wrote and this one does not understand grants nothing.
    const parsed = permissionsSchema.safeParse(row.permissions);
    roles.set(row.name, { name: row.name, description: row.description, permissions: parsed.success ? parsed.data : [], isFixed: Object.hasOwn(FIXED_ROLES, row.name) });
  }
  return roles;
}

function found(roles: ReadonlyMap<string, RoleView>, name: string): RoleView {
  const role = roles.get(name);
  if (role === undefined) throw new MillraceError('not_found', `There is no role "${name}"`);
  return role;
}

/** `Role@team` in its parts; without a team it is for everything. */
export function splitAssignment(assignment: string): [role: string, team: string | null] {
  const at = assignment.indexOf('@');
  return at < 0 ? [assignment, null] : [assignment.slice(0, at), assignment.slice(at + 1)];
}

/** The permission for one team; one that names dags or other teams already is not for this team. */
function forTeam(permission: Permission, team: string): Permission[] {
  if (permission.dags === undefined && permission.teams === undefined) return [{ ...permission, teams: [team] }];
  return permission.teams?.includes(team) === true ? [{ ...permission, dags: undefined, teams: [team] }] : [];
}
