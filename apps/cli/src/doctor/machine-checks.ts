import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { INTERNAL_TOKEN_MIN_CHARS, describeOptions } from '@millrace/configuration';
import type { Configuration } from '@millrace/configuration';
import { fail, ok, reasonOf, skip, warn } from './check.js';
import type { Finding } from './check.js';

const LOW_DISK_BYTES = 2 * 1_073_741_824;
const FLOORS: Readonly<Record<number, readonly [number, number]>> = { 20: [20, 19], 22: [22, 13], 24: [24, 11] };

export function checkNode(version = process.versions.node): Finding {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  const floor = FLOORS[major];
  if (major < 20 || (floor !== undefined && minor < floor[1])) return fail('node', `Node.js ${version}`, `use 24.11 or newer (floors: ${Object.values(FLOORS).map((each) => each.join('.')).join(', ')})`);
  return major < 22 ? warn('node', `Node.js ${version}, which its makers no longer mend`, 'use Node.js 24') : ok('node', `Node.js ${version}`);
}

export function checkConfiguration(config: Configuration): Finding[] {
  const problems = describeOptions().filter((row) => row.problem !== undefined).map((row) => row.problem!);
  const token = config['security.internal_token'];
  return [
    problems.length > 0 ? fail('configuration', problems.join('; '), 'mend the values: docs/operators/configuration.md') : ok('configuration', 'every value is taken'),
    token === '' ? warn('internal token', 'not set for this command', 'services refuse to start without it: openssl rand -hex 24, in MILLRACE__SECURITY__INTERNAL_TOKEN_FILE')
      : token.length < INTERNAL_TOKEN_MIN_CHARS ? fail('internal token', `${token.length} characters`, `at least ${INTERNAL_TOKEN_MIN_CHARS}`) : ok('internal token', 'set, and long enough'),
  ];
}

export async function checkFolders(config: Configuration): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, folder] of [['home', config['core.home']], ['logs', config['logs.folder']]] as const) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      const found = `${folder}, ${(free / 1_073_741_824).toFixed(1)} GiB free`;
      findings.push(free < LOW_DISK_BYTES ? warn(check, found, 'make room, or shorten retention: a full disk loses log lines') : ok(check, found));
    } catch (error) {
      findings.push(fail(check, `${folder}: ${reasonOf(error)}`, 'give this user the folder, or set another (core.home, logs.folder)'));
    }
  }
  for (const entry of config['dag_processor.folders']) {
    const folder = entry.slice(entry.indexOf('=') + 1);
    findings.push(await access(folder, constants.R_OK | constants.X_OK).then(() => ok('dags', `${folder} can be read`), (error: unknown) => skip('dags', `${folder}: ${reasonOf(error)}; only the dag-processor needs it`)));
  }
  return findings;
}
