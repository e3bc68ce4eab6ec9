import { fork, type ChildProcess } from 'node:child_process';
import type { Logger } from '@millrace/telemetry';
import { runnerEnvironment } from '../runner-pool/runner-environment.js';
import type { ToGuardian } from './guardian-protocol.js';

export interface GuardianOptions {
  /** Built entry, see `builtEntries()`. */
  readonly entry: string;
  /** It ends all runners when this worker is silent for that long. */
  readonly fenceMs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

const STOP_WITHIN_MS = 3_000;

/** The worker's side of its guardian; starts another one when it dies. */
export class Guardian {
  private readonly runners = new Map<string, number>();
  private child: ChildProcess | undefined;
  private stopped = false;

  constructor(private readonly options: GuardianOptions) {}

  /** Resolves when it listens: what is told before, a worker that is killed at once would have told to nobody. */
  async start(): Promise<void> {
    this.stopped = false;
    const child = this.begin();
    await new Promise<void>((resolve) => {
      child.once('message', () => resolve());
      // Without one, runners still end themselves as far as they can; another guardian is on its way.
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  private begin(): ChildProcess {
    const child = fork(this.options.entry, [String(this.options.fenceMs)], { detached: true, execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: runnerEnvironment(this.options.environment, 'guardian') });
    this.child = child;
    child.on('error', (error) => this.options.logger.error('the guardian could not be started or reached', { error: String(error) }));
    child.on('exit', (code, signal) => {
      if (this.stopped || this.child !== child) return;
      this.options.logger.error('the guardian ended; another one is started', { code, signal });
      setTimeout(() => {
        if (!this.stopped) this.begin();
      }, 1_000).unref();
    });
    for (const [runnerId, pid] of this.runners) this.send({ type: 'guard', pid, runnerId });
    return child;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  guard(pid: number, runnerId: string): void {
    this.runners.set(runnerId, pid);
    this.send({ type: 'guard', pid, runnerId });
  }

  ended(runnerId: string): void {
    if (this.runners.delete(runnerId)) this.send({ type: 'ended', runnerId });
  }

  ping(): void {
    this.send({ type: 'ping' });
  }

  /** Lets it go; what it still guards it ends. */
  async stop(): Promise<void> {
    this.stopped = true;
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || !child.connected) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    const tooLate = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(tooLate);
  }

  private send(message: ToGuardian): void {
    if (this.child?.connected === true) this.child.send(message, () => {});
  }
}
