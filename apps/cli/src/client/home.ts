import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** `core.home` as the services have it, without reading a configuration file: a client command starts in milliseconds. */
export function homeFolder(env: NodeJS.ProcessEnv = process.env): string {
  const named = env['MILLRACE__CORE__HOME'] || env['MILLRACE_HOME'];
  if (named) return resolve(named);
  return process.getuid?.() === 0 ? '/var/lib/millrace' : join(homedir(), '.millrace');
}
