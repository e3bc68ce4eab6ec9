#!/usr/bin/env node
// Starts the built command. In a checkout whose sources are newer than the build (or never built), builds first: the services by the
// compiler, the web UI by Vite, both at once (docs/decisions/0024).
// MILLRACE_SKIP_BUILD=1 runs the build that is there.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';

const here = join(import.meta.dirname, '..');
const root = join(here, '..', '..');
const main = join(here, 'dist', 'main.js');
const stamp = join(here, 'dist', '.built');
const site = join(root, 'apps', 'web');
const page = join(site, 'dist', 'site', 'index.html');

/** Commands that start an api. */
const SERVES_UI = new Set(['standalone', 'api', 'webserver']);

if (process.env.MILLRACE_SKIP_BUILD !== '1' && existsSync(join(root, 'tsconfig.base.json'))) await buildIfNeeded();
module.enableCompileCache?.();
await import(main);

async function buildIfNeeded() {
  const builtAt = existsSync(stamp) && existsSync(main) ? statSync(stamp).mtimeMs : 0;
  const isCodeOld = builtAt === 0 || newerSource(builtAt);
  // Only what serves the UI waits for it; without Vite (an installation without development packages) what was built is served.
  const isSiteOld = SERVES_UI.has(process.argv[2] ?? '') && existsSync(vite()) && (!existsSync(page) || newerIn(join(site, 'src'), statSync(page).mtimeMs));
  if (!isCodeOld && !isSiteOld) return;
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (isCodeOld && !existsSync(compiler)) {
    if (builtAt > 0) return; // An installation without the compiler runs what was built.
    process.stderr.write('millrace is not built and the compiler is not installed. Run npm ci in the checkout first.\n');
    process.exit(1);
  }
  process.stderr.write(builtAt === 0 ? 'millrace: building… (first call)\n' : 'millrace: building… (sources changed)\n');
  const begun = Date.now();
  const [code, ui] = await Promise.all([isCodeOld ? run([compiler, '-b', here]) : 0, isSiteOld ? run([vite(), 'build', site, '--logLevel', 'warn']) : 0]);
  if (code !== 0) {
    process.stderr.write('millrace: the build failed; the messages above say where.\n');
    process.exit(1);
  }
  // The services work without their UI; the api says how to build it.
  if (ui !== 0) process.stderr.write('millrace: the web UI could not be built; the messages above say why. Everything else runs.\n');
  mkdirSync(join(here, 'dist'), { recursive: true });
  if (isCodeOld) writeFileSync(stamp, `${Date.now() - begun} ms\n`);
  process.stderr.write(`millrace: built in ${((Date.now() - begun) / 1000).toFixed(1)} s\n`);
}

function vite() {
  return join(root, 'node_modules', 'vite', 'bin', 'vite.js');
}

function run(args) {
  return new Promise((resolve) => {
    // Whatever the caller's NODE_ENV: a page built for development is three times as large.
    spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, NODE_ENV: 'production' } }).once('error', () => resolve(1)).once('close', (status) => resolve(status ?? 1));
  });
}

/** Whether any source of any package was written after the build. */
function newerSource(builtAt) {
  for (const group of ['libs', 'apps']) {
    for (const name of readdirSync(join(root, group))) {
      if (group === 'apps' && name === 'web') continue; // Vite's, below.
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
    if (entry.isDirectory() ? newerIn(path, builtAt) : !/\.(spec|bench)\.tsx?$/.test(entry.name) && statSync(path).mtimeMs > builtAt) return true;
  }
  return false;
}
