import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { authoringPackages } from './authoring-packages.js';

/** The authoring packages in a handful of files. */
export interface AuthoringLibrary {
  readonly folder: string;
  /** By package, e.g. `@millrace/sdk`: its file. */
  readonly entries: ReadonlyMap<string, string>;
}

let made: Promise<AuthoringLibrary> | null = null;

/**
 * What every dag file imports, put together once in the life of a process. A hundred modules that are found, read and parsed anew for each file were
 * most of what bundling took.
 */
export async function authoringLibrary(): Promise<AuthoringLibrary> {
  made ??= make();
  const library = await made;
  if (existsSync(join(library.folder, 'package.json'))) return library;
  made = make(); // Somebody tidied up the temporary folder.
  return made;
}

async function make(): Promise<AuthoringLibrary> {
  const packages = [...authoringPackages().values()];
  const { outputFiles } = await build({
    entryPoints: packages.map(({ name, entry }) => ({ in: entry, out: fileNameOf(name) })),
    outdir: '.', write: false, bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20', charset: 'utf8', sourcemap: 'linked', sourcesContent: false, legalComments: 'none', tsconfigRaw: '{}', logLevel: 'silent',
    // The map tells of the packages' files by their place beside this folder: it must be known before.
    absWorkingDir: folder(),
    plugins: [{
      name: 'millrace-packages',
      setup({ onResolve }) {
        onResolve({ filter: /^@millrace\// }, ({ path }) => {
          const known = packages.find(({ name }) => name === path);
          return known === undefined ? { path, external: true } : { path: known.entry, sideEffects: false };
        });
      },
    }],
  });
  const place = folder();
  for (const { path, text } of outputFiles) writeFileSync(path, path.endsWith('.map') ? text : withOwnNames(text));
  // Last, as a sign that all is there. What a dag file does not use is to be left out.
  writeFileSync(join(place, 'package.json'), JSON.stringify({ type: 'module', sideEffects: false }));
  return { folder: place, entries: new Map(packages.map(({ name }) => [name, join(place, `${fileNameOf(name)}.js`)])) };
}

/** `var Dag = class _Dag` is how the bundler writes a class that speaks of itself; but the name of a class is what people see, as an operator's. */
function withOwnNames(code: string): string {
  const renamed = [...code.matchAll(/\bvar (\w+) = class _\1\b/g)].map(([, name]) => name);
  return renamed.length === 0 ? code : code.replaceAll(new RegExp(`(?<![\\w$.])_(${renamed.join('|')})(?![\\w$])`, 'g'), '$1');
}

function fileNameOf(name: string): string {
  return name.slice('@millrace/'.length);
}

let folderOfThisProcess: string | null = null;

function folder(): string {
  if (folderOfThisProcess !== null && existsSync(folderOfThisProcess)) return folderOfThisProcess;
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-authoring-')));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  folderOfThisProcess = place;
  return place;
}
