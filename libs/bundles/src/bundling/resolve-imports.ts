import { isBuiltin } from 'node:module';
import { statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import type { OnResolveResult, Plugin } from 'esbuild';
import type { AuthoringLibrary } from './authoring-library.js';
import { INSTALLATION_FOLDER } from './authoring-packages.js';
import type { BundleRequest } from './bundle-request.js';
import { ENTRY } from './entry.js';

const ENDINGS = ['', '.ts', '.mts', '.js', '.mjs', `${sep}index.ts`, `${sep}index.js`];
/** Set while we ask esbuild itself, so that it does not ask us back. */
const ASKED = Symbol('asked');

/** How a dag file's imports are found: Millrace's own packages, plugins, then packages as Node.js finds them, then the installation's. */
export function resolveImports(library: AuthoringLibrary, requestNow: () => BundleRequest): Plugin {
  return {
    name: 'millrace-imports',
    setup(build) {
      // What a dag file of data takes its operators from.
      build.onResolve({ filter: /^\.\// }, (args) => {
        if (!args.importer.endsWith(ENTRY)) return undefined;
        const { root, code } = requestNow();
        // What a dag file of data takes its operators from.
        if (code !== undefined) return { path: findModule(args.path.slice(2), root) ?? resolve(root, args.path) };
        // The dag file itself: kept even when a package.json beside it says it has no side effects.
        return { path: resolve(root, args.path), sideEffects: true };
      });

      build.onResolve({ filter: /^@millrace\// }, (args): OnResolveResult => {
        const known = library.entries.get(args.path);
        if (known !== undefined) return { path: known, sideEffects: false };
        if (args.importer.startsWith(library.folder + sep)) return { external: true, path: args.path };
        return { errors: [{ text: `${args.path} cannot be imported in a dag file; use ${[...library.entries.keys()].slice(0, 2).join(' or ')}` }] };
      });

      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === ASKED || isBuiltin(args.path) || args.importer.includes(`${sep}node_modules${sep}`)) return undefined;
        const request = requestNow();
        const plugin = findPlugin(args.path, request.pluginFolders);
        if (plugin !== null) return { path: plugin };
        if (args.path === 'plugins' || args.path.startsWith('plugins/')) {
          return { errors: [{ text: `Could not resolve "${args.path}": no such file in ${request.pluginFolders.length === 0 ? 'any plugins folder, because none is there' : 'the plugins folder'}` }] };
        }
        const own = await build.resolve(args.path, { resolveDir: args.resolveDir, importer: args.importer, kind: args.kind, pluginData: ASKED });
        if (own.errors.length === 0) return own;
        const installed = await build.resolve(args.path, { resolveDir: INSTALLATION_FOLDER, importer: args.importer, kind: args.kind, pluginData: ASKED });
        // Undefined lets esbuild fail in its own words, with the line of the import.
        return installed.errors.length === 0 ? installed : undefined;
      });

      // Machine code cannot travel in a module. Thrown when it is reached, so that packages that try it and fall back still work.
      build.onLoad({ filter: /\.node$/ }, (args) => ({ contents: `throw new Error(${JSON.stringify(`the native addon ${args.path.slice(dirname(args.path).length + 1)} cannot be part of a dag bundle`)});`, loader: 'js' }));
    },
  };
}

function findPlugin(name: string, folders: readonly string[]): string | null {
  const inside = name.replace(/^plugins\//, '');
  for (const folder of folders) {
    const found = findModule(inside, folder);
    if (found !== null) return found;
  }
  return null;
}

function findModule(name: string, folder: string): string | null {
  for (const candidate of [name, name.replace(/\.js$/, '.ts').replace(/\.mjs$/, '.mts')]) {
    for (const ending of ENDINGS) {
      const file = join(folder, candidate + ending);
      if (file.startsWith(folder + sep) && statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
    }
  }
  return null;
}
