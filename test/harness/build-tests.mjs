import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Compiles benchmark and harness into a folder of its own under `test/dist` (two calls at once don't meet). Returns the folder. */
export async function buildTests(root) {
  const test = join(root, 'test');
  mkdirSync(join(test, 'dist'), { recursive: true });
  const outdir = mkdtempSync(join(test, 'dist', 'bench-'));
  const entryPoints = ['bench', 'harness', 'oracle'].flatMap((folder) => readdirSync(join(test, folder), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('dags/'))
    .map((file) => join(test, folder, file)));
  await build({ entryPoints, outdir, outbase: test, bundle: false, format: 'esm', platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'error' });
  return outdir;
}
