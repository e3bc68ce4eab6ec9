// `npm test`: services (found, Docker or Debian packages), build, vitest, one last line "N passed, N failed".
// Arguments go to vitest: `npm test -- libs/engine`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { obtainChromium } from './services/chromium.mjs';
import { run } from './services/commands.mjs';
import { removeLeftovers } from './services/leftovers.mjs';
import { obtainServices } from './services/obtain.mjs';
import { obtainPrometheus } from './services/prometheus.mjs';

const root = join(import.meta.dirname, '..');
const HOSTS_MADE_AHEAD = 8;
const scratch = mkdtempSync(join(tmpdir(), 'millrace-test-'));
const cleanups = [async () => rmSync(scratch, { recursive: true, force: true })];
let vitest;
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    // vitest in the foreground got a Ctrl-C from the terminal itself; being told twice does no harm.
    vitest?.kill('SIGTERM');
  });
}

const counts = await main().catch((error) => {
  console.error(`test: ${error.stack?.includes('TypeError') ? error.stack : error.message}`);
  return { passed: 0, failed: 1, skipped: 0 };
});
for (const cleanup of cleanups.reverse()) {
  await cleanup().catch((error) => console.error(`test: cleaning up: ${error.message}`));
}
const failed = interrupted ? Math.max(counts.failed, 1) : counts.failed;
console.log(`${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);

async function main() {
  const services = await obtainServices(process.env, cleanups);
  const began = Date.now();
  const build = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], { cwd: root });
  if (build.code !== 0) throw new Error('the build failed (tsc -b, above); no test was run');
  console.log(`test: built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (interrupted) throw new Error('interrupted');

  const kit = await import('../libs/test-services/dist/index.js');
  const addresses = kit.testAddresses(services);
  const removed = await removeLeftovers(services, kit);
  if (removed > 0) console.log(`test: removed ${removed} databases and virtual hosts left by older runs`);
  const pool = join(scratch, 'virtual-hosts');
  await kit.fillPool(pool, addresses, HOSTS_MADE_AHEAD);
  cleanups.push(async () => kit.deleteVirtualHosts(addresses, await kit.virtualHostsOfPool(pool)));

  const filters = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
  const chromium = filters.length === 0 || filters.some((filter) => filter.includes('ui')) ? await obtainChromium(process.env) : { missing: 'not asked for' };
  if (chromium.missing && chromium.missing !== 'not asked for') console.log(`test: the journeys through the web UI will be SKIPPED: ${chromium.missing}`);

  // No promise of the dashboards and alarms goes untested because a program is missing: where CI is set, their specs fail without it.
  if (filters.length === 0 || filters.some((filter) => /deploy|dashboards|alerts/.test(filter))) {
    const missing = await obtainPrometheus(process.env);
    if (missing !== null) console.log(`test: dashboards and alarms will not be checked: ${missing}`);
  }

  const report = join(scratch, 'report.json');
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)];
  const env = { ...process.env, ...services, MILLRACE_TEST_VHOST_POOL: pool, ...(chromium.path ? { MILLRACE_TEST_CHROMIUM: chromium.path } : {}) };
  const { code } = await run(process.execPath, args, { cwd: root, env, timeoutMs: 3600_000, onStart: (child) => (vitest = child) });
  return countsOf(report, code);
}

/** A file that could not be loaded counts as a failed test; so does a failure vitest has no test for. */
function countsOf(report, code) {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const unloaded = result.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')).length;
  const failed = result.numFailedTests + unloaded;
  return { passed: result.numPassedTests, failed: code !== 0 ? Math.max(failed, 1) : failed, skipped: result.numPendingTests + result.numTodoTests };
}
