import { describe, expect, expectTypeOf, it } from 'vitest';
import { dag, group, loop, task, zip } from '../index.js';
import type { Sequence, TaskOutput } from '../index.js';

const numbers = task('numbers', () => [1, 2, 3]);
const square = task('square', ({ x }: { x: number }) => x * x);
const total = task('total', async (values: Sequence<number>) => (await values.toArray()).length);

describe('types of mapping', () => {
  it('a mapped result is a sequence of the function’s result', () => {
    dag('typed_mapping', {}, () => {
      const squares = square.expand({ x: numbers() });
      expectTypeOf(squares).toEqualTypeOf<TaskOutput<Sequence<number>>>();
      total(squares);
      square.with({ id: 'again' }).expand({ x: squares });
      square.with({ id: 'literal' }).expand({ x: [4, 5] });
      // @ts-expect-error a list of texts
      square.with({ id: 'texts' }).expand({ x: ['a'] });
      // @ts-expect-error no argument of that name
      square.with({ id: 'name' }).expand({ y: [1] });
      // @ts-expect-error an argument is missing
      task('two', ({ a, b }: { a: number; b: number }) => a + b).expand({ a: [1] });
      // @ts-expect-error a sequence is read, it is no list
      task('list', (values: number[]) => values.length)(squares);
    });
  });

  it('partial leaves what is not given, zip pairs, objects give entries, whole inputs', () => {
    dag('typed_forms', {}, () => {
      const label = task('label', ({ n, suffix }: { n: number; suffix: string }) => `${n}${suffix}`);
      expectTypeOf(label.partial({ suffix: '!' }).expand({ n: numbers() })).toEqualTypeOf<TaskOutput<Sequence<string>>>();
      // @ts-expect-error n is still missing
      expect(() => label.with({ id: 'l2' }).partial({ suffix: '!' }).expand({})).toThrow('at least one');
      // @ts-expect-error no such argument
      label.with({ id: 'l3' }).partial({ sufix: '!' });
      task('pair', ({ of }: { of: readonly [string, number] }) => of[0]).expand({ of: zip(['a', 'b'], numbers.with({ id: 'n2' })()) });
      // @ts-expect-error the pair is the other way round
      task('pair_2', ({ of }: { of: readonly [number, string] }) => of[0]).expand({ of: zip(['a', 'b'], [1, 2]) });
      task('entry', ({ of }: { of: readonly [string, number] }) => of[0]).expand({ of: { a: 1 } });
      task('whole', (text: string) => text).expandKwargs(['a']);
      // @ts-expect-error numbers are no texts
      task('whole_2', (text: string) => text).expandKwargs([1]);
    });
  });

  it('groups hand elements in, and sequences out', () => {
    dag('typed_groups', {}, () => {
      const read = task('read', (file: string) => file.length);
      const each = group.expand('file', { name: ['a.csv'], n: numbers() }, ({ name, n }) => {
        square({ x: n });
        // @ts-expect-error a number is no file
        read.with({ id: 'wrong' })(n);
        return read(name);
      });
      expectTypeOf(each.value).toEqualTypeOf<TaskOutput<Sequence<number>>>();
      total(each.value);
    });
  });

  it('loops hand their last result out, and all of them', () => {
    dag('typed_loops', {}, () => {
      const step = task('step', ({ before, index }: { before: number | null; index: number }) => (before ?? 0) + index);
      const job = loop('job', { max: 3, until: (value: number) => value > 2 }, ({ index, previous }) => step({ index, before: previous<number>() }));
      expectTypeOf(job.value).toEqualTypeOf<TaskOutput<number>>();
      square({ x: job.value });
      total(job.results);
      // @ts-expect-error the condition is asked about a number
      loop('wrong', { max: 3, until: (value: string) => value === '' }, ({ index }) => step.with({ id: 's2' })({ index, before: null }));
    });
  });
});
