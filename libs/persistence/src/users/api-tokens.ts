import { Filter, readPage } from '../api-reads/paging.js';
import type { Page, PageRequest } from '../api-reads/paging.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

/** A program's token, without anything it could be used with. */
export interface ApiTokenRow {
  readonly id: string;
  readonly user_name: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: unknown;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly last_used_from: string | null;
  readonly revoked_at: Date | null;
}

const COLUMNS = 't.id, t.user_name, t.name, t.prefix, t.permissions, t.created_at, t.expires_at, t.last_used_at, t.last_used_from, t.revoked_at';
const ORDER = { name: 't.name', user_name: 't.user_name', created_at: 't.created_at', expires_at: { nullable: 't.expires_at' }, last_used_at: { nullable: 't.last_used_at' } };

/** @param userName null: everybody's */
export function listApiTokens(db: SqlRunner, userName: string | null, page: PageRequest): Promise<Page<ApiTokenRow>> {
  return readPage<ApiTokenRow>(db, { select: COLUMNS, from: 'api_token t', filter: new Filter().when(userName, 't.user_name = ?'), order: ORDER, tieBreaker: 't.id', page });
}

export async function findApiToken(db: SqlRunner, id: string): Promise<ApiTokenRow | null> {
  return (await db.query<ApiTokenRow>(`select ${COLUMNS} from api_token t where t.id = $1`, [id])).rows[0] ?? null;
}

/** Null: the user has a token of this name that is in use. A revoked or expired one of the same name gives way. */
export async function insertApiToken(
  db: SqlRunner,
  token: { readonly id: string; readonly userName: string; readonly name: string; readonly hash: Buffer; readonly prefix: string; readonly permissions: unknown; readonly expiresAt: Date | null },
): Promise<ApiTokenRow | null> {
  await db.query('delete from api_token where user_name = $1 and name = $2 and (revoked_at is not null or expires_at <= now())', [token.userName, token.name]);
  const { rows } = await db.query<ApiTokenRow>(
    `insert into api_token as t (id, user_name, name, hash, prefix, permissions, expires_at) values ($1, $2, $3, $4, $5, $6::jsonb, $7) on conflict (user_name, name) do nothing returning ${COLUMNS}`,
    [token.id, token.userName, token.name, token.hash, token.prefix, token.permissions === null ? null : JSON.stringify(token.permissions), token.expiresAt],
  );
  return rows[0] ?? null;
}

/** Its owner's name when the token may be used now. Nothing is remembered: a revoked token is refused at once. */
export async function useApiToken(db: SqlRunner, hash: Buffer): Promise<{ readonly id: string; readonly name: string; readonly user_name: string; readonly permissions: unknown; readonly is_expired: boolean } | null> {
  const { rows } = await db.query<{ id: string; name: string; user_name: string; permissions: unknown; is_expired: boolean }>(
    'select id, name, user_name, permissions, coalesce(expires_at <= now(), false) as is_expired from api_token where hash = $1 and revoked_at is null', [hash],
  );
  return rows[0] ?? null;
}

/** Once a minute is often enough: a write for every request would cost more than the request. */
export async function noteApiTokenUse(db: SqlRunner, id: string, from: string | null): Promise<void> {
  await db.query(`update api_token set last_used_at = now(), last_used_from = $2 where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`, [id, from]);
}

export async function revokeApiToken(db: SqlRunner, id: string): Promise<boolean> {
  return ((await db.query('update api_token set revoked_at = now() where id = $1 and revoked_at is null', [id])).rowCount ?? 0) > 0;
}
