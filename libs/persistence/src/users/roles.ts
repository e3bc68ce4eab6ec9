import type { SqlRunner } from '../api-reads/sql-runner.js';

/** A role people made, or a fixed one whose permissions they changed. */
export interface RoleRow {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: unknown;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export async function listRoles(db: SqlRunner): Promise<readonly RoleRow[]> {
  return (await db.query<RoleRow>('select name, description, permissions, created_at, updated_at from app_role order by name')).rows;
}

export async function saveRole(db: SqlRunner, role: { readonly name: string; readonly description: string | null; readonly permissions: unknown }): Promise<void> {
  await db.query(
    `insert into app_role (name, description, permissions) values ($1, $2, $3::jsonb)
     on conflict (name) do update set description = excluded.description, permissions = excluded.permissions, updated_at = now()`,
    [role.name, role.description, JSON.stringify(role.permissions)],
  );
}

export async function deleteRole(db: SqlRunner, name: string): Promise<boolean> {
  return ((await db.query('delete from app_role where name = $1', [name])).rowCount ?? 0) > 0;
}

/** Users who have the role, alone or for a team. */
export async function usersOfRole(db: SqlRunner, name: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(`select name from app_user where exists (select from unnest(more_roles || role) as r (role) where split_part(r.role, '@', 1) = $1) order by name`, [name]);
  return rows.map((row) => row.name);
}
