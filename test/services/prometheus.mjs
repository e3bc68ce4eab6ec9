// Prometheus and the exporter of PostgreSQL, for the specs of deploy/: installed ones, else Debian's packages where they can be installed (7 s).
import { programPath, run } from './commands.mjs';

const PROGRAMS = ['prometheus', 'promtool', 'prometheus-postgres-exporter'];
const PACKAGES = ['prometheus', 'prometheus-postgres-exporter'];
const INSTALL_WITHIN_MS = 600_000;

/** @returns {Promise<string | null>} null: they are there; else what is missing, and what to do. */
export async function obtainPrometheus(env) {
  const missing = () => PROGRAMS.filter((program) => programPath(program) === null);
  if (missing().length === 0) return null;
  const advice = `Debian: apt-get install -y ${PACKAGES.join(' ')}`;
  if (programPath('apt-get') === null || process.getuid?.() !== 0) return `${missing().join(', ')} not installed (${advice})`;
  console.log(`test: installing ${PACKAGES.join(' ')} from Debian's packages`);
  const began = Date.now();
  // RUNLEVEL: their services are not wanted, only their programs.
  const quiet = { quiet: true, timeoutMs: INSTALL_WITHIN_MS, env: { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } };
  await run('apt-get', ['update', '-qq'], quiet);
  const { output } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], quiet);
  const left = missing();
  if (left.length > 0) return `${left.join(', ')} could not be installed (${output.trim().split('\n').at(-1)}; ${advice})`;
  console.log(`test: Prometheus installed, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return null;
}
