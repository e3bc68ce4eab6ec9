import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Evaluator, FolderProcessor, bundleFile, processFolderOnce } from '../index.js';
import type { FolderTiming } from '../index.js';
import { definesDags } from '../scanning/is-dag-file.js';
import { IgnoreRules } from '../scanning/ignore-rules.js';
import { scanFolder } from '../scanning/scan-folder.js';

const DAG = (id: string, more = '') => `import { dag } from '@millrace/sdk';\n${more}\ndag('${id}', {}, () => {});\n`;

let home: string;
let evaluator: Evaluator;
const processors: FolderProcessor[] = [];
beforeAll(() => void (evaluator = new Evaluator({ timeoutMs: 10_000, memoryMb: 256 })));
afterAll(() => evaluator.dispose());
beforeEach(() => void (home = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-folder-')))));
afterEach(async () => {
  await Promise.all(processors.splice(0).map((one) => one.close()));
  rmSync(home, { recursive: true, force: true });
});

/** Writes a file as if it had been there for a while. */
function put(path: string, text: string, ageMs = 60_000): void {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  const at = new Date(Date.now() - ageMs);
  utimesSync(file, at, at);
}

/** As patient as a loaded machine needs; what is young or slow is said by the tests that are about it. */
function processor(timing: Partial<FolderTiming> = {}): FolderProcessor {
  const one = new FolderProcessor({ name: 'dags', path: join(home, 'dags'), pluginFolders: [join(home, 'plugins')] }, evaluator, 2, { patienceMs: 120_000, costlyMs: 120_000, sliceMs: 120_000, ...timing });
  processors.push(one);
  return one;
}

describe('what is a dag file', () => {
  it.each<[string, boolean]>([
    [`import { dag } from '@millrace/sdk';`, true],
    [`import {\n  cron,\n  dag as make,\n} from "@millrace/sdk";`, true],
    [`import * as m from '@millrace/sdk';`, true],
    [`import '@millrace/sdk';\nimport { make } from './_factory.js';`, true],
    [`import { Dag } from '@millrace/sdk';`, true],
    [`import type { Dag } from '@millrace/sdk';`, false],
    [`import { Operator } from '@millrace/sdk';`, false],
    [`import { type Dag, Operator } from '@millrace/sdk';`, false],
    [`import { dag } from 'elsewhere';`, false],
    ['', false],
  ])('%j: %s', (source, expected) => expect(definesDags(source)).toBe(expected));

  it('is found by its name, below all folders but ignored ones', async () => {
    for (const name of ['a.ts', 'sub/deep/b.mjs', '_private.ts', '.hidden.ts', 'types.d.ts', 'a.spec.ts', 'notes.md', 'node_modules/x.ts', '_lib/c.ts', 'old/d.ts', 'old/keep.ts', 'tmp_1.ts']) put(`dags/${name}`, '');
    put('dags/.millraceignore', '# comment\ntmp_*.ts\n/old/*\n!keep.ts\n');
    expect((await scanFolder(join(home, 'dags'))).files.map((file) => file.path)).toEqual(['a.ts', 'old/keep.ts', 'sub/deep/b.mjs']);
  });

  it.each<[rules: string, path: string, isFolder: boolean, expected: boolean | null]>([
    ['*.ts', 'a/b.ts', false, true], ['/b.ts', 'a/b.ts', false, null], ['a/**/c.ts', 'a/x/y/c.ts', false, true], ['a/**/c.ts', 'a/c.ts', false, true],
    ['build/', 'build', false, null], ['build/', 'x/build', true, true], ['a?.ts', 'ab.ts', false, true], ['[!a]b.ts', 'ab.ts', false, null], ['*.ts\n!a.ts', 'a.ts', false, false], ['\\#a.ts', '#a.ts', false, true],
  ])('ignore %j: %s', (rules, path, isFolder, expected) => expect(new IgnoreRules(rules).decide(path, isFolder)).toBe(expected));
});

describe('a bundle', () => {
  it('is the same bytes wherever the folder lies', async () => {
    for (const base of ['one', 'two/deeper']) {
      put(`${base}/dags/_help/text.sql`, 'select 1');
      put(`${base}/plugins/own.ts`, `import { Operator } from '@millrace/sdk';\nexport class Own extends Operator<number> { override execute(): number { return 1; } }\n`);
      put(`${base}/dags/a.ts`, `import { dag } from '@millrace/sdk';\nimport pg from 'pg';\nimport sql from './_help/text.sql';\nimport { Own } from 'plugins/own.js';\ndag('a', { docMd: sql, description: typeof pg.Client }, () => { new Own('own'); });\n`);
    }
    const bundles = await Promise.all([join(home, 'one'), join(home, 'two', 'deeper')].map(async (base) => {
      const outcome = await bundleFile({ root: join(base, 'dags'), path: 'a.ts', pluginFolders: [join(base, 'plugins')] });
      if (!outcome.ok) throw new Error(outcome.failure.text);
      return outcome.bundle;
    }));
    expect(bundles[0]?.hash).toBe(bundles[1]?.hash);
    const [bundle] = bundles;
    const map = JSON.stringify(bundle?.sourceMap.sources);
    expect(String(bundle?.code)).not.toContain(home);
    expect(map).toContain('"plugins/own.ts"');
    expect(map).toMatch(/"node_modules\/pg\//);
    const outcome = bundle === undefined ? null : await evaluator.evaluate(bundle, 'a.ts');
    expect(outcome).toMatchObject({ ok: true, documents: [{ dagId: 'a', docMd: 'select 1', description: 'function', tasks: [{ operator: 'Own', definedAt: 'a.ts:5' }] }] });
  });

  it('that is too large is told', async () => {
    put('dags/_data.json', JSON.stringify('x'.repeat(4_000_000)));
    put('dags/a.ts', DAG('a', `import data from './_data.json';\nconsole.log(data);`));
    const [outcome] = await processFolderOnce({ path: join(home, 'dags') });
    expect(outcome?.result).toMatchObject({ ok: false, failure: { message: expect.stringMatching(/the limit is 3\.5 MB; largest parts: _data\.json/) as string } });
  });
});

describe('a look', () => {
  it('processes what changed, also in a module or plugin, and nothing else', async () => {
    put('dags/a.ts', DAG('a', `import './_shared.ts';`));
    put('dags/_shared.ts', 'export const n = 1;\nconsole.log(n);');
    put('dags/b.ts', DAG('b'));
    const folder = processor();
    expect((await folder.look()).changed.map((outcome) => outcome.path).sort()).toEqual(['a.ts', 'b.ts']);
    expect(await folder.look()).toMatchObject({ changed: [], present: ['a.ts', 'b.ts'], lookAgainMs: null });
    put('dags/_shared.ts', 'export const n = 2;\nconsole.log(n);', 50_000);
    expect((await folder.look()).changed.map((outcome) => outcome.path)).toEqual(['a.ts']);
    put('dags/b.ts', DAG('b'), 40_000);
    expect((await folder.look()).changed, 'the same content with another time').toEqual([]);
  });

  it('ends a long look before its end, and what is changed meanwhile goes first', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) put(`dags/${name}.ts`, DAG(name));
    put('dags/broken.ts', `import { dag } from '@millrace/sdk';\nimport './nothing.js';\ndag('broken', {}, () => {});\n`);
    const looker = processor({ sliceMs: 0, settleMs: 0 });
    const told: string[] = [];
    const look = () => looker.look((outcome) => void told.push(outcome.path));
    expect(await look()).toMatchObject({ isComplete: false, lookAgainMs: 0, present: ['a.ts', 'b.ts', 'broken.ts', 'c.ts', 'd.ts', 'e.ts'] });
    const first = told.length;
    expect(first).toBeLessThan(3);
    put('dags/a.ts', DAG('a', '// changed'), 30_000);
    put('dags/a.ts', DAG('a2'), 20_000);
    put('dags/e.ts', DAG('e2'), -1_000);
    await look();
    await look();
    expect(told.slice(first, first + 2).sort()).toEqual(['a.ts', 'e.ts']);
    for (let looks = 0; !(await look()).isComplete; looks++) expect(looks).toBeLessThan(10);
    expect(new Set(told)).toEqual(new Set(['a.ts', 'b.ts', 'broken.ts', 'c.ts', 'd.ts', 'e.ts']));
    expect((await look()).lookAgainMs, 'a file that stays broken is no reason to look again at once').toBeNull();
  });

  it('mends itself when a missing module comes', async () => {
    put('dags/a.ts', DAG('a', `import './_later.ts';`));
    const folder = processor();
    expect((await folder.look()).changed).toMatchObject([{ result: { ok: false, failure: { line: 2 } } }]);
    expect((await folder.look()).changed).toEqual([]);
    put('dags/_later.ts', 'console.log(1);');
    expect((await folder.look()).changed).toMatchObject([{ result: { ok: true } }]);
  });

  it('leaves alone what is being written', async () => {
    put('dags/a.ts', DAG('a'));
    const folder = processor({ failureSettleMs: 3_600_000, removalSettleMs: 3_600_000 });
    await folder.look();
    put('dags/a.ts', '', 1_000);
    const emptied = await folder.look();
    expect([emptied.changed, emptied.present]).toEqual([[], ['a.ts']]);
    expect(emptied.lookAgainMs).toBeGreaterThan(0);
    put('dags/a.ts', DAG('a').slice(0, 48), 2_000);
    const half = await folder.look();
    expect([half.changed, half.present]).toEqual([[], ['a.ts']]);
    expect(half.lookAgainMs).toBeGreaterThan(0);
    put('dags/a.ts', DAG('a', '// whole'), 3_000);
    expect((await folder.look()).changed).toMatchObject([{ path: 'a.ts', result: { ok: true } }]);
  });

  it('waits for a file that was touched a moment ago', async () => {
    put('dags/a.ts', DAG('a'), 1_000);
    const look = await processor({ settleMs: 3_600_000 }).look();
    expect([look.changed, look.present]).toEqual([[], ['a.ts']]);
    expect(look.lookAgainMs).toBeGreaterThan(0);
  });

  it('concludes nothing from a folder that is away, and tells what is gone after a while', async () => {
    put('dags/a.ts', DAG('a'));
    put('dags/b.ts', DAG('b'));
    const folder = processor({ removalSettleMs: 3_600_000 });
    await folder.look();
    rmSync(join(home, 'dags/b.ts'));
    const gone = await folder.look();
    expect(gone.present).toEqual(['a.ts', 'b.ts']);
    expect(gone.lookAgainMs).toBeGreaterThan(0);
    rmSync(join(home, 'dags'), { recursive: true });
    expect(await folder.look()).toMatchObject({ present: null, changed: [] });
  });

  it('tells a file that was renamed, or is gone for good, at once', async () => {
    put('dags/a.ts', DAG('a'));
    put('dags/b.ts', DAG('b'));
    const folder = processor({ removalSettleMs: 3_600_000 });
    await folder.look();
    renameSync(join(home, 'dags/a.ts'), join(home, 'dags/c.ts'));
    expect(await folder.look()).toMatchObject({ changed: [{ path: 'c.ts' }], present: ['b.ts', 'c.ts'] });
    const quick = processor({ removalSettleMs: 0 });
    await quick.look();
    rmSync(join(home, 'dags/c.ts'));
    expect((await quick.look()).present).toEqual(['b.ts']);
  });

  it('sees a link to the folder swapped for another: what differs is processed, what is the same is not told again', async () => {
    put('v1/a.ts', DAG('a'));
    put('v1/sub/b.ts', DAG('b'));
    put('v2/a.ts', DAG('a'), 30_000);
    put('v2/sub/b.ts', DAG('b', '// new'), 30_000);
    put('v2/sub/c.dag.yaml', 'dag: c\ntasks: [{ id: only, operator: empty }]\n', 30_000);
    symlinkSync(join(home, 'v1'), join(home, 'dags'));
    const folder = processor({ removalSettleMs: 0 });
    expect((await folder.look()).present).toEqual(['a.ts', 'sub/b.ts']);
    symlinkSync(join(home, 'v2'), join(home, 'next'));
    renameSync(join(home, 'next'), join(home, 'dags'));
    const swapped = await folder.look();
    expect(swapped.changed.map((outcome) => outcome.path).sort()).toEqual(['sub/b.ts', 'sub/c.dag.yaml']);
    expect(swapped.present).toEqual(['a.ts', 'sub/b.ts', 'sub/c.dag.yaml']);
  });
});

describe('a file that never ends', () => {
  it('holds up no other, is told when its time is over, and not tried again because of others', async () => {
    for (const n of [1, 2, 3]) put(`dags/loop_${n}.ts`, DAG(`loop_${n}`, 'for (;;) {}'));
    put('dags/good.ts', DAG('good'));
    const told: string[] = [];
    const looker = processor({ patienceMs: 1_000, costlyMs: 10_000 });
    const onChanged = (outcome: { path: string; result: { ok: boolean } }): void => void told.push(`${outcome.path} ${outcome.result.ok}`);
    let look = await looker.look(onChanged);
    expect(look.lookAgainMs).not.toBeNull();
    while (told.length < 4) look = await looker.look(onChanged);
    expect(told[0]).toBe('good.ts true');
    expect(told.slice(1).sort()).toEqual(['loop_1.ts false', 'loop_2.ts false', 'loop_3.ts false']);
    put('dags/other.ts', DAG('other'));
    do look = await looker.look(onChanged);
    while (look.lookAgainMs !== null);
    expect(told.slice(4)).toEqual(['other.ts true']);
  }, 120_000);
});
