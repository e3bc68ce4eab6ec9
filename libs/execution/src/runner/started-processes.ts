import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { RUNNER_MARK, killLeftovers } from '../process-tree/process-tree.js';
import { ticksSinceBoot } from '../process-tree/proc-files.js';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Notices when a task starts processes, so that only such a task pays for looking whether it left some behind: the runner is
 * used again, and what stays would run unseen beside other tasks.
 */
export class StartedProcesses {
  private readonly runnerId = process.env[RUNNER_MARK] ?? '';
  private since: number | undefined;

  install(): void {
    const prototype = childProcess.ChildProcess.prototype as unknown as Record<string, AnyFunction>;
    this.watch(prototype, 'spawn');
    for (const name of ['spawnSync', 'execSync', 'execFileSync']) this.watch(childProcess as unknown as Record<string, AnyFunction>, name);
    syncBuiltinESMExports();
  }

  /** Kills what the task that just ended left behind; gives the process ids. */
  killLeftovers(): readonly number[] {
    if (this.since === undefined || this.runnerId === '') return [];
    const since = this.since;
    this.since = undefined;
    return killLeftovers(process.pid, this.runnerId, since);
  }

  private watch(owner: Record<string, AnyFunction>, name: string): void {
    const original = owner[name] as AnyFunction;
    const noticed = (): void => void (this.since ??= ticksSinceBoot() - 1);
    owner[name] = function (...args) {
      noticed();
      return original.apply(this, args);
    };
  }
}
