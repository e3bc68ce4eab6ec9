import { dag, fail, group, loop, shortCircuit, skip, task, zip } from '@millrace/sdk';
import type { Sequence } from '@millrace/sdk';
import { BashOperator } from '@millrace/operators';

const numbers = task('numbers', (_, { conf }) => Array.from({ length: Number(conf['n'] ?? 3) }, (_unused, i) => i + 1));
const square = task({ id: 'square', mapIndexTemplate: 'x={{ task.input.x }}' }, ({ x }: { x: number }) => x * x);
const total = task('total', async (values: Sequence<number>) => {
  let sum = 0;
  for await (const value of values) sum += value;
  return { sum, length: values.length, last: (await values.at(-1)) ?? null };
});

/** A list, a square for each element, their sum. */
export const squares = dag('mapped_squares', {}, () => {
  total(square.expand({ x: numbers() }));
});

/** Cross product, zip, partial, objects, whole inputs, a classic operator. */
export const forms = dag('mapped_forms', {}, () => {
  const letters = task('letters', () => ['a', 'b']);
  const sizes = task('sizes', () => ({ small: 1, large: 10 }));
  const label = task('label', ({ letter, n, suffix }: { letter: string; n: number; suffix: string }) => `${letter}${n}${suffix}`);
  const collect = task('collect', (values: Sequence<string>) => values.toArray());
  collect.with({ id: 'crossed' })(label.partial({ suffix: '!' }).expand({ letter: letters(), n: [1, 2] }));
  const pair = task('pair', ({ both }: { both: readonly [string, number] }) => both.join('-'));
  collect.with({ id: 'zipped' })(pair.expand({ both: zip(['x', 'y', 'z'], [7, 8]) }));
  const entry = task('entry', ({ of }: { of: readonly [string, number] }) => `${of[0]}=${of[1]}`);
  collect.with({ id: 'entries' })(entry.expand({ of: sizes() }));
  const plain = task('plain', (text: string) => text.toUpperCase());
  collect.with({ id: 'whole' })(plain.expandKwargs(letters.with({ id: 'letters_2' })()));
  const shell = new BashOperator('shell', { bashCommand: '' }).expand({ bashCommand: ['echo {{ ti.map_index }}', 'echo two'] });
  collect.with({ id: 'shells' })(shell);
});

/** A mapped group, another inside it, and one that goes on index by index. */
export const groups = dag('mapped_groups', {}, () => {
  const folders = task('folders', () => ['p', 'q']);
  const filesOf = task('files_of', (folder: string) => (folder === 'p' ? ['1', '2'] : ['3']));
  const read = task('read', ({ folder, file }: { folder: string; file: string }) => `${folder}${file}`);
  const joined = task('joined', async (texts: Sequence<string>) => (await texts.toArray()).join('+'));
  const outer = group.expand('folder', { name: folders() }, ({ name }) => {
    const inner = group.expand('file', { name: filesOf(name) }, ({ name: file }) => read({ folder: name, file }));
    return joined(inner.value);
  });
  const shout = task('shout', (text: string, { ti }) => ti.xcomPull<string>({ taskIds: 'folder.joined' }).then((same) => `${text.toUpperCase()}/${same}`));
  const after = group.expand('after', { text: outer.value }, ({ text }) => shout(text));
  task('all', async (texts: Sequence<string>) => texts.toArray())(after.value);
});

/** A loop whose first iterations fail, and what comes after it. */
export const loops = dag('looped', {}, () => {
  const attempt = task({ id: 'attempt', triggerRule: 'all_done' }, ({ index, before }: { index: number; before: number | null }) => (before ?? 0) + index * 10);
  const end = task('end', (last: number) => last);
  const all = task('all', (values: Sequence<number>) => values.toArray());
  const polled = loop('poll', { max: 5, until: (value: number) => value >= 30 }, ({ index, previous }) => attempt({ index, before: previous<number>() }));
  end(polled.value);
  all(polled.results);
  const never = loop('never', { max: 2, while: () => true }, ({ index }) => attempt.with({ id: 'attempt_2' })({ index, before: 1 }));
  task({ id: 'after_never', triggerRule: 'all_done' }, () => 'after')().after(never);
});

/** Nothing, no list, too many, skips. */
export const odd = dag('mapped_odd', {}, () => {
  const each = task('each', ({ x }: { x: number }) => (x === 2 ? skip('not two') : x));
  const none = task('none', (): number[] => []);
  const noList = task('no_list', () => 5 as unknown as number[]);
  const many = task('many', () => Array.from({ length: 1_025 }, (_unused, i) => i));
  each.with({ id: 'of_none' }).expand({ x: none() });
  each.with({ id: 'of_no_list' }).expand({ x: noList() });
  each.with({ id: 'of_many' }).expand({ x: many() });
  const some = each.with({ id: 'some' }).expand({ x: [1, 2, 3] });
  task({ id: 'seen', triggerRule: 'none_failed' }, (values: Sequence<number>) => values.toArray())(some);
  group.expand('gated', { x: [0, 1] }, ({ x }) => {
    const gate = shortCircuit('gate', (on: number) => on === 1)(x);
    const inside = task('inside', () => fail('never reached for 0'));
    gate.to(inside.with({ retries: 0 })());
  });
});
