import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Clock ticks since boot. */
  readonly startedAt: number;
}

/** Every process of this machine that is not a zombie, which only waits to be read by its parent. Linux; else empty. */
export function livingProcesses(): ProcessFacts[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((name) => {
    const facts = /^\d+$/.test(name) ? processFacts(Number(name)) : null;
    return facts === null ? [] : [facts];
  });
}

/** Null when the process is gone or a zombie. */
export function processFacts(pid: number): ProcessFacts | null {
  const text = read(`/proc/${pid}/stat`);
  // The name, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20 || fields[0] === 'Z' || fields[0] === 'X') return null;
  return { pid, parent: Number(fields[1]), group: Number(fields[2]), startedAt: Number(fields[19]) };
}

/** Whether a process was started with `NAME=value` in its environment. False for other users' processes: they are not ours. */
export function hasInEnvironment(pid: number, entry: string): boolean {
  return read(`/proc/${pid}/environ`).split('\0').includes(entry);
}

/** Clock ticks since boot; 0 where there is no /proc. */
export function ticksSinceBoot(): number {
  return Math.floor(Number(read('/proc/uptime').split(' ')[0] || 0) * 100);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // It ended while we looked, or is not ours to see.
  }
}
