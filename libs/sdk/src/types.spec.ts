import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { Dag, Operator, TaskOutput, all, asset, branch, chain, dag, group, param, task } from './index.js';
import type { JsonOf, Sequence, TaskContext } from './index.js';

interface Row { readonly id: number; readonly name: string }

class CountOperator extends Operator<number> {
  override execute(): number {
    return 1;
  }
}

describe('types of task-flow', () => {
  it('hands the return type of one task to the argument of the next', () => {
    dag('typed', {}, () => {
      const extract = task('extract', async (): Promise<Row[]> => [{ id: 1, name: 'a' }]);
      const count = task('count', (rows: readonly Row[], context) => {
        expectTypeOf(context).toEqualTypeOf<TaskContext>();
        return rows.length;
      });
      const report = task('report', ({ total, title }: { total: number; title: string }) => `${title}: ${total}`);
      const rows = extract();
      expectTypeOf(rows).toEqualTypeOf<TaskOutput<Row[]>>();
      const total = count(rows);
      expectTypeOf(total).toEqualTypeOf<TaskOutput<number>>();
      report({ total, title: 'rows' });
      report({ total: new CountOperator('classic').output, title: 'rows' });
      // @ts-expect-error a list of rows is no number
      report({ total: rows, title: 'rows' });
      // @ts-expect-error an input is missing
      count();
      // @ts-expect-error extract takes nothing
      extract(rows);
    });
  });

  it('types the context of a task without input, and several inputs', () => {
    dag('typed_2', {}, () => {
      const first = task('first', (_, context) => context.dagId);
      expectTypeOf(first()).toEqualTypeOf<TaskOutput<string>>();
      const join = task('join', ([a, b]: readonly [string, number], { tryNumber }) => [a, b, tryNumber] as const);
      expectTypeOf(join([first(), 2])).toEqualTypeOf<TaskOutput<readonly [string, number, number]>>();
      // @ts-expect-error the inputs are the wrong way round
      join([2, first()]);
    });
  });

  it('knows the params of the dag', () => {
    dag('typed_3', { params: { limit: 10, table: 'flights' } }, (d) => {
      d.task('read', (_, { params }) => {
        expectTypeOf(params.limit).toEqualTypeOf<number>();
        expectTypeOf(params.table).toEqualTypeOf<string>();
        // @ts-expect-error there is no such param
        return params.missing;
      });
      d.task('read_more', (rows: Row[], { params }) => rows.slice(0, params.limit))([]);
    });
  });

  it('knows what JSON does to a value on its way', () => {
    expectTypeOf<JsonOf<{ at: Date; n: number; o?: string }>>().toEqualTypeOf<{ at: string; n: number; o?: string }>();
    expectTypeOf<JsonOf<bigint>>().toEqualTypeOf<never>();
    expectTypeOf<JsonOf<Map<string, string>>>().toEqualTypeOf<never>();
    expectTypeOf<JsonOf<unknown>>().toEqualTypeOf<unknown>();
    dag('typed_4', {}, () => {
      const now = task('now', () => new Date());
      const show = task('show', (at: Date) => at.getTime());
      // @ts-expect-error the date arrives as text
      show(now());
    });
  });
});

describe('shapes of authoring', () => {
  it("takes that of Airflow's TypeScript SDK", () => {
    const flights = new Dag('airflow_shape', { schedule: '@daily', tags: ['a'], owners: ['me'], docMd: '# Flights', params: { limit: 1 } });
    const extract = flights.task('extract', async (_, { params }) => {
      expectTypeOf(params.limit).toEqualTypeOf<number>();
      return [{ id: 1, name: 'a' }];
    });
    const load = flights.task('load', ({ rows }: { rows: readonly Row[] }) => rows.length);
    const loaded = load({ rows: extract() });
    expectTypeOf(loaded).toEqualTypeOf<TaskOutput<number>>();
    expect(flights.toDocument().tasks?.map((one) => [one.taskId, one.upstream ?? []])).toEqual([['extract', []], ['load', ['extract']]]);
    // @ts-expect-error rows are no number
    load({ rows: loaded });
  });

  it('wires lists, groups, labels, branches, mapping and assets', () => {
    const orders = asset('orders_of_types');
    const wired = dag('wired', { schedule: orders, defaultArgs: { retries: 2, owner: 'me' } }, () => {
      const a = new CountOperator('a', { outlets: [orders], docMd: 'counts' });
      const [b, c, d] = [new CountOperator('b'), new CountOperator('c'), new CountOperator('d')];
      chain(a, [b, c], d);
      a.to(d, { label: 'directly' });
      const inner = group('inner', () => new CountOperator('e').to(new CountOperator('f')));
      all(b, c).to(inner);
      branch('choose', () => [b, 'c'])().to([b, c]);
      const square = task('square', ({ x, by }: { x: number; by: number }) => x * by);
      const squares = square.partial({ by: 2 }).expand({ x: [1, 2] });
      expectTypeOf(squares).toEqualTypeOf<TaskOutput<Sequence<number>>>();
      // @ts-expect-error a text is no number
      square.partial({ by: 2 }).expand({ x: ['one'] });
    });
    const tasks = new Map(wired.toDocument().tasks?.map((one) => [one.taskId, one]));
    expect(tasks.get('d')).toMatchObject({ upstream: ['b', 'c', 'a'], retries: 2, owner: 'me' });
    expect(tasks.get('inner.e')?.upstream).toEqual(['b', 'c']);
    expect(wired.toDocument().edgeLabels).toEqual({ a: { d: 'directly' } });
  });

  it('takes params from zod', () => {
    const made = dag('zod_params', { params: { limit: param(10, { schema: z.number().int().min(1), description: 'Rows' }), day: param('2026-01-01', { schema: z.iso.date() }) } }, (d) => {
      d.task('read', (_, { params }) => {
        expectTypeOf(params.limit).toEqualTypeOf<number>();
      })();
    });
    expect(made.toDocument().params).toMatchObject({ limit: { value: 10, schema: { type: 'integer', minimum: 1 }, description: 'Rows' }, day: { schema: { type: 'string', format: 'date' } } });
    expect(() => param(1, { schema: { '~standard': {} } as never })).toThrow('zod can from version 4.2 on');
  });
});
