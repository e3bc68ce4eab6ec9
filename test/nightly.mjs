/**
 * What is too long for every commit: 100,000 runs of the simulator, on seeds that no earlier night had. A failure prints its seed and a minimal dag.
 *   node test/nightly.mjs [runs] [first seed]
 *   node test/nightly.mjs fuzz URL TOKEN [seconds]    schemathesis (PyPI) over the document of a running api, for ten minutes; changes what is stored there
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

if (process.argv[2] === 'fuzz') process.exit(fuzz(...process.argv.slice(3)));
const [runs = '100000', seed = String(10_000 + Math.floor(Date.now() / 86_400_000) * 100_000)] = process.argv.slice(2);
const root = join(import.meta.dirname, '..');
console.log(`${runs} simulated runs from seed ${seed}`);
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'libs/engine/src/simulator/simulator.spec.ts'], {
  cwd: root, stdio: 'inherit', env: { ...process.env, MILLRACE_SIMULATOR_RUNS: runs, MILLRACE_SIMULATOR_SEED: seed },
});
process.exit(status ?? 1);

/** Needs python3 with venv and a package index. A failure prints the seed and a curl line that repeats it. */
function fuzz(url, token, seconds = '600') {
  if (!url || !token) {
    console.error('fuzz needs the address of an api and a token: node test/nightly.mjs fuzz http://127.0.0.1:8080 "$TOKEN"');
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
  try {
    const run = (program, args) => spawnSync(program, args, { stdio: 'inherit' }).status ?? 1;
    if (run('python3', ['-m', 'venv', folder]) !== 0 || run(join(folder, 'bin/pip'), ['install', '--quiet', 'schemathesis==4.32.5']) !== 0) {
      console.error('NOT fuzzed: schemathesis could not be installed (above)');
      return 1;
    }
    // Streams end with their reader; addresses beyond the 16 KiB that an HTTP head may have are no request.
    return run(join(folder, 'bin/schemathesis'), ['run', `${url}/openapi.json`, '-H', `Authorization: Bearer ${token}`, '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance', '--phases', 'fuzzing',
      '--max-time', seconds, '--request-timeout', '30', '--continue-on-failure', '--warnings', 'off', '--no-color', '--exclude-path-regex', '/updates$|/stream$|/wait$']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
