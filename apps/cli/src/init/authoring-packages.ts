import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import { MillraceError } from '@millrace/vocabulary';

/** The names by which declarations of the SDK call types of the services' contracts, as an author sees them: data. */
const CONTRACTS = `
/** One task as data. */
export interface TaskDocumentInput { taskId: string; operator: string; upstream?: string[]; isSensor?: boolean; sensorTimeoutSeconds?: number | null; external?: boolean; [field: string]: unknown }
/** A dag as data: what is published. */
export interface DagDocumentInput { format: 1; dagId: string; tasks?: TaskDocumentInput[]; params?: Record<string, { value?: unknown; schema?: Record<string, unknown>; description?: string | null }>; [field: string]: unknown }
export interface AssetDocument { name: string; uri: string; [field: string]: unknown }
`;
const KNOWN_CONTRACTS = new Set([...CONTRACTS.matchAll(/export (?:interface|type) (\w+)/g)].map(([, name]) => name));
const BANNER = "import{createRequire as __millraceRequire}from'node:module';const require=__millraceRequire(import.meta.url);";

/**
 * Writes the packages dag authors install, `@millrace/sdk` (with `@millrace/sdk/testing`) and `@millrace/operators`, each complete in itself: code in one
 * file, declarations beside it, no dependency on packages of a server.
 * @param out a folder for the two packages, `sdk` and `operators`
 * @throws MillraceError `unavailable` when this installation is not built
 */
export async function writeAuthoringPackages(out: string, version: string): Promise<void> {
  const sdk = join(out, 'sdk');
  const operators = join(out, 'operators');
  await bundle('@millrace/sdk', join(sdk, 'index.js'), []);
  await bundle('@millrace/sdk-testing', join(sdk, 'testing.js'), ['@millrace/sdk']);
  await bundle('@millrace/operators', join(operators, 'index.js'), ['@millrace/sdk']);
  new Declarations(join(sdk, 'types'), ['@millrace/sdk', '@millrace/sdk-testing', '@millrace/vocabulary']).write();
  new Declarations(join(operators, 'types'), ['@millrace/operators', '@millrace/vocabulary']).write();
  const entry = (name: string, file: string) => ({ types: `./types/${name}/index.d.ts`, default: `./${file}` });
  writeManifest(sdk, { name: '@millrace/sdk', version, description: 'Write and test dags for Millrace', exports: { '.': entry('sdk', 'index.js'), './testing': entry('sdk-testing', 'testing.js') } });
  writeManifest(operators, { name: '@millrace/operators', version, description: 'Operators for dags of Millrace', exports: { '.': entry('operators', 'index.js') }, peerDependencies: { '@millrace/sdk': version } });
}

