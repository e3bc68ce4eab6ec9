import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '@millrace/telemetry';
import { MillraceError } from '@millrace/vocabulary';
import { processFacts } from '../process-tree/proc-files.js';
import { RESULTS_FILE, ResultSpool, readResults } from './result-spool.js';

const OWNER_FILE = 'owner.json';

interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one with the same id. */
  readonly startedAt: string;
}

/**
 * Opens a worker's spool, with what dead workers of this host left in the folders beside it: a worker's name holds its
 * process id unless configured, so the next one would never look where the last one kept its results.
 * @throws MillraceError `conflict` when a living worker uses the folder, `unavailable` when it cannot be written to
 */
export function openSpool(folder: string, logger: Logger): ResultSpool {
  const owner = ownerOf(folder);
  if (owner !== null && isAlive(owner)) throw new MillraceError('conflict', `the spool folder ${folder} is used by the worker with process id ${owner.pid}; give each worker a name (worker.name) or folder (worker.spool_dir) of its own`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, OWNER_FILE), JSON.stringify({ host: hostname(), pid: process.pid, startedAt: startOf(process.pid) } satisfies Owner));
  } catch (error) {
    throw new MillraceError('unavailable', `the spool folder ${folder} can't be used: ${(error as Error).message}. Set worker.spool_dir (MILLRACE__WORKER__SPOOL_DIR) to a folder this user may write to`);
  }
  const spool = new ResultSpool(folder, () => rmSync(join(folder, OWNER_FILE), { force: true }));
  const siblings = readdirSync(dirname(folder)).filter((name) => name !== basename(folder));
  for (const name of siblings) adopt(join(dirname(folder), name), spool, logger);
  return spool;
}

function adopt(folder: string, spool: ResultSpool, logger: Logger): void {
  const owner = ownerOf(folder);
  if (owner === null || owner.host !== hostname() || isAlive(owner) || !existsSync(join(folder, RESULTS_FILE))) return;
  const taken = join(folder, `${RESULTS_FILE}.${randomUUID()}`);
  try {
    renameSync(join(folder, RESULTS_FILE), taken);
  } catch {
    return; // Another worker that starts now was faster.
  }
  const results = readResults(readFileSync(taken)).results;
  if (results.length > 0) {
    spool.keep(results);
    logger.warn('results of a worker that died are sent again', { spool_dir: folder, results: results.length, dead_pid: owner.pid });
  }
  rmSync(folder, { recursive: true, force: true });
}

function ownerOf(folder: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(folder, OWNER_FILE), 'utf8')) as Owner;
  } catch {
    return null; // No spool, or one whose owner died while it made it: then it holds no results.
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(owner.pid) === owner.startedAt;
}

/** Tells a process from a later one with the same id; empty where there is no /proc. */
function startOf(pid: number): string {
  return String(processFacts(pid)?.startedAt ?? '');
}
