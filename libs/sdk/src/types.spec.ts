import { describe, expectTypeOf, it } from 'vitest';
import { Operator, TaskOutput, dag, task } from './index.js';
import type { JsonOf, TaskContext } from './index.js';

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
