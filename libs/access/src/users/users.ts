import type { DataSource, EntityManager } from 'typeorm';
import { AppUserEntity, countActiveWith, findUser, listUsers, lockUsers, writeAudit } from '@millrace/persistence';
import type { Page, PageRequest, SqlRunner, UserRow } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { ADMIN_ROLE } from '../permissions/fixed-roles.js';
import type { Actor } from '../permissions/authorize.js';
import type { Roles } from '../roles/roles.js';
import { splitAssignment } from '../roles/roles.js';
import { PASSWORD_MAX_CHARS, passwordProblem } from './password-rules.js';
import { hashPassword, verifyPassword } from './passwords.js';

/** A user as tokens need it. */
export interface KnownUser extends Actor {
  readonly tokenGeneration: number;
}

export interface UserChange {
  readonly password?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly email?: string | null | undefined;
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
  readonly isActive?: boolean | undefined;
}

/** For so long an active user counts as active without being looked up again: every request asks, and a revocation may take this long. */
const ACTIVE_KNOWN_MS = 1_000;
const ACTIVE_KNOWN_MAX = 10_000;

type KnownRow = Pick<AppUserEntity, 'name' | 'role' | 'moreRoles' | 'tokenGeneration'>;

export class Users {
  readonly #active = new Map<string, { readonly row: KnownRow; readonly untilMs: number }>();

  /** @param passwordMinChars of passwords that people choose */
  constructor(
    private readonly entities: DataSource,
    private readonly roles: Roles,
    private readonly passwordMinChars: number,
  ) {}

  /** The user when name and password fit and the user is active, else null. Never says which of them was wrong. */
  async logIn(name: string, password: string): Promise<KnownUser | null> {
    if (password.length > PASSWORD_MAX_CHARS) return null;
    const users = this.entities.getRepository(AppUserEntity);
    const user = await users.findOneBy({ name });
    const fits = await verifyPassword(user?.passwordHash ?? null, password);
    if (user === null || !fits || !user.isActive) return null;
    await users.update({ name }, { lastLogin: new Date() });
    return this.#known(user);
  }

