import type { SqlRunner } from '../api-reads/sql-runner.js';

/** A session that was logged out. Those whose time is over are forgotten with it. */
export async function endSession(db: SqlRunner, id: string, endsAt: Date): Promise<void> {
  await db.query('delete from ended_session where ends_at < now()');
  await db.query('insert into ended_session (id, ends_at) values ($1, $2) on conflict do nothing', [id, endsAt]);
}

export async function endedSessions(db: SqlRunner): Promise<readonly string[]> {
  return (await db.query<{ id: string }>('select id from ended_session where ends_at >= now()')).rows.map((row) => row.id);
}

/** Failures in the last so many seconds, by key. */
export async function loginFailures(db: SqlRunner, keys: readonly string[], windowSeconds: number): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ key: string; count: number }>('select key, count from login_failure where key = any($1::text[]) and since > now() - make_interval(secs => $2)', [keys, windowSeconds]);
  return new Map(rows.map((row) => [row.key, row.count]));
}

export async function countLoginFailure(db: SqlRunner, keys: readonly string[], windowSeconds: number): Promise<void> {
  // In order, so that two at once do not wait for each other crosswise.
  await db.query(
    `insert into login_failure as f (key, count) select k, 1 from unnest($1::text[]) as k order by k
     on conflict (key) do update set count = case when f.since > now() - make_interval(secs => $2) then f.count + 1 else 1 end,
       since = case when f.since > now() - make_interval(secs => $2) then f.since else now() end`,
    [keys, windowSeconds],
  );
  await db.query(`delete from login_failure where key in (select key from login_failure where since < now() - interval '1 hour' order by key limit 100 for update skip locked)`);
}

export async function forgetLoginFailures(db: SqlRunner, keys: readonly string[]): Promise<void> {
  await db.query('delete from login_failure where key = any($1::text[])', [keys]);
}
