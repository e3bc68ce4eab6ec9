import { build, context } from 'esbuild';
import type { BuildContext, BuildOptions, BuildResult } from 'esbuild';
import type { AuthoringLibrary } from './authoring-library.js';
import type { BundleRequest } from './bundle-request.js';
import { ENTRY, ENTRY_NAMESPACE } from './entry.js';
import { resolveImports } from './resolve-imports.js';


/** CommonJS packages inside an ES module ask for these names. */
const BANNER = "import{createRequire as __millraceCreateRequire}from'node:module';import{fileURLToPath as __millracePath}from'node:url';const require=__millraceCreateRequire(import.meta.url),__filename=__millracePath(import.meta.url),__dirname=__millracePath(new URL('.',import.meta.url));";

type Options = ReturnType<typeof optionsFor>;
export type Bundled = BuildResult<Options>;

/** What is bundled: the request, and the text of the entry. */
interface Job {
  readonly request: BundleRequest;
  readonly entry: string;
}

interface Bench {
  readonly key: string;
  readonly library: AuthoringLibrary;
  readonly context: BuildContext<Options>;
  job: Job;
}

/** One bundle, and nothing is kept. @throws BuildFailure */
export function bundleOnce(library: AuthoringLibrary, request: BundleRequest, entry: string): Promise<Bundled> {
  const job = { request, entry };
  return build(optionsFor(request.root, library, () => job));
}

/** Makes one bundle after another and remembers what it has parsed: only what is new since then costs anything. Must be closed, or its process does not end. */
export class Bundler {
  private idle: Bench[] = [];
  private closed = false;

  /** @throws BuildFailure */
  async bundle(library: AuthoringLibrary, request: BundleRequest, entry: string): Promise<Bundled> {
    const key = JSON.stringify([request.root, request.pluginFolders]);
    const bench = await this.take(key, library, { request, entry });
    try {
      return await bench.context.rebuild();
    } finally {
      if (this.closed) await bench.context.dispose();
      else this.idle.push(bench);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.idle.splice(0).map((bench) => bench.context.dispose()));
  }

  private async take(key: string, library: AuthoringLibrary, job: Job): Promise<Bench> {
    // Another place (a link that was swapped, plugins that came) is not asked for again.
    const useless = this.idle.filter((bench) => bench.key !== key || bench.library !== library);
    this.idle = this.idle.filter((bench) => !useless.includes(bench));
    await Promise.all(useless.map((bench) => bench.context.dispose()));
    const found = this.idle.pop();
    if (found !== undefined) {
      found.job = job;
      return found;
    }
    const made = { key, library, job } as Omit<Bench, 'context'>;
    return Object.assign(made, { context: await context(optionsFor(job.request.root, library, () => made.job)) });
  }
}

function optionsFor(root: string, library: AuthoringLibrary, jobNow: () => Job) {
  return {
    entryPoints: [ENTRY],
    absWorkingDir: root,
    outfile: 'bundle.mjs',
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    // Comments and wrapper names hold paths of this machine; minified they do not. keepNames keeps class names for people.
    minifyWhitespace: true,
    minifyIdentifiers: true,
    keepNames: true,
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: true,
    metafile: true,
    banner: { js: BANNER },
    loader: { '.sql': 'text', '.txt': 'text', '.md': 'text', '.sh': 'text', '.py': 'text', '.yaml': 'text', '.yml': 'text', '.csv': 'text' },
    // A tsconfig found by walking up would make the bundle depend on where the folder lies.
    tsconfigRaw: '{}',
    logLevel: 'silent',
    plugins: [
      {
        name: 'millrace-entry',
        setup(entry) {
          entry.onResolve({ filter: new RegExp(`^${ENTRY.replaceAll('.', '\\.')}$`) }, () => ({ path: ENTRY, namespace: ENTRY_NAMESPACE }));
          entry.onLoad({ filter: /^/, namespace: ENTRY_NAMESPACE }, () => ({ contents: jobNow().entry, resolveDir: root, loader: 'js' }));
        },
      },
      resolveImports(library, () => jobNow().request),
    ],
  } satisfies BuildOptions;
}
