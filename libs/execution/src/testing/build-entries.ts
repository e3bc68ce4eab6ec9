import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ChildEntries } from '../runner-pool/built-entries.js';

/**
 * The programs a worker starts, built from source for specs that run without a build. They lie beside the installed
 * packages, so that what the runner loads lazily is found.
 * @param sources the folder `src` of this lib
 */
export async function buildEntries(sources = fileURLToPath(new URL('..', import.meta.url))): Promise<{ readonly entries: ChildEntries; readonly folder: string; remove(): void }> {
  const installed = join(dirname(createRequire(import.meta.url).resolve('nunjucks/package.json')), '..');
  const folder = mkdtempSync(join(installed, '.millrace-runner-'));
  await build({
    entryPoints: { runner: join(sources, 'runner/runner-main.ts'), guardian: join(sources, 'runner-guardian/guardian-main.ts'), worker: join(sources, 'testing/worker-process.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@millrace/source'],
    packages: 'bundle',
    external: ['nunjucks', 'yaml', '@grpc/grpc-js', 'esbuild', 'amqplib', 'prom-client', 'winston', 'jose'],
    logLevel: 'error',
  });
  return { entries: { runner: join(folder, 'runner.mjs'), guardian: join(folder, 'guardian.mjs') }, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
