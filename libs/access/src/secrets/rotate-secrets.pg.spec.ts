import { migratedDatabase } from '@millrace/persistence/testing';
import { expect, it } from 'vitest';
import { rotateSecrets } from './rotate-secrets.js';
import { SecretBox } from './secret-box.js';

const internalToken = 'an internal token of enough length';
const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

it('moves every secret under the new key, goes on where it was stopped, and both keys work meanwhile', async () => {
  await using migrated = await migratedDatabase();
  const { pool } = migrated.database;
  const old = new SecretBox({ internalToken });
  for (let n = 0; n < 250; n++) await pool.query('insert into variable (key, value, is_encrypted) values ($1, $2, true)', [`v${n}`, old.seal(`value ${n}`, `variable/v${n}`)]);
  await pool.query('insert into connection (connection_id, conn_type, password_encrypted, extra_encrypted) values ($1, $2, $3, $4)', ['c', 'http', old.seal('pw', 'connection/c/password'), old.seal('{}', 'connection/c/extra')]);
  await pool.query(`insert into variable (key, value, is_encrypted) values ('plain', 'as it is', false), ('lost', $1, true)`, [new SecretBox({ internalToken: 'a token nobody knows any more, long' }).seal('x', 'variable/lost')]);
  const next = new SecretBox({ internalToken, secretKeys: [`2026=${key(1)}`] });
  // Stopped in the middle, as by kill -9: what is moved is moved.
  let batches = 0;
  await expect(rotateSecrets(migrated.database, next, () => {
    if (++batches === 2) throw new Error('killed');
  })).rejects.toThrow('killed');
  const read = async () => (await pool.query<{ key: string; value: string }>(`select key, value from variable where is_encrypted and key <> 'lost' order by key`)).rows;
  const half = await read();
  expect(new Set(half.map((row) => row.value.split(':')[0]))).toEqual(new Set(['k1', '2026']));
  for (const row of half) expect(next.open(row.value, `variable/${row.key}`)).toBe(`value ${row.key.slice(1)}`);
  const progress: number[] = [];
  const report = await rotateSecrets(migrated.database, next, ({ done, total }) => progress.push(done / total));
  expect(report).toMatchObject({ unreadable: ['variable/lost'] });
  expect([report.moved + report.current, progress.at(-1)]).toEqual([252, 1]);
  expect(report.current).toBeGreaterThan(0);
  expect(await rotateSecrets(migrated.database, next)).toMatchObject({ moved: 0, current: 252 });
  // The old key is needed for nothing any more.
  const without = new SecretBox({ internalToken: 'the next internal token, long enough', secretKeys: [`2026=${key(1)}`] });
  for (const row of await read()) expect(without.open(row.value, `variable/${row.key}`)).toBe(`value ${row.key.slice(1)}`);
  const [connection] = (await pool.query<{ password_encrypted: string }>('select password_encrypted from connection')).rows;
  expect(without.open(connection!.password_encrypted, 'connection/c/password')).toBe('pw');
  expect((await pool.query(`select value from variable where key = 'plain'`)).rows).toEqual([{ value: 'as it is' }]);
});
