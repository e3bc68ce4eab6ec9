import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;

/** Line 8 of postmaster.pid, where PostgreSQL says that it takes connections (pg_ctl reads the same). */
export function isReady(data: string, pid: number): boolean {
  const lines = pidFile(data);
  return Number(lines?.[0]) === pid && lines?.[7]?.trim() === 'ready';
}

/**
 * Ends a server left behind by a killed process, and removes the pid file of one that is gone. The caller must be the only
 * user of the folder. A pid that now belongs to something else is left alone.
 */
export async function clearLeftOver(data: string): Promise<'nothing' | 'stale file' | 'stopped'> {
  const pid = Number(pidFile(data)?.[0]);
  if (!existsSync(join(data, 'postmaster.pid'))) return 'nothing';
  if (Number.isInteger(pid) && pid > 1 && isServerOf(pid, data)) {
    await endServer(pid, 10_000);
    rmSync(join(data, 'postmaster.pid'), { force: true });
    return 'stopped';
  }
  rmSync(join(data, 'postmaster.pid'), { force: true });
  return 'stale file';
}

/** Fast shutdown; after `graceMs` immediate, which the next start recovers from; at last by force. */
export async function endServer(pid: number, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [['SIGINT', graceMs], ['SIGQUIT', 5_000], ['SIGKILL', 5_000]] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const until = performance.now() + waitMs;
    while (performance.now() < until) {
      if (!isAlive(pid)) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    // A zombie answers signals; its parent is gone or busy, and it holds nothing.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

function isServerOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return /(^|\/)postgres$/.test(args[0] ?? '') && args.includes(data);
  } catch {
    return true; // No /proc on this system: the pid is all there is to go by.
  }
}

function pidFile(data: string): string[] | null {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
}
