import { dagDocumentSchema } from '@millrace/contracts';
import { describe, expect, it } from 'vitest';
import { Operator, dag, group, loop, task, zip } from '../index.js';
import type { Dag, Sequence, TaskContext } from '../index.js';

class Echo extends Operator<string> {
  override readonly templateFields = ['text'];
  text: string;
  constructor(id: string, options: { readonly text: string }) {
    super(id, {});
    this.text = options.text;
  }
  override execute(): string {
    return this.text;
  }
}

const list = task('list', () => [1, 2]);
const each = task('each', ({ x, y }: { x: number; y?: string }) => `${x}${y ?? ''}`);

describe('the document of a mapping', () => {
  it('names what is mapped over, and comes after it', () => {
    const made = dag('d', {}, () => {
      each.partial({ y: '!' }).expand({ x: list() });
      each.with({ id: 'pairs' }).expandKwargs([{ x: 1 }, { x: 2, y: 'b' }]);
      task('zipped', ({ of }: { of: readonly [number, string] }) => of[1]).expand({ of: zip(list.with({ id: 'other' })(), ['a']) });
    });
    const { tasks } = dagDocumentSchema.parse(made.toDocument());
    expect(tasks.find(({ taskId }) => taskId === 'each')).toMatchObject({ upstream: ['list'], expand: { kind: 'args', args: [{ name: 'x', over: { from: 'task', taskId: 'list', key: 'return_value' } }] } });
    expect(tasks.find(({ taskId }) => taskId === 'pairs')?.expand).toEqual({ kind: 'kwargs', over: { from: 'literal', values: [{ x: 1 }, { x: 2, y: 'b' }] } });
    expect(tasks.find(({ taskId }) => taskId === 'zipped')).toMatchObject({ upstream: ['other'], expand: { args: [{ over: { from: 'zip', parts: [{ from: 'task', taskId: 'other' }, { from: 'literal', values: ['a'] }], longest: false } }] } });
  });

  it('of groups and loops', () => {
    const made = dag('d', {}, () => {
      group.expand('g', { x: list() }, ({ x }) => each({ x }));
      loop('poll', { max: 3, while: () => true, atMax: 'succeed' }, ({ index }) => each.with({ id: 'look' })({ x: index }));
    });
    const document = dagDocumentSchema.parse(made.toDocument());
    expect(document.groups).toMatchObject([
      { groupId: 'g', expand: { kind: 'args', args: [{ name: 'x', over: { from: 'task', taskId: 'list' } }] }, loop: null },
      { groupId: 'poll', expand: null, loop: { max: 3, condition: 'poll.while', atMax: 'succeed' } },
    ]);
    expect(document.tasks.find(({ taskId }) => taskId === 'g.each')?.upstream).toEqual(['list']);
    expect(document.tasks.find(({ taskId }) => taskId === 'poll.while')?.upstream).toEqual(['poll.look']);
  });

  it.each([
    ['no list', () => each.expand({ x: 5 as never }), /cannot map over "x": it must be a list, an object, zip\(…\) or the output of a task, got 5/],
    ['nothing', () => (each.expand as (args: object) => unknown)({}), /expand needs at least one argument/],
    ['a field that is none', () => new Echo('e', { text: '' }).expand({ txt: ['a'] } as never), /expand names "txt", but Echo has no such property/],
    ['twice', () => { const echo = new Echo('e', { text: '' }); echo.expand({ text: ['a'] }); echo.expand({ text: ['b'] }); }, /is expanded twice/],
    ['a loop without a condition', () => loop('l', { max: 3 }, () => list()), /needs either `until` or `while`/],
    ['a loop without end', () => loop('l', { max: 0, until: () => true }, () => list()), /max must be a whole number ≥ 1/],
  ])('refuses %s', (_, make, message) => {
    expect(() => dag('d', {}, () => void make())).toThrow(message);
  });
});

