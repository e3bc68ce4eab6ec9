import type { SqlRunner } from '../api-reads/sql-runner.js';

/** One secret as it is stored, and what it is bound to. */
export interface StoredSecret {
  readonly id: string;
  /** e.g. `variable/key`, `connection/id/password`. */
  readonly place: string;
  readonly sealed: string;
}

export const SECRET_KINDS = ['variable', 'connection_password', 'connection_extra'] as const;
export type SecretKind = (typeof SECRET_KINDS)[number];

const TABLES: Readonly<Record<SecretKind, { readonly table: string; readonly id: string; readonly column: string; readonly place: string; readonly where: string }>> = {
  variable: { table: 'variable', id: 'key', column: 'value', place: `'variable/' || key`, where: 'is_encrypted' },
  connection_password: { table: 'connection', id: 'connection_id', column: 'password_encrypted', place: `'connection/' || connection_id || '/password'`, where: 'password_encrypted is not null' },
  connection_extra: { table: 'connection', id: 'connection_id', column: 'extra_encrypted', place: `'connection/' || connection_id || '/extra'`, where: 'extra_encrypted is not null' },
};

/** Secrets of a kind in the order of their ids, after one of them. */
export async function secretsAfter(db: SqlRunner, kind: SecretKind, after: string, limit: number): Promise<readonly StoredSecret[]> {
  const { table, id, column, place, where } = TABLES[kind];
  return (await db.query<StoredSecret>(`select ${id} as id, ${place} as place, ${column} as sealed from ${table} where ${where} and ${id} > $1 order by ${id} limit $2`, [after, limit])).rows;
}

export async function countSecrets(db: SqlRunner, kind: SecretKind): Promise<number> {
  const { table, where } = TABLES[kind];
  return (await db.query<{ count: number }>(`select count(*)::int as count from ${table} where ${where}`)).rows[0]!.count;
}

/** Puts another text for the same secret in its place, unless somebody wrote the secret meanwhile. False: somebody did. */
export async function replaceSecret(db: SqlRunner, kind: SecretKind, id: string, before: string, after: string): Promise<boolean> {
  const { table, id: idColumn, column } = TABLES[kind];
  return ((await db.query(`update ${table} set ${column} = $3 where ${idColumn} = $1 and ${column} = $2`, [id, before, after])).rowCount ?? 0) > 0;
}
