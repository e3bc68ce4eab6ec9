import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The runner's entry built from source, for specs that run without a build. Beside the installed packages, so that what the
 * runner loads lazily is found.
 */
export async function buildRunner(source = fileURLToPath(new URL('../runner/runner-main.ts', import.meta.url))): Promise<{ readonly entry: string; remove(): void }> {
  const installed = join(dirname(createRequire(import.meta.url).resolve('nunjucks/package.json')), '..');
  const folder = mkdtempSync(join(installed, '.millrace-runner-'));
  const entry = join(folder, 'runner-main.mjs');
  await build({
    entryPoints: [source],
    outfile: entry,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@millrace/source'],
    external: ['nunjucks'],
    logLevel: 'error',
  });
  return { entry, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
