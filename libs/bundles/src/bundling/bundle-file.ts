import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { BuildFailure, Message, Metafile } from 'esbuild';
import { importFailure } from '../import-errors/import-failure.js';
import type { ImportFailure } from '../import-errors/import-failure.js';
import { authoringLibrary } from './authoring-library.js';
import type { AuthoringLibrary } from './authoring-library.js';
import { authoringPackages } from './authoring-packages.js';
import type { AttachedPlugin, BundleRequest } from './bundle-request.js';
import { bundleOnce } from './bundler.js';
import type { Bundler } from './bundler.js';
import { ENTRY, ENTRY_SOURCE } from './entry.js';
import { inlineSourceMap, stableSourceMap } from './stable-source-map.js';
import type { StableSourceMap } from './stable-source-map.js';

export interface Bundle {
  /** One ES module with inline source map. */
  readonly code: Buffer;
  /** sha-256 of `code`, hex. */
  readonly hash: string;
  readonly sourceMap: StableSourceMap;
  /** Absolute paths of the author's files that went in. */
  readonly inputs: readonly string[];
}

export type BundleOutcome = { readonly ok: true; readonly bundle: Bundle } | { readonly ok: false; readonly failure: ImportFailure };

/** Fits into one message to the api with room for documents and source. */
const CODE_MAX_BYTES = 3_500_000;
const ERRORS_SHOWN_MAX = 10;

/**
 * Bundles a dag file with all it imports into one module, the same bytes on every machine.
 * @param bundler for many files of one folder
 */
export async function bundleFile(request: BundleRequest, bundler: Bundler | null = null): Promise<BundleOutcome> {
  const attached = request.attached ?? [];
  const outcome = await bundleWith(request, attached.filter((plugin) => plugin.isForAll), bundler);
  if (!outcome.ok) return outcome;
  // A template is text, so what it names stands in the bundle as it was written.
  const named = attached.filter((plugin) => !plugin.isForAll && outcome.bundle.code.includes(`macros.${plugin.name}.`));
  return named.length === 0 ? outcome : bundleWith(request, attached.filter((plugin) => plugin.isForAll || named.includes(plugin)), bundler);
}

function entryOf(request: BundleRequest, attached: readonly AttachedPlugin[]): string {
  const file = JSON.stringify(`./${request.path}`);
  const own = request.code ?? `import ${file};\n`;
  if (request.plugin !== undefined) return `import * as module from ${file};\nimport { describePlugin } from '@millrace/sdk';\nexport const __millrace_plugin__ = describePlugin(module, ${JSON.stringify(request.plugin.fallbackName)});\nexport const __millrace_module__ = module;\n`;
  if (attached.length === 0) return `${own}import { collectDags } from '@millrace/sdk';\nexport const __millrace_dags__ = collectDags();\n`;
  const imports = attached.map((plugin, index) => `import * as plugin${index} from ${JSON.stringify(plugin.file)};\n`).join('');
  return `${own}import { attachPlugins, collectDags } from '@millrace/sdk';\n${imports}export const __millrace_dags__ = attachPlugins(collectDags(), [${attached.map((_, index) => `plugin${index}`).join(', ')}]);\n`;
}

async function bundleWith(request: BundleRequest, attached: readonly AttachedPlugin[], bundler: Bundler | null): Promise<BundleOutcome> {
  const names = new StableNames(request);
  const library = await authoringLibrary();
  try {
    const entry = entryOf(request, attached);
    const result = bundler === null ? await bundleOnce(library, request, entry) : await bundler.bundle(library, request, entry);
    const text = result.outputFiles.find((file) => file.path.endsWith('.mjs'))?.text ?? '';
    const sourceMap = stableSourceMap(result.outputFiles.find((file) => file.path.endsWith('.map'))?.text ?? '{}', (source) => names.of(source));
    const code = Buffer.from(text + inlineSourceMap(sourceMap));
    if (code.length > CODE_MAX_BYTES) return { ok: false, failure: tooLarge(request.path, code.length, result.metafile, names) };
    return { ok: true, bundle: { code, hash: createHash('sha256').update(code).digest('hex'), sourceMap, inputs: inputsOf(request.root, library, result.metafile) } };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    return { ok: false, failure: buildFailure(request.root, request.path, error.errors, names) };
  }
}

function inputsOf(root: string, library: AuthoringLibrary, metafile: Metafile): string[] {
  return Object.keys(metafile.inputs)
    .filter((input) => !/^[\w-]{2,}:/.test(input))
    .map((input) => resolve(root, input))
    .filter((file) => !file.startsWith(library.folder + sep));
}

function buildFailure(root: string, path: string, errors: readonly Message[], names: StableNames): ImportFailure {
  const [first, ...more] = errors.map((error) => {
    const location = error.location;
    const message = `${location === null || error.text.startsWith('Could not resolve') ? '' : 'SyntaxError: '}${error.text}`;
    const place = location === null ? { file: path } : { file: names.of(location.file), line: location.line, column: location.column + 1 };
    const excerpt = location === null ? null : textOf(resolve(root, location.file));
    return { message, place, excerpt, notes: error.notes.map((note) => note.text) };
  });
  if (first === undefined) return importFailure('the file could not be bundled', { file: path });
  const others = more.slice(0, ERRORS_SHOWN_MAX).map((error) => `${error.place.file}:${'line' in error.place ? error.place.line : 0}: ${error.message}`);
  return importFailure(first.message, first.place, first.excerpt, [...first.notes, ...others]);
}

function tooLarge(path: string, bytes: number, metafile: Metafile, names: StableNames): ImportFailure {
  const largest = Object.entries(Object.entries(metafile.outputs).find(([name]) => name.endsWith('.mjs'))?.[1].inputs ?? {})
    .sort((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
    .slice(0, 3)
    .map(([input, { bytesInOutput }]) => `${names.of(input)} (${Math.round(bytesInOutput / 1_000)} kB)`);
  return importFailure(`the bundle is ${(bytes / 1e6).toFixed(1)} MB, the limit is ${CODE_MAX_BYTES / 1e6} MB; largest parts: ${largest.join(', ')}. Read large data at run time instead of importing it.`, { file: path });
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null; // Gone since: the error goes without its excerpt.
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}

/** Names of source files that are the same on every machine. */
class StableNames {
  private readonly root: string;
  private readonly packages = [...authoringPackages().values()];
  private readonly places: readonly { readonly folder: string; readonly name: string }[];

  constructor(request: BundleRequest) {
    this.root = request.root;
    this.places = [
      { folder: request.root, name: request.plugin?.folderName ?? '' },
      ...request.pluginFolders.map((folder) => ({ folder, name: 'plugins' })),
    ];
  }

  of(source: string): string {
    if (source === ENTRY_SOURCE) return `<${ENTRY}>`;
    const file = isAbsolute(source) ? source : resolve(this.root, source);
    for (const known of this.packages) if (file.startsWith(known.folder + sep)) return posix(join(known.name, relative(known.folder, file)));
    const inPackage = file.lastIndexOf(`${sep}node_modules${sep}`);
    if (inPackage >= 0) return posix(file.slice(inPackage + 1));
    for (const { folder, name } of this.places) if (file.startsWith(folder + sep)) return posix(join(name, relative(folder, file)));
    return posix(relative(this.root, file));
  }
}

function posix(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
