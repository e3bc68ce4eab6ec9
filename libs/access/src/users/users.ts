import type { DataSource, EntityManager } from 'typeorm';
import { AppUserEntity, writeAudit } from '@millrace/persistence';
import type { SqlRunner } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { Actor, Role } from '../permissions/authorize.js';
import { hashPassword, verifyPassword } from './passwords.js';

/** A user as tokens need it. */
export interface KnownUser extends Actor {
  readonly tokenGeneration: number;
}

/** Longest password that is hashed: a megabyte of it would be a cheap way to keep the processor busy. */
const PASSWORD_MAX_CHARS = 1_000;

/** For so long an active user counts as active without being looked up again: every request asks, and a revocation may take this long. */
const ACTIVE_KNOWN_MS = 1_000;
const ACTIVE_KNOWN_MAX = 10_000;

export class Users {
  readonly #active = new Map<string, { readonly user: KnownUser; readonly untilMs: number }>();

  constructor(private readonly entities: DataSource) {}

  /** The user when name and password fit and the user is active, else null. Never says which of them was wrong. */
  async logIn(name: string, password: string): Promise<KnownUser | null> {
    if (password.length > PASSWORD_MAX_CHARS) return null;
    const users = this.entities.getRepository(AppUserEntity);
    const user = await users.findOneBy({ name });
    const fits = await verifyPassword(user?.passwordHash ?? null, password);
    if (user === null || !fits || !user.isActive) return null;
    await users.update({ name }, { lastLogin: new Date() });
    return { name: user.name, role: user.role, tokenGeneration: user.tokenGeneration };
  }

  /** The user a token names, if its generation is still the current one and the user is active; a change is seen within a second. */
  async findActive(name: string, tokenGeneration: number): Promise<KnownUser | null> {
    const known = this.#active.get(name);
    if (known !== undefined && known.untilMs > performance.now() && known.user.tokenGeneration === tokenGeneration) return known.user;
    const row = await this.entities.getRepository(AppUserEntity).findOneBy({ name, isActive: true, tokenGeneration });
    if (row === null) return null;
    const user = { name: row.name, role: row.role, tokenGeneration: row.tokenGeneration };
    if (this.#active.size >= ACTIVE_KNOWN_MAX) this.#active.clear();
    this.#active.set(name, { user, untilMs: performance.now() + ACTIVE_KNOWN_MS });
    return user;
  }

  /** Makes sure the user exists with this password and role; another password ends the user's sessions. True: something changed. */
  async ensure(name: string, password: string, role: Role): Promise<boolean> {
    if (password.length > PASSWORD_MAX_CHARS) throw new MillraceError('invalid', `the password of user "${name}" is longer than ${PASSWORD_MAX_CHARS} characters`);
    return this.entities.transaction(async (manager) => {
      const users = manager.getRepository(AppUserEntity);
      await manager.query(`select pg_advisory_xact_lock(hashtext('millrace.users'))`);
      const user = await users.findOneBy({ name });
      const runner = auditRunner(manager);
      if (user === null) {
        await users.insert({ name, passwordHash: await hashPassword(password), role });
        await writeAudit(runner, { event: 'create_user', actor: null, extra: { user: name, role } });
        return true;
      }
      if (user.role === role && user.isActive && user.passwordHash !== null && (await verifyPassword(user.passwordHash, password))) return false;
      await users.update({ name }, { passwordHash: await hashPassword(password), role, isActive: true, tokenGeneration: user.tokenGeneration + 1 });
      await writeAudit(runner, { event: 'change_user', actor: null, extra: { user: name, role } });
      return true;
    });
  }

  /** Ends all sessions of a user. */
  async endSessions(name: string): Promise<void> {
    this.#active.delete(name);
    await this.entities.getRepository(AppUserEntity).increment({ name }, 'tokenGeneration', 1);
  }

  async count(): Promise<number> {
    return this.entities.getRepository(AppUserEntity).countBy({ isActive: true });
  }
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
