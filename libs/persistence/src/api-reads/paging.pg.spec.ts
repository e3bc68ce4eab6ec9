import { testDatabase } from '@millrace/test-services';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { COUNTED_UP_TO, Filter, readPage } from './paging.js';
import type { PageRequest } from './paging.js';

const ROWS = COUNTED_UP_TO + 10_000;
const QUERY = { select: 't.id, k.name', from: 'thing t', lookups: { k: 'join kind k on k.id = t.kind_id', o: 'join owner o on o.id = k.owner_id' }, order: { id: 't.id' }, tieBreaker: 't.id' };

async function things(): Promise<{ readonly pool: pg.Pool; readonly page: (page: Partial<PageRequest>, filter?: Filter) => Promise<{ ids: number[]; total: number }> } & AsyncDisposable> {
  const created = await testDatabase();
  const pool = new pg.Pool({ connectionString: created.url });
  await pool.query(`
    create table owner (id int primary key, name text);
    create table kind (id int primary key, name text, owner_id int not null references owner);
    create table thing (id int primary key, kind_id int not null references kind);
    insert into owner values (1, 'ana'), (2, 'ben');
    insert into kind values (1, 'rare', 1), (2, 'common', 2);
    insert into thing select n, case when n <= 7 then 1 else 2 end from generate_series(1, ${ROWS}) n;
    analyze thing`);
  return {
    pool,
    async page(page, filter = new Filter()) {
      const { rows, total } = await readPage<{ id: number }>(pool, { ...QUERY, filter, page: { limit: 5, offset: 0, orderBy: [], ...page } });
      return { ids: rows.map((row) => row.id), total };
    },
    async [Symbol.asyncDispose]() {
      await pool.end();
      await created[Symbol.asyncDispose]();
    },
  };
}

describe('a page and the number of all', () => {
  it('counts exactly what is few, by conditions on what is only looked up as well', async () => {
    await using all = await things();
    const rare = (): Filter => new Filter().and('k.name = ?', 'rare');
    expect(await all.page({}, rare())).toEqual({ ids: [1, 2, 3, 4, 5], total: 7 });
    expect(await all.page({ offset: 5 }, rare())).toEqual({ ids: [6, 7], total: 7 });
    expect(await all.page({ limit: 0 }, rare())).toEqual({ ids: [], total: 7 });
    expect(await all.page({ offset: 100 }, rare())).toEqual({ ids: [], total: 7 });
    // Through two lookups, of which the condition names the farther one.
    expect((await all.page({}, new Filter().and('o.name = ?', 'ana'))).total).toBe(7);
    expect((await all.page({ limit: 1 }, new Filter().and('t.id <= ?', COUNTED_UP_TO))).total).toBe(COUNTED_UP_TO);
  });

  it('estimates what is much, and never ends a client that reads until it has all', async () => {
    await using all = await things();
    const { total } = await all.page({});
    expect(total).toBeGreaterThan(COUNTED_UP_TO);
    expect(total).toBeLessThan(ROWS * 1.1);
    // Statistics that know too little must not cut the last pages off …
    await all.pool.query(`delete from thing where id > ${COUNTED_UP_TO + 2}; analyze thing; insert into thing select n, 2 from generate_series(${COUNTED_UP_TO + 3}, ${ROWS}) n`);
    const late = await all.page({ offset: ROWS - 7 });
    expect(late.ids).toHaveLength(5);
    expect(late.total).toBeGreaterThan(ROWS - 2);
    // … and on the last one, and after it, nothing is guessed.
    expect(await all.page({ offset: ROWS - 2 })).toEqual({ ids: [ROWS - 1, ROWS], total: ROWS });
    expect((await all.page({ offset: ROWS })).total).toBeLessThanOrEqual(ROWS);
  });
});