function writeManifest(folder: string, fields: object): void {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...fields, license: 'Apache-2.0', type: 'module', engines: { node: '^20.19.0 || ^22.13.0 || >=24.11.0' }, sideEffects: false }, null, 2)}\n`);
}

async function bundle(name: string, outfile: string, apart: readonly string[]): Promise<void> {
  await build({
    // Names of files in the result are told from there: nobody is to read where this installation lies.
    entryPoints: [join(distOf(name), 'index.js')], absWorkingDir: join(distOf(name), '..', '..', '..'), outfile: resolve(outfile), bundle: true, format: 'esm', platform: 'node', target: 'node20', charset: 'utf8', keepNames: true, legalComments: 'none', logLevel: 'silent',
    banner: { js: BANNER }, tsconfigRaw: '{}', plugins: [own(apart), templates()],
  });
}

/** Of packages that also serve services only what authors' code reaches: their doors would bring gRPC and files of logs along. */
const PARTS = new Map([
  ['@millrace/execution/runner', ['@millrace/execution', 'runner/index.js']],
  ['@millrace/contracts', ['@millrace/contracts', 'dag-document/dag-document.js']],
  ['@millrace/task-logs', ['@millrace/task-logs', 'secret-mask.js']],
]);

/** Our own packages by their builds; everything else as Node.js finds it, or, when an operator takes it from the installation, not at all. */
function own(apart: readonly string[]): Plugin {
  return {
    name: 'millrace-own',
    setup({ onResolve }) {
      onResolve({ filter: /^@millrace\// }, ({ path }) => {
        if (apart.includes(path)) return { path, external: true };
        const [name = '', part = ''] = PARTS.get(path) ?? [path, 'index.js'];
        return { path: join(distOf(name), part), sideEffects: false };
      });
    },
  };
}

/** The runner loads the template engine when it is first needed, by a call no bundler follows. */
function templates(): Plugin {
  return {
    name: 'millrace-templates',
    setup({ onLoad }) {
      onLoad({ filter: /render-templates\.js$/ }, ({ path }) => {
        const source = readFileSync(path, 'utf8');
        const loaded = source.replaceAll("createRequire(import.meta.url)('nunjucks')", "require('nunjucks')");
        if (loaded === source) throw new Error(`${path} loads the template engine in another way than it did`);
        return { contents: loaded, loader: 'js' };
      });
    },
  };
}

/** The build of a package of ours. */
function distOf(name: string): string {
  const folder = (createRequire(import.meta.url).resolve.paths(name) ?? []).map((modules) => join(modules, name)).find((candidate) => existsSync(join(candidate, 'package.json')));
  const dist = folder === undefined ? null : join(realpathSync(folder), 'dist');
  if (dist === null || !existsSync(join(dist, 'index.d.ts'))) throw new MillraceError('unavailable', `${name} is not built; run npm run build in the checkout of Millrace`);
  return dist;
}

/** Declarations of some packages of ours in one folder, with the ways between them changed to relative ones. */
class Declarations {
  private readonly seen = new Set<string>();
  private readonly contracts = new Set<string>();

  constructor(private readonly out: string, private readonly packages: readonly string[]) {}

  write(): void {
    mkdirSync(this.out, { recursive: true });
    for (const name of this.packages.filter((each) => each !== '@millrace/vocabulary')) this.copy(name, 'index.d.ts');
    // What authors only hand on need not be known to them in full.
    const others = [...this.contracts].filter((name) => name !== '' && !KNOWN_CONTRACTS.has(name)).sort();
    writeFileSync(join(this.out, 'contracts.d.ts'), `${CONTRACTS.trimStart()}${others.map((name) => `export type ${name} = unknown;\n`).join('')}`);
  }

  /** One file and all it leads to. */
  private copy(name: string, path: string): void {
    const from = join(distOf(name), path);
    const to = join(this.out, shortOf(name), path);
    if (this.seen.has(to)) return;
    this.seen.add(to);
    const text = readFileSync(from, 'utf8').replaceAll(/\n\/\/# sourceMappingURL=.*\n?/g, '\n').replaceAll(/(^(?:import|export)\b[^'"\n]*|\bimport\()(['"])([^'"]+)\2/gm, (whole, before: string, quote: string, specifier: string) => {
      if (specifier.startsWith('.')) {
        this.copy(name, join(dirname(path), specifier).replace(/\.js$/, '.d.ts'));
        return whole;
      }
      if (specifier === '@millrace/contracts') return `${before}${quote}${relativeTo(to, join(this.out, 'contracts.js'))}${quote}`;
      // The SDK by its name: from within it means the package itself.
      if (!specifier.startsWith('@millrace/') || specifier === '@millrace/sdk') return whole;
      this.copy(specifier, 'index.d.ts');
      return `${before}${quote}${relativeTo(to, join(this.out, shortOf(specifier), 'index.js'))}${quote}`;
    });
    for (const [, names = ''] of text.matchAll(/import type \{([^}]*)\} from '[^']*contracts\.js'/g)) for (const each of names.split(',')) this.contracts.add(each.trim());
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
  }
}

function shortOf(name: string): string {
  return name.replace('@millrace/', '');
}

function relativeTo(file: string, target: string): string {
  const path = relative(dirname(file), target).replaceAll(sep, '/');
  return path.startsWith('.') ? path : `./${path}`;
}
