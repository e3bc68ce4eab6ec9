#!/usr/bin/env node
// Starts the built command. In a checkout whose sources are newer than the build (or never built), builds first.
// MILLRACE_SKIP_BUILD=1 runs the build that is there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';

const here = join(import.meta.dirname, '..');
const root = join(here, '..', '..');
const main = join(here, 'dist', 'main.js');
const stamp = join(here, 'dist', '.built');

if (process.env.MILLRACE_SKIP_BUILD !== '1' && existsSync(join(root, 'tsconfig.base.json'))) buildIfNeeded();
module.enableCompileCache?.();
await import(main);

function buildIfNeeded() {
  const builtAt = existsSync(stamp) && existsSync(main) ? statSync(stamp).mtimeMs : 0;
  if (builtAt > 0 && !newerSource(builtAt)) return;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    if (builtAt > 0) return; // An installation without the compiler runs what was built.
    process.stderr.write('millrace is not built and the compiler is not installed. Run npm ci in the checkout first.\n');
    process.exit(1);
  }
  process.stderr.write(builtAt === 0 ? 'millrace: building… (first call)\n' : 'millrace: building… (sources changed)\n');
  const begun = Date.now();
  const built = spawnSync(process.execPath, [compiler, '-b', here], { cwd: root, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) {
    process.stderr.write('millrace: the build failed; the messages above say where.\n');
    process.exit(1);
  }
  mkdirSync(join(here, 'dist'), { recursive: true });
  writeFileSync(stamp, `${Date.now() - begun} ms\n`);
  process.stderr.write(`millrace: built in ${((Date.now() - begun) / 1000).toFixed(1)} s\n`);
}

/** Whether any source of any package was written after the build. */
function newerSource(builtAt) {
  for (const group of ['libs', 'apps']) {
    for (const name of readdirSync(join(root, group))) {
      const folder = join(root, group, name, 'src');
      if (existsSync(folder) && newerIn(folder, builtAt)) return true;
    }
  }
  return false;
}

function newerIn(folder, builtAt) {
  // A file taken away changes its folder only.
  if (statSync(folder).mtimeMs > builtAt) return true;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() ? newerIn(path, builtAt) : !/\.(spec|bench)\.ts$/.test(entry.name) && statSync(path).mtimeMs > builtAt) return true;
  }
  return false;
}