describe('a mapped instance', () => {
  it('has the elements of its index, the last argument fastest, and gives its fields back', async () => {
    const made = dag('d', {}, () => {
      task('cross', ({ a, b }: { a: number; b: string }) => `${a}${b}`).expand({ a: [1, 2], b: ['x', 'y', 'z'] });
      new Echo('echo', { text: 'before' }).expand({ text: ['one', 'two'] });
    });
    const seen: unknown[] = [];
    for (const index of [0, 1, 2, 3, 4, 5]) seen.push(await run(made, 'cross', [index]));
    expect(seen).toEqual(['1x', '1y', '1z', '2x', '2y', '2z']);
    expect(await run(made, 'echo', [1])).toBe('two');
    expect(made.tasks.get('echo')?.operator).toMatchObject({ text: 'before' });
  });

  it('asks for its own element only, and a consumer reads page by page', async () => {
    const made = dag('d', {}, () => {
      const values = each.expand({ x: list() });
      task('sum', async (of: Sequence<string>) => [of.length, await of.at(-1), await of.at(9), (await of.toArray()).join('')])(values);
    });
    const asked: unknown[] = [];
    expect(await run(made, 'each', [1], { asked, values: { list: [[[], [10, 20]]] } })).toBe('20');
    expect(asked).toEqual([{ taskId: 'list', key: 'return_value', indexPath: [], offset: 1, limit: 1, elements: true }]);
    expect(await run(made, 'sum', [], { values: { each: [[[0], '10'], [[1], '20']] } })).toEqual([2, '20', undefined, '1020']);
  });

  it('in a group sees the values of its own index, from outside all of them', async () => {
    const made = dag('d', {}, () => {
      const first = task('first', (x: number) => x + 1);
      const second = task('second', (x: number) => x * 10);
      const outer = group.expand('g', { x: [1, 2] }, ({ x }) => second(first(x)));
      task('after', (of: Sequence<number>) => of.toArray())(outer.value);
    });
    expect(await run(made, 'g.first', [1])).toBe(3);
    expect(await run(made, 'g.second', [1], { values: { 'g.first': [[[0], 2], [[1], 3]] } })).toBe(30);
    expect(await run(made, 'after', [], { values: { 'g.second': [[[0], 20], [[1], 30]] } })).toEqual([20, 30]);
    expect(made.sharedPath('g.second', 'g.first')).toEqual({ shared: 1, depth: 1 });
  });

  it('in a loop knows its iteration and what the one before returned; outside the last one counts', async () => {
    const made = dag('d', {}, () => {
      const step = task('step', ({ index, before }: { index: number; before: number | null }) => [index, before]);
      const last = task('last', (value: string) => value);
      const job = loop('job', { max: 3, until: (value: (number | null)[]) => value[0] === 1 }, ({ index, previous }) => step({ index, before: previous<number>() }) as never);
      last(job.value as never);
    });
    const values = { 'job.step': [[[0], 'a'], [[1], 'b']] as const };
    expect(await run(made, 'job.step', [0])).toEqual([0, null]);
    expect(await run(made, 'job.step', [1], { values })).toEqual([1, 'a']);
    expect(await run(made, 'last', [], { values })).toBe('b');
    expect(await run(made, 'job.until', [1], { values: { 'job.step': [[[1], [1, 0]]] } })).toEqual({ __millrace: 'loop', again: false, value: true });
  });
});

type Stored = Readonly<Record<string, readonly (readonly [path: readonly number[], value: unknown])[]>>;

/** One instance as a runner runs it, with what other tasks have pushed. */
async function run(of: Dag, taskId: string, indexPath: readonly number[], { values = {}, asked = [] }: { values?: Stored; asked?: unknown[] } = {}): Promise<unknown> {
  const under = (path: readonly number[], of: readonly number[]): boolean => of.every((index, i) => path[i] === index);
  const context = {
    indexPath,
    ti: {
      xcomPull: ({ taskIds, indexPath: path = [] }: { taskIds: string; indexPath?: readonly number[] }) => Promise.resolve(values[taskIds]?.find(([own]) => own.join() === path.join())?.[1] ?? null),
      xcomPage: (question: { taskId: string; indexPath: readonly number[]; offset: number; limit: number; elements: boolean }) => {
        asked.push(question);
        const found = (values[question.taskId] ?? []).filter(([path]) => under(path, question.indexPath));
        const all = question.elements ? ((found[0]?.[1] ?? []) as unknown[]).map((value, i) => ({ indexPath: [i], value })) : found.map(([path, value]) => ({ indexPath: path, value }));
        return Promise.resolve({ values: all.slice(question.offset, question.offset + question.limit), total: all.length });
      },
    },
  } as unknown as TaskContext;
  const restore = await of.bind(taskId, context);
  try {
    return await of.tasks.get(taskId)?.operator.execute(context);
  } finally {
    restore?.();
  }
}
