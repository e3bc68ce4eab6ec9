/**
 * What is too long for every commit: 100,000 runs of the simulator, on seeds that no earlier night had. A failure prints its seed and a minimal dag.
 *   node test/nightly.mjs [runs] [first seed]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const [runs = '100000', seed = String(10_000 + Math.floor(Date.now() / 86_400_000) * 100_000)] = process.argv.slice(2);
const root = join(import.meta.dirname, '..');
console.log(`${runs} simulated runs from seed ${seed}`);
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'libs/engine/src/simulator/simulator.spec.ts'], {
  cwd: root, stdio: 'inherit', env: { ...process.env, MILLRACE_SIMULATOR_RUNS: runs, MILLRACE_SIMULATOR_SEED: seed },
});
process.exit(status ?? 1);
