import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { runDag } from '@millrace/sdk-testing';
import type { RunDagOptions, RunnableDag } from '@millrace/sdk-testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * The TypeScript of these pages of docs/users compiles, and the dags of some of them run. A block is a module of its own; one that begins with `// dags/hello.ts` is that file, and other
 * blocks of the page may import it. A block without imports is a fragment: it gets those of the SDK and of the operators it needs. What else it leaves out stands before it in the
 * page's source:  <!-- snippet: declare const load: any; -->
 * and how its dags are to be run:  <!-- run: { "outcomes": { "load": "success" } } -->, or <!-- run: no, because … -->.
 */

const ROOT = join(import.meta.dirname, '..', '..');
const DOCS = join(ROOT, 'docs', 'users');

const PAGES = [
  'assets.md', 'async-tasks.md', 'callbacks-and-deadlines.md', 'coming-from-airflow.md', 'human-in-the-loop.md', 'limits.md', 'mapping.md', 'partitions.md', 'plugins.md', 'retries-and-timeouts.md', 'schedules.md',
  'sensors-and-deferral.md', 'state-and-results.md', 'testing-dags.md', 'writing-dags.md',
];

/** Of these the dags are run as well; elsewhere tasks do what a test should not. */
const RUN = new Set(['coming-from-airflow.md', 'mapping.md', 'plugins.md', 'writing-dags.md']);

/** What a fragment may use without saying where it is from. */
const OFFERED = ['sdk', 'operators'].map((name) => ({ from: `@millrace/${name}`, names: [...readFileSync(join(ROOT, 'libs', name, 'src', 'index.ts'), 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(',').map((one) => one.trim().split(' ').pop() ?? '')) }));

interface Snippet {
  /** `page.md:12`. */
  readonly place: string;
  readonly file: string;
  readonly code: string;
  readonly run: string | null;
}

let scratch: string;
let snippets: readonly Snippet[];
beforeAll(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-snippets-')));
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}');
  snippets = PAGES.flatMap((name) => snippetsOf(name, readFileSync(join(DOCS, name), 'utf8')));
  for (const { file, code } of snippets) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    writeFileSync(join(scratch, file), code);
  }
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function snippetsOf(page: string, text: string): Snippet[] {
  const found: Snippet[] = [];
  const pattern = /((?:<!--[^]*?-->\s*)*)^```ts\n([^]*?)^```/gm;
  for (const match of text.matchAll(pattern)) {
    const [, comments = '', code = ''] = match;
    const line = text.slice(0, match.index + match[0].indexOf('```ts')).split('\n').length + 1;
    const named = /^\/\/ ([\w./-]+\.ts)\n/.exec(code)?.[1];
    const said = (word: string): string | null => new RegExp(`<!-- ${word}: ([^]*?) -->`).exec(comments)?.[1] ?? null;
    const folder = page.replace(/\.md$/, '');
    found.push({ place: `${page}:${line}`, file: join(folder, named ?? `line-${line}.ts`), code: `${/^import /m.test(code) ? '' : importsFor(`${said('snippet') ?? ''}${code}`)}${said('snippet') ?? ''}\n${code}\nexport {};\n`, run: said('run') });
  }
  return found;
}

function importsFor(code: string): string {
  return OFFERED.map(({ from, names }) => {
    const used = names.filter((name) => name !== '' && new RegExp(`(?<![\\w.'"-])${name}(?![\\w'"-])`).test(code) && !new RegExp(`(?:const|let|class|function|interface|type) ${name}\\b`).test(code));
    return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${from}'; `;
  }).join('');
}

describe('the snippets of docs/users', () => {
  it('are there', () => {
    expect(snippets.length).toBeGreaterThan(30);
  });

  it('compile', () => {
    const compilerOptions = { target: 'es2023', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', moduleResolution: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: ['node'], preserveSymlinks: false, paths: { 'plugins/*': ['./plugins/plugins/*', './plugins/plugins/*.ts'] } };
    writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*/**/*.ts'], exclude: ['node_modules'] }));
    const { stdout } = spawnSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', scratch], { cwd: scratch, encoding: 'utf8', timeout: 240_000 });
    expect(inPages(stdout)).toBe('');
  }, 300_000);

  it('define dags that run', async () => {
    const failures: unknown[] = [];
    let ran = 0;
    for (const { place, file, code, run } of snippets) {
      if (!/^export default dag\(|^dag\(|= dag\(/m.test(code) || !RUN.has(place.split(':')[0] ?? '') || run?.startsWith('no, because') === true) continue;
      const options = run === null ? {} : (JSON.parse(run) as RunDagOptions);
      for (const dag of await dagsOf(join(scratch, file)).catch((error: unknown) => (failures.push(`${place}: ${String(error)}`), []))) {
        ran++;
        const ended = await runDag(dag, options).catch((error: unknown) => error as Error);
        if (ended instanceof Error) failures.push(`${place}: ${ended.message}`);
        else if (ended.state !== 'success') failures.push(`${place}: ${String(ended)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(ran).toBeGreaterThan(5);
  }, 300_000);
});

/** Compiler messages with the page's own lines. */
function inPages(output: string): string {
  return output.replaceAll(/^([\w./-]+\.ts)\((\d+),/gm, (whole, file: string, line: string) => {
    const snippet = snippets.find((one) => one.file === file);
    if (snippet === undefined) return whole;
    const [page = '', first = '0'] = snippet.place.split(':');
    const before = 1;
    return `${page} (block at ${first}, its line ${Number(line) - before}) (`;
  });
}

async function dagsOf(file: string): Promise<RunnableDag[]> {
  const out = `${file}.mjs`;
  await build({
    stdin: { contents: `import ${JSON.stringify(file)};\nimport { collectDags } from '@millrace/sdk';\nexport const dags = collectDags();`, resolveDir: scratch, loader: 'js' },
    outfile: out, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent', tsconfigRaw: '{}', alias: { plugins: join(scratch, 'plugins', 'plugins') }, external: ['pg', 'pg-cursor', 'mysql2', 'ssh2', 'nodemailer', '@aws-sdk/*', '@google-cloud/*', 'vitest', 'node:test'],
    banner: { js: "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);" },
  });
  const { dags } = (await import(/* @vite-ignore */ pathToFileURL(out).href)) as { dags: ReadonlyMap<string, RunnableDag> };
  return [...dags.values()];
}
