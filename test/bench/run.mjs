/**
 * `npm run bench [-- --json | --only chain3,hop | --queue classic …]`: builds the services and the benchmark, then runs it.
 * The benchmark is TypeScript; it is compiled file by file into `test/dist`, because Node.js 20 runs no TypeScript.
 */
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTests } from '../harness/build-tests.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
if (!process.argv.includes('--no-build')) execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
// `npm run bench -- waiting`, `-- history`, `-- memory` and `-- dag-files` are programs of their own.
const program = ['waiting', 'history', 'memory', 'dag-files'].includes(process.argv[2]) ? `${process.argv[2]}.js` : 'bench.js';
const out = await buildTests(root);
const bench = spawn(process.execPath, ['--enable-source-maps', join(out, 'bench', program), ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal));
bench.on('exit', (code, signal) => {
  rmSync(out, { recursive: true, force: true });
  process.exitCode = signal === null ? (code ?? 1) : 130;
});
