// A Chromium for the tests of the web UI: one that is named or installed, else Debian's package where it can be installed.
import { existsSync } from 'node:fs';
import { programPath, run } from './commands.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** @returns {Promise<{ path: string } | { missing: string }>} where it is, or what to do. */
export async function obtainChromium(env) {
  const named = env.MILLRACE_TEST_CHROMIUM;
  if (named) return existsSync(named) ? { path: named } : { missing: `MILLRACE_TEST_CHROMIUM names ${named}, which does not exist` };
  const found = NAMES.map(programPath).find((path) => path !== null);
  if (found) return { path: found };
  const advice = 'install chromium (Debian: apt-get install -y chromium) or name one in MILLRACE_TEST_CHROMIUM';
  if (programPath('apt-get') === null || process.getuid?.() !== 0) return { missing: `no Chromium is installed: ${advice}` };
  console.log("test: installing chromium from Debian's packages");
  const quiet = { quiet: true, timeoutMs: 600_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await run('apt-get', ['update', '-qq'], quiet);
  const installed = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], quiet);
  const path = NAMES.map(programPath).find((one) => one !== null);
  return path ? { path } : { missing: `Chromium could not be installed (${installed.output.trim().split('\n').at(-1)}): ${advice}` };
}
