import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';
import { RUNNER_MARK, killLeftovers } from '../process-tree/process-tree.js';
import { ticksSinceBoot } from '../process-tree/proc-files.js';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Notices when a task starts processes or threads, so that only such a task pays for looking whether it left some behind: the
 * runner is used again, and what stays would run unseen beside other tasks.
 */
export class StartedProcesses {
  private readonly runnerId = process.env[RUNNER_MARK] ?? '';
  private since: number | undefined;
  private readonly threads = new Set<workerThreads.Worker>();

  install(): void {
    const prototype = childProcess.ChildProcess.prototype as unknown as Record<string, AnyFunction>;
    this.watch(prototype, 'spawn');
    for (const name of ['spawnSync', 'execSync', 'execFileSync']) this.watch(childProcess as unknown as Record<string, AnyFunction>, name);
    this.watchThreads();
    syncBuiltinESMExports();
  }

  /** Threads the task that just ended left running. */
  get hasThreads(): boolean {
    return this.threads.size > 0;
  }

  /** Ends them; before `killLeftovers`, because they may start processes. */
  async endThreads(): Promise<void> {
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
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
    const noticed = (): void => this.noticed();
    owner[name] = function (...args) {
      noticed();
      return original.apply(this, args);
    };
  }

  /** A thread has modules of its own: what it starts cannot be noticed one by one. */
  private watchThreads(): void {
    workerThreads.Worker = new Proxy(workerThreads.Worker, {
      construct: (Original, args, target) => {
        this.noticed();
        const thread = Reflect.construct(Original, args, target) as workerThreads.Worker;
        this.threads.add(thread);
        thread.once('exit', () => this.threads.delete(thread));
        return thread;
      },
    });
  }

  private noticed(): void {
    this.since ??= ticksSinceBoot() - 1;
  }
}
