import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IgnoreRules } from './ignore-rules.js';
import { hasDagFileName, isSkippedFolder } from './is-dag-file.js';

export interface FoundFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  /** Absolute, links of the folder itself resolved. */
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface FolderScan {
  /** The folder with links resolved: one scan sees one side of a symlink swap. */
  readonly root: string;
  /** By name dag files; their text is not read here. */
  readonly files: readonly FoundFile[];
  /** Every folder looked into, absolute: what a watcher watches. */
  readonly folders: readonly string[];
}

export const IGNORE_FILE = '.millraceignore';
/** Deeper is a loop of links or a mistake. */
const DEPTH_MAX = 32;

/** All files of a dags folder that could define dags. @throws ENOENT when the folder is not there */
export async function scanFolder(folder: string): Promise<FolderScan> {
  const root = await realpath(folder);
  const files: FoundFile[] = [];
  const folders: string[] = [];
  const visited = new Set<string>();

  const visit = async (absolute: string, relative: string, outer: readonly { readonly at: string; readonly rules: IgnoreRules }[], depth: number): Promise<void> => {
    const real = await realpath(absolute);
    if (visited.has(real) || depth > DEPTH_MAX) return;
    visited.add(real);
    folders.push(absolute);
    const own = await readFile(join(absolute, IGNORE_FILE), 'utf8').catch(() => null);
    const rules = own === null ? outer : [...outer, { at: relative, rules: new IgnoreRules(own) }];
    const entries = await readdir(absolute, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const file = join(absolute, entry.name);
      if (!entry.isDirectory() && !entry.isSymbolicLink() && !(entry.isFile() && hasDagFileName(entry.name))) continue;
      // Between readdir and stat a file may be gone: then it is simply not there.
      const found = await stat(file).catch(() => null);
      if (found === null) continue;
      if (found.isDirectory()) {
        if (!isSkippedFolder(entry.name) && !isIgnored(path, true, rules)) await visit(file, path, rules, depth + 1).catch(ignoreGone);
      } else if (found.isFile() && hasDagFileName(entry.name) && !isIgnored(path, false, rules)) {
        files.push({ path, file, size: found.size, mtimeMs: found.mtimeMs });
      }
    }
  };
  await visit(root, '', [], 0);
  return { root, files, folders };
}

function isIgnored(path: string, isFolder: boolean, layers: readonly { readonly at: string; readonly rules: IgnoreRules }[]): boolean {
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i];
    if (layer === undefined) continue;
    const decided = layer.rules.decide(layer.at === '' ? path : path.slice(layer.at.length + 1), isFolder);
    if (decided !== null) return decided;
  }
  return false;
}

function ignoreGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