  /** The user a token names, if its generation is still the current one and the user is active; a change is seen within a second. */
  async findActive(name: string, tokenGeneration: number | null): Promise<KnownUser | null> {
    const known = this.#active.get(name);
    if (known !== undefined && known.untilMs > performance.now() && (tokenGeneration === null || known.row.tokenGeneration === tokenGeneration)) return this.#known(known.row);
    const row = await this.entities.getRepository(AppUserEntity).findOneBy({ name, isActive: true, ...(tokenGeneration === null ? {} : { tokenGeneration }) });
    if (row === null) return null;
    if (this.#active.size >= ACTIVE_KNOWN_MAX) this.#active.clear();
    this.#active.set(name, { row, untilMs: performance.now() + ACTIVE_KNOWN_MS });
    return this.#known(row);
  }

  /** Makes sure the user exists with this password and role; another password ends the user's sessions. True: something changed. */
  async ensure(name: string, password: string, role: string): Promise<boolean> {
    if (password.length > PASSWORD_MAX_CHARS) throw new MillraceError('invalid', `the password of user "${name}" is longer than ${PASSWORD_MAX_CHARS} characters`);
    return this.#transaction(async (manager, runner) => {
      const users = manager.getRepository(AppUserEntity);
      const user = await users.findOneBy({ name });
      if (user === null) {
        await users.insert({ name, passwordHash: await hashPassword(password), role });
        await writeAudit(runner, { event: 'create_user', actor: null, extra: { user: name, roles: [role] } });
        return true;
      }
      if (user.role === role && user.isActive && user.passwordHash !== null && (await verifyPassword(user.passwordHash, password))) return false;
      await users.update({ name }, { passwordHash: await hashPassword(password), role, isActive: true, tokenGeneration: user.tokenGeneration + 1 });
      await writeAudit(runner, { event: 'change_user', actor: null, extra: { user: name, roles: [role, ...user.moreRoles], password: 'set by security.admin_password' } });
      return true;
    });
  }

  /** Somebody who logged in elsewhere: made at the first login, and with the roles told there from then on. @throws MillraceError `forbidden` when disabled here. */
  async ensureForeign(name: string, told: { readonly roles: readonly string[]; readonly email: string | null; readonly firstName: string | null; readonly lastName: string | null }): Promise<KnownUser> {
    const [role, ...moreRoles] = told.roles;
    await this.#transaction(async (manager, runner) => {
      const users = manager.getRepository(AppUserEntity);
      const user = await users.findOneBy({ name });
      const facts = { role: role!, moreRoles, email: told.email, firstName: told.firstName, lastName: told.lastName, lastLogin: new Date() };
      if (user === null) {
        await users.insert({ name, passwordHash: null, ...facts });
        await writeAudit(runner, { event: 'create_user', actor: name, extra: { user: name, before: null, after: { roles: told.roles, email: told.email } } });
        return;
      }
      // A name with a password is somebody of this installation: whoever is called so elsewhere is not let in as them.
      if (user.passwordHash !== null) throw new MillraceError('forbidden', `User "${name}" has a password here; somebody of that name from elsewhere is not let in. Remove the password's user, or let the other have another name`);
      if (!user.isActive) throw new MillraceError('forbidden', `User "${name}" is disabled here`);
      const before = [user.role, ...user.moreRoles];
      const changed = before.join('\n') !== told.roles.join('\n');
      await users.update({ name }, { ...facts, ...(changed ? { tokenGeneration: user.tokenGeneration + 1 } : {}) });
      if (changed) await writeAudit(runner, { event: 'change_user', actor: name, extra: { user: name, before: { roles: before }, after: { roles: told.roles } } });
    });
    this.#active.delete(name);
    return (await this.findActive(name, null))!;
  }

  list(filter: { readonly namePattern?: string | undefined; readonly isActive?: boolean | undefined }, page: PageRequest): Promise<Page<UserRow>> {
    return listUsers(auditRunner(this.entities.manager), filter, page);
  }

  async find(name: string): Promise<UserRow> {
    const found = await findUser(auditRunner(this.entities.manager), name);
    if (found === null) throw new MillraceError('not_found', `There is no user "${name}"`);
    return found;
  }

  /** @throws MillraceError `conflict` when the name is taken, `invalid` for a password or role that cannot be */
  async create(name: string, given: UserChange & { readonly password: string; readonly roles: readonly string[] }, actor: Actor): Promise<UserRow> {
    this.#checkPassword(given.password, name);
    await this.#checkRoles(given.roles);
    const passwordHash = await hashPassword(given.password);
    await this.#transaction(async (manager, runner) => {
      const users = manager.getRepository(AppUserEntity);
      if (await users.existsBy({ name })) throw new MillraceError('conflict', `There is a user "${name}" already`);
      const [role, ...moreRoles] = given.roles;
      await users.insert({ name, passwordHash, role: role!, moreRoles, email: given.email ?? null, firstName: given.firstName ?? null, lastName: given.lastName ?? null, isActive: given.isActive ?? true });
      await writeAudit(runner, { event: 'create_user', actor: actor.name, extra: { user: name, before: null, after: shown(await findUser(runner, name)) } });
    });
    return this.find(name);
  }

  /** What changes what the user may, or how they prove who they are, ends their sessions. */
  async change(name: string, change: UserChange, actor: Actor): Promise<UserRow> {
    if (change.password !== undefined) this.#checkPassword(change.password, name);
    if (change.roles !== undefined) await this.#checkRoles(change.roles);
    const passwordHash = change.password === undefined ? undefined : await hashPassword(change.password);
    await this.#transaction(async (manager, runner) => {
      const users = manager.getRepository(AppUserEntity);
      const user = await users.findOneBy({ name });
      if (user === null) throw new MillraceError('not_found', `There is no user "${name}"`);
      const before = await findUser(runner, name);
      const roles = change.roles ?? before!.roles;
      const isActive = change.isActive ?? user.isActive;
      if (user.isActive && before!.roles.includes(ADMIN_ROLE) && !(isActive && roles.includes(ADMIN_ROLE))) await this.#mustNotBeLastAdmin(runner, name);
      const endsSessions = passwordHash !== undefined || !isActive || roles.join('\n') !== before!.roles.join('\n');
      const [role, ...moreRoles] = roles;
      await users.update({ name }, {
        role: role!, moreRoles: [...moreRoles], isActive,
        ...(passwordHash === undefined ? {} : { passwordHash }),
        ...(change.email === undefined ? {} : { email: change.email }),
        ...(change.firstName === undefined ? {} : { firstName: change.firstName }),
        ...(change.lastName === undefined ? {} : { lastName: change.lastName }),
        ...(endsSessions ? { tokenGeneration: user.tokenGeneration + 1 } : {}),
      });
      await writeAudit(runner, { event: 'change_user', actor: actor.name, extra: { user: name, before: shown(before), after: shown(await findUser(runner, name)), ...(passwordHash === undefined ? {} : { password: 'changed' }) } });
    });
    this.#active.delete(name);
    return this.find(name);
  }

  /** Their tokens go with them; what they did stays in the audit log under their name. */
  async remove(name: string, actor: Actor): Promise<void> {
    await this.#transaction(async (manager, runner) => {
      const before = await findUser(runner, name);
      if (before === null) throw new MillraceError('not_found', `There is no user "${name}"`);
      if (before.is_active && before.roles.includes(ADMIN_ROLE)) await this.#mustNotBeLastAdmin(runner, name);
      await manager.getRepository(AppUserEntity).delete({ name });
      await writeAudit(runner, { event: 'delete_user', actor: actor.name, extra: { user: name, before: shown(before), after: null } });
    });
    this.#active.delete(name);
  }

  /** One's own, with the current one; ends all of one's sessions. */
  async changeOwnPassword(actor: Actor, current: string, next: string): Promise<void> {
    const user = await this.entities.getRepository(AppUserEntity).findOneBy({ name: actor.name });
    if (user === null || user.passwordHash === null) throw new MillraceError('conflict', `User "${actor.name}" has no password here: they log in elsewhere`);
    if (current.length > PASSWORD_MAX_CHARS || !(await verifyPassword(user.passwordHash, current))) throw new MillraceError('forbidden', 'The current password is another one');
    await this.change(actor.name, { password: next }, actor);
  }

  async count(): Promise<number> {
    return this.entities.getRepository(AppUserEntity).countBy({ isActive: true });
  }

  async #known(row: KnownRow): Promise<KnownUser> {
    const assignments = [row.role, ...row.moreRoles];
    return { name: row.name, role: assignments.join(', '), layers: [await this.roles.permissionsOf(assignments)], apiToken: null, tokenGeneration: row.tokenGeneration };
  }

  #checkPassword(password: string, name: string): void {
    const problem = passwordProblem(password, name, this.passwordMinChars);
    if (problem !== null) throw new MillraceError('invalid', problem);
  }

  async #checkRoles(assignments: readonly string[]): Promise<void> {
    if (assignments.length === 0) throw new MillraceError('invalid', 'a user has at least one role');
    const known = new Set((await this.roles.list()).map((role) => role.name));
    for (const assignment of assignments) {
      const [role] = splitAssignment(assignment);
      if (!known.has(role)) throw new MillraceError('invalid', `there is no role "${role}"; the roles are ${[...known].join(', ')}. For one team: Role@team`);
    }
  }

  async #mustNotBeLastAdmin(runner: SqlRunner, name: string): Promise<void> {
    if ((await countActiveWith(runner, ADMIN_ROLE, name)) === 0) throw new MillraceError('conflict', `User "${name}" is the last active one with role ${ADMIN_ROLE}; give it to another first`);
  }

  #transaction<Result>(work: (manager: EntityManager, runner: SqlRunner) => Promise<Result>): Promise<Result> {
    return this.entities.transaction(async (manager) => {
      const runner = auditRunner(manager);
      await lockUsers(runner);
      return work(manager, runner);
    });
  }
}

/** What the audit log says of a user. */
function shown(user: UserRow | null): unknown {
  return user === null ? null : { roles: user.roles, is_active: user.is_active, email: user.email, first_name: user.first_name, last_name: user.last_name };
}

/** TypeORM's manager as what audit lines are written through: the same transaction. */
export function auditRunner(manager: EntityManager): SqlRunner {
  return {
    query: async (text, values) => {
      const rows = (await manager.query(text, values)) as never[];
      return { rows, rowCount: rows.length } as never;
    },
  };
}
