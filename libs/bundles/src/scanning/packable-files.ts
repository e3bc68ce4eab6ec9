import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IgnoreRules } from './ignore-rules.js';
import { IGNORE_FILE } from './scan-folder.js';

/** All files of a folder that dags may need: modules, queries, data; not hidden ones, installed packages, and what `.millraceignore` says. */
export async function packableFiles(root: string): Promise<{ readonly path: string; readonly file: string }[]> {
  const files: { path: string; file: string }[] = [];
  const visit = async (folder: string, relative: string, outer: readonly { readonly at: string; readonly rules: IgnoreRules }[], depth: number): Promise<void> => {
    if (depth > 32) return;
    const own = await readFile(join(folder, IGNORE_FILE), 'utf8').catch(() => null);
    const layers = own === null ? outer : [...outer, { at: relative, rules: new IgnoreRules(own) }];
    for (const name of (await readdir(folder)).toSorted()) {
      if (name.startsWith('.') ? name !== IGNORE_FILE : name === 'node_modules') continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      const file = join(folder, name);
      const found = await stat(file).catch(() => null);
      const isFolder = found?.isDirectory() ?? false;
      const decided = layers.toReversed().map(({ at, rules }) => rules.decide(at === '' ? path : path.slice(at.length + 1), isFolder)).find((answer) => answer !== null);
      if (found === null || decided === true) continue;
      if (isFolder) await visit(file, path, layers, depth + 1);
      else if (found.isFile()) files.push({ path, file });
    }
  };
  await visit(root, '', [], 0);
  return files;
}
