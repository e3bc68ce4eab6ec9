import { Filter, readPage } from '../api-reads/paging.js';
import type { Page, PageRequest } from '../api-reads/paging.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

/** A user without the password's hash. */
export interface UserRow {
  readonly name: string;
  readonly roles: readonly string[];
  readonly email: string | null;
  readonly first_name: string | null;
  readonly last_name: string | null;
  readonly is_active: boolean;
  /** False: logs in elsewhere (single sign-on). */
  readonly has_password: boolean;
  readonly created_at: Date;
  readonly last_login: Date | null;
}

const COLUMNS = `u.name, u.role || u.more_roles as roles, u.email, u.first_name, u.last_name, u.is_active, u.password_hash is not null as has_password, u.created_at, u.last_login`;
const ORDER = { name: 'u.name', email: { nullable: 'u.email' }, role: 'u.role', is_active: 'u.is_active', created_at: 'u.created_at', last_login: { nullable: 'u.last_login' } };

export function listUsers(db: SqlRunner, filter: { readonly namePattern?: string | undefined; readonly isActive?: boolean | undefined }, page: PageRequest): Promise<Page<UserRow>> {
  const built = new Filter().pattern('u.name', filter.namePattern).when(filter.isActive, 'u.is_active = ?');
  return readPage<UserRow>(db, { select: COLUMNS, from: 'app_user u', filter: built, order: ORDER, tieBreaker: 'u.name', page });
}

export async function findUser(db: SqlRunner, name: string): Promise<UserRow | null> {
  return (await db.query<UserRow>(`select ${COLUMNS} from app_user u where u.name = $1`, [name])).rows[0] ?? null;
}

/** How many active users have the role without a team, not counting one. */
export async function countActiveWith(db: SqlRunner, role: string, exceptName: string): Promise<number> {
  return (await db.query<{ count: number }>('select count(*)::int as count from app_user where is_active and name <> $2 and $1 = any(more_roles || role)', [role, exceptName])).rows[0]!.count;
}

/** Changes of users and of roles go one after the other, so that two at once cannot take the last admin away. Until the end of the transaction. */
export async function lockUsers(db: SqlRunner): Promise<void> {
  await db.query(`select pg_advisory_xact_lock(hashtext('millrace.users'))`);
}
