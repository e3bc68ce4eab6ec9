/**
 * The previous build and this one side by side: builds another commit beside, and runs services of both on one database under load (side-by-side.check.ts). Some minutes.
 *   node test/upgrade/run.mjs COMMIT [FOLDER]
 * FOLDER: where that commit is built already, or is to be and stays. Services for the tests as for `npx vitest`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [commit, kept] = process.argv.slice(2);
const root = join(import.meta.dirname, '..', '..');
if (commit === undefined) {
  console.error('usage: node test/upgrade/run.mjs COMMIT [FOLDER]');
  process.exit(2);
}
const folder = kept ?? mkdtempSync(join(tmpdir(), 'millrace-previous-'));
const run = (program, args, options = {}) => {
  const { status } = spawnSync(program, args, { stdio: 'inherit', ...options });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status}`);
};
let code = 1;
try {
  if (!existsSync(join(folder, 'package.json'))) {
    run('git', ['clone', '--quiet', '--no-checkout', root, folder]);
    run('git', ['checkout', '--quiet', commit], { cwd: folder });
  }
  if (!existsSync(join(folder, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: folder });
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root });
  code = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], { cwd: root, stdio: 'inherit', env: { ...process.env, MILLRACE_PREVIOUS_BUILD: folder } }).status ?? 1;
} catch (error) {
  console.error(String(error));
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
