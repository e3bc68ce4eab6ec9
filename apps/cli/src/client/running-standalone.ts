import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `$MILLRACE_HOME/standalone.lock` says. */
export interface RunningStandalone {
  readonly pid: number;
  /** Empty until the api answers. */
  readonly url: string;
  /** Tells a process from a later one with the same pid: boot id and start time where the system has them. */
  readonly life: string;
}

export const LOCK_FILE = 'standalone.lock';

/** The standalone that runs on this home, or null. */
export function runningStandalone(home: string): RunningStandalone | null {
  try {
    const held = JSON.parse(readFileSync(join(home, LOCK_FILE), 'utf8')) as RunningStandalone;
    if (!Number.isInteger(held.pid) || held.pid < 1) return null;
    return lifeOf(held.pid) === held.life ? held : null;
  } catch {
    return null;
  }
}

/** Identity of a process's life, or null when there is no such process. */
export function lifeOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null; // It is dead; only nobody has collected it.
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return 'unknown';
  }
}
