import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { operatorExports } from '../dag-files/operator-exports.js';
import { authoringLibrary } from './authoring-library.js';
import { bundleFile } from './bundle-file.js';
import type { Bundle } from './bundle-file.js';
import type { BundleRequest } from './bundle-request.js';
import { Bundler } from './bundler.js';

const FEW = `import { EmptyOperator } from '@millrace/operators';\nimport { dag } from '@millrace/sdk';\nimport { name } from './_name.js';\ndag(name, {}, () => void new EmptyOperator('only'));\n`;

let root: string;
let bundler: Bundler;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-bundler-')));
  writeFileSync(join(root, 'few.ts'), FEW);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => void (bundler = new Bundler()));
afterEach(() => bundler.close());

async function bundled(path: string, using: Bundler | null = bundler, more: Partial<BundleRequest> = {}): Promise<Bundle> {
  const outcome = await bundleFile({ root, path, pluginFolders: [], ...more }, using);
  if (!outcome.ok) throw new Error(outcome.failure.text);
  return outcome.bundle;
}

function name(text: string): void {
  writeFileSync(join(root, '_name.ts'), `export const name = '${text}';\n`);
}

it('makes the same bytes as a bundle made alone, one after another and several at once', async () => {
  name('one');
  writeFileSync(join(root, 'other.ts'), FEW.replace('only', 'another'));
  const alone = await Promise.all(['few.ts', 'other.ts'].map((path) => bundled(path, null)));
  expect(alone[0]?.hash).not.toBe(alone[1]?.hash);
  for (const round of [1, 2]) {
    const together = await Promise.all(['few.ts', 'other.ts', 'few.ts'].map((path) => bundled(path)));
    expect(together.map(({ hash }) => hash), `round ${round}`).toEqual([alone[0]?.hash, alone[1]?.hash, alone[0]?.hash]);
    expect(together[0]?.inputs.toSorted()).toEqual([join(root, '_name.ts'), join(root, 'few.ts')]);
  }
});

it('reads anew what has changed, also after an error, and in another folder', async () => {
  name('before');
  expect((await bundled('few.ts')).code.toString()).toContain('"before"');
  writeFileSync(join(root, '_name.ts'), 'export const name = ;');
  await expect(bundled('few.ts')).rejects.toThrow('_name.ts:1');
  name('after');
  expect((await bundled('few.ts')).code.toString()).toContain('"after"');
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'few.ts'), FEW);
  writeFileSync(join(elsewhere, '_name.ts'), `export const name = 'elsewhere';`);
  expect((await bundled('few.ts', bundler, { root: elsewhere })).code.toString()).toContain('"elsewhere"');
});

it('leaves out the operators a file does not use', async () => {
  name('few');
  const code = (await bundled('few.ts')).code.toString();
  expect(code).toContain('EmptyOperator');
  for (const other of ['SqlOperator', 'KubernetesPodOperator', 'S3Storage', 'DockerEngine']) expect(code).not.toContain(other);
  expect(code.length).toBeLessThan(200_000);
});

it('keeps the name of every class, by which operators are known', async () => {
  const { entries } = await authoringLibrary();
  const names = await operatorExports();
  expect(names.length).toBeGreaterThan(40);
  for (const [own, file] of entries) {
    const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
    const classes = Object.entries(module).filter((entry): entry is [string, Function] => typeof entry[1] === 'function' && entry[1].toString().startsWith('class'));
    expect(classes.filter(([exported, { name: given }]) => exported !== given).map(([exported, { name: given }]) => `${exported} is called ${given}`), own).toEqual([]);
    if (own === '@millrace/operators') expect(Object.keys(module)).toEqual(expect.arrayContaining([...names]));
  }
});
