import { setTimeout as wait } from 'node:timers/promises';
import { hasInEnvironment, livingProcesses, type ProcessFacts } from './proc-files.js';

/** Every process a task leaves anywhere carries this variable, by which it is found and ended. */
export const RUNNER_MARK = 'MILLRACE_RUNNER';

const LOOK_EVERY_MS = 25;
/** A look reads all of /proc: over a long grace they come less often. */
const LOOK_EVERY_MAX_MS = 250;
/** A process that forks while it is killed is met again in the next round. */
const KILL_ROUNDS = 40;

/**
 * Ends a runner and everything it started: SIGTERM, the grace, SIGKILL. Finds children that left the process group by their
 * parent, and orphans by the runner's mark in their environment (Linux; elsewhere the group alone).
 * Resolves when none is left; rejects when some survive SIGKILL, naming them.
 */
export async function endProcessTree(root: number, runnerId: string, graceMs: number): Promise<void> {
  if (root <= 0) return; // It was never started.
  const graceEnds = performance.now() + graceMs;
  let alive = livingTree(root, runnerId);
  signal(root, alive, 'SIGTERM');
  for (let pauseMs = LOOK_EVERY_MS; alive.length > 0 && performance.now() < graceEnds; pauseMs = Math.min(pauseMs * 1.3, LOOK_EVERY_MAX_MS)) {
    await wait(Math.min(pauseMs, Math.max(1, graceEnds - performance.now())));
    alive = livingTree(root, runnerId);
  }
  for (let round = 0; alive.length > 0; round++) {
    if (round === KILL_ROUNDS) throw new Error(`processes ${alive.join(', ')} are still there after SIGKILL`);
    signal(root, alive, 'SIGKILL');
    await wait(LOOK_EVERY_MS);
    alive = livingTree(root, runnerId);
  }
}

/** Kills what a task left behind since that moment (ticks since boot), but not the runner itself. Gives the process ids. */
export function killLeftovers(root: number, runnerId: string, since: number): number[] {
  const left = membersOf(root, runnerId, livingProcesses().filter((one) => one.startedAt >= since)).filter((pid) => pid !== root);
  for (const pid of left) send(pid, 'SIGKILL');
  return left;
}

function livingTree(root: number, runnerId: string): number[] {
  if (process.platform !== 'linux') return groupIsAlive(root) ? [root] : [];
  return membersOf(root, runnerId, livingProcesses());
}

function membersOf(root: number, runnerId: string, living: readonly ProcessFacts[]): number[] {
  const mark = `${RUNNER_MARK}=${runnerId}`;
  // What is older than the runner was not started by it: most of a machine's processes need no second read.
  const since = living.find((one) => one.pid === root)?.startedAt ?? 0;
  const members = new Set(living.filter((one) => one.pid === root || one.group === root || (one.startedAt >= since && hasInEnvironment(one.pid, mark))).map((one) => one.pid));
  for (let grown = true; grown; ) {
    grown = false;
    for (const { pid, parent } of living) {
      if (members.has(pid) || (!members.has(parent) && parent !== root)) continue;
      members.add(pid);
      grown = true;
    }
  }
  return [...members];
}

function signal(root: number, pids: readonly number[], name: 'SIGTERM' | 'SIGKILL'): void {
  send(-root, name);
  for (const pid of pids) if (pid !== root) send(pid, name);
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function groupIsAlive(root: number): boolean {
  try {
    process.kill(-root, 0);
    return true;
  } catch {
    return false;
  }
}
