import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** CPU seconds used so far, per group of processes. Linux only: elsewhere every figure is NaN. */
export type CpuSeconds = Record<string, number>;

let ticksPerSecond: number | undefined;

/** User + system time of one process, seconds; NaN when it is gone or not visible (another container, another system). */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  if (fields === null) return Number.NaN;
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The process and all below it, seconds. Children that ended in between count through their parent (cutime, cstime). */
export function treeCpuSeconds(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  let ticks = 0;
  for (const member of processTree(pid)) {
    const fields = statFields(member);
    if (fields !== null) ticks += [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0);
  }
  return ticks / ticksPerSecond;
}

/** The process and everything below it, parents first. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of processIds()) {
    const parent = Number(statFields(entry)?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), entry]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Peak resident memory of a process since it began, MB; NaN when not visible. */
export function peakMemoryMb(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** The process that listens on a loopback TCP port, or null when it can't be seen from here. */
export function processListeningOn(port: number): number | null {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of lines(table)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === '0A' && fields[1]?.endsWith(`:${hex}`)) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  for (const pid of processIds()) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) if (inodes.has(linkOf(`/proc/${pid}/fd/${fd}`))) return pid;
    } catch {
      continue; // ended meanwhile, or belongs to somebody else
    }
  }
  return null;
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** Fields of /proc/<pid>/stat from the state on: 1 parent, 11 utime, 12 stime, 13 cutime, 14 cstime. */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
