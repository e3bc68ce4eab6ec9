import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { RUNNER_MARK } from './runner-environment.js';

const LOOK_EVERY_MS = 25;
/** A process that forks while it is killed is met again in the next round. */
const KILL_ROUNDS = 40;

/**
 * Ends a runner and everything it started: SIGTERM, the grace, SIGKILL. Finds children that left the process group by their
 * parent, and orphans by the runner's mark in their environment (Linux; elsewhere the group alone).
 * Resolves when none is left; rejects when some survive SIGKILL, naming them.
 */
export async function endProcessTree(root: number, runnerId: string, graceMs: number): Promise<void> {
  const graceEnds = performance.now() + graceMs;
  let alive = await livingTree(root, runnerId);
  signal(root, alive, 'SIGTERM');
  while (alive.length > 0 && performance.now() < graceEnds) {
    await wait(Math.min(LOOK_EVERY_MS, Math.max(1, graceEnds - performance.now())));
    alive = await livingTree(root, runnerId);
  }
  for (let round = 0; alive.length > 0; round++) {
    if (round === KILL_ROUNDS) throw new Error(`processes ${alive.join(', ')} are still there after SIGKILL`);
    signal(root, alive, 'SIGKILL');
    await wait(LOOK_EVERY_MS);
    alive = await livingTree(root, runnerId);
  }
}

/** Ends what a task left behind, but not the runner itself. Gives the number of processes. */
export async function endLeftovers(root: number, runnerId: string): Promise<number> {
  const left = (await livingTree(root, runnerId)).filter((pid) => pid !== root);
  for (const pid of left) send(pid, 'SIGKILL');
  return left.length;
}

function signal(root: number, pids: readonly number[], name: 'SIGTERM' | 'SIGKILL'): void {
  send(-root, name);
  for (const pid of pids) if (pid !== root || process.platform !== 'linux') send(pid, name);
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function livingTree(root: number, runnerId: string): Promise<number[]> {
  if (process.platform !== 'linux') return isAlive(-root) ? [root] : [];
  const mark = `${RUNNER_MARK}=${runnerId}`;
  const parents = new Map<number, { parent: number; group: number }>();
  const members = new Set<number>();
  await Promise.all(
    (await readdir('/proc')).map(async (name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid)) return;
      const stat = await statOf(pid);
      if (stat === null) return;
      parents.set(pid, stat);
      if (pid === root || stat.group === root || (await hasMark(pid, mark))) members.add(pid);
    }),
  );
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, { parent }] of parents) {
      if (!members.has(pid) && members.has(parent)) grown = members.add(pid).size > 0;
    }
  }
  members.delete(process.pid);
  return [...members].filter((pid) => parents.has(pid));
}

/** Parent and group of a process; null when it is gone or a zombie, which only waits to be read by its parent. */
async function statOf(pid: number): Promise<{ parent: number; group: number } | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? null : { parent: Number(parent), group: Number(group) };
  } catch {
    return null; // It ended while we looked.
  }
}

async function hasMark(pid: number, mark: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0').includes(mark);
  } catch {
    return false; // Gone, or of another user and so not ours.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
