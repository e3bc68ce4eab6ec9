import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { hasDagFileName } from '../scanning/is-dag-file.js';

/** A module that may be a plugin: of a plugins folder, or of an npm package that says so. */
export interface PluginModule {
  /** As people know it: `plugins/finance.ts`, or the package's name. */
  readonly source: string;
  /** Absolute path of the folder it is bundled in, and its own path in it. */
  readonly root: string;
  readonly path: string;
  readonly folderName: string;
  readonly fallbackName: string;
  readonly file: string;
}

/** A package that is a plugin names its module in its package.json: `"millrace": { "plugin": "./dist/plugin.js" }`. */
interface Manifest {
  readonly name?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly millrace?: { readonly plugin?: unknown };
}

const INDEX = ['index.ts', 'index.mts', 'index.js', 'index.mjs'];

/**
 * Modules at the top of the plugins folders, folders in them with an index, and packages with a manifest among the dependencies of the
 * package.json in or above them. Of the same path in two folders the first counts, as it does for imports.
 */
export async function findPlugins(folders: readonly string[]): Promise<PluginModule[]> {
  const found = new Map<string, PluginModule>();
  const add = (module: PluginModule): void => {
    if (!found.has(module.source)) found.set(module.source, module);
  };
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (name.startsWith('.') || name.startsWith('_') || name === 'node_modules') continue;
      const kind = await stat(join(folder, name)).catch(() => null);
      const path = kind?.isFile() === true && /\.m?[jt]s$/.test(name) && hasDagFileName(name) ? name : kind?.isDirectory() === true ? await indexOf(folder, name) : null;
      if (path !== null) add({ source: `plugins/${path}`, root: folder, path, folderName: 'plugins', fallbackName: name.replace(/\.\w+$/, ''), file: join(folder, path) });
    }
  }
  for (const folder of new Set(folders.flatMap((each) => [each, dirname(each)]))) for (const module of await packagesOf(folder)) add(module);
  return [...found.values()];
}

async function indexOf(folder: string, name: string): Promise<string | null> {
  for (const index of INDEX) {
    const found = await stat(join(folder, name, index)).catch(() => null);
    if (found?.isFile() === true) return `${name}/${index}`;
  }
  return null;
}

async function packagesOf(folder: string): Promise<PluginModule[]> {
  const own = await manifestOf(folder);
  const modules: PluginModule[] = [];
  for (const name of Object.keys(own?.dependencies ?? {})) {
    const root = join(folder, 'node_modules', name);
    const module = (await manifestOf(root))?.millrace?.plugin;
    if (typeof module !== 'string' || module === '') continue;
    const path = relative(root, join(root, module));
    modules.push({ source: name, root, path, folderName: name, fallbackName: name, file: join(root, path) });
  }
  return modules;
}

async function manifestOf(folder: string): Promise<Manifest | null> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return null; // npm says what is wrong with it; here it names no plugin.
  }
}
