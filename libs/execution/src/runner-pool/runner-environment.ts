import { RUNNER_MARK } from '../process-tree/process-tree.js';

const NAMES = new Set(['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR', 'HOSTNAME', 'MILLRACE_HOME', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'LD_LIBRARY_PATH']);
const PREFIXES = ['LC_', 'NODE_', 'MILLRACE_TASK_'];
/** Node's own wiring between parent and child; the child gets its own. */
const NEVER = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID']);

/**
 * What task code sees of the worker's environment: a list of names and prefixes, so that a credential added to the worker
 * tomorrow stays out without anybody thinking of it. Users hand values to tasks as MILLRACE_TASK_*.
 */
export function runnerEnvironment(worker: NodeJS.ProcessEnv, runnerId: string): NodeJS.ProcessEnv {
  const allowed: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(worker)) {
    if (!NEVER.has(name) && (NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix)))) allowed[name] = value;
  }
  allowed[RUNNER_MARK] = runnerId;
  return allowed;
}
