import { processFacts } from '../process-tree/proc-files.js';

/** Whether a process runs; one that only waits to be read by its parent does not. */
export function isRunning(pid: number): boolean {
  return processFacts(pid) !== null;
}

/** Resolves when a process is gone. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setImmediate(resolve));
}
