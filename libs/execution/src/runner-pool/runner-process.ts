import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { FromRunner, RunRequest, RunResult, RunnerAnswer, RunnerQuestion, ToRunner } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { RunnerSettings } from '../runner/runner-settings.js';
import { PipedOutput } from './piped-output.js';
import { endProcessTree } from '../process-tree/process-tree.js';
import { runnerEnvironment } from './runner-environment.js';

export interface RunnerProcessOptions {
  /** Built entry of the runner, see `builtEntries()`. */
  readonly entry: string;
  readonly settings: RunnerSettings;
  /** The worker's environment; the runner gets the allowed part. */
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** What arrives from a runner between its tasks. */
  readonly onReady: (runner: RunnerProcess) => void;
  readonly onGone: (runner: RunnerProcess) => void;
}

/** How a try ended in its process. `died`: no result came; `killed` tells whether this worker wanted it. */
export type RunEnd = { readonly kind: 'result'; readonly result: RunResult } | { readonly kind: 'died'; readonly how: string };

interface CurrentRun {
  readonly request: RunRequest;
  readonly answer: (question: RunnerQuestion) => Promise<RunnerAnswer>;
  readonly onEnd: (end: RunEnd) => void;
  readonly output: PipedOutput;
}

/** One runner process: leader of a process group of its own, running one try at a time. */
export class RunnerProcess {
  readonly id = randomUUID();
  readonly bundles = new Set<string>();
  tasksRun = 0;
  idleSince = performance.now();
  private readonly child: ChildProcess;
  private current: CurrentRun | undefined;
  /** Output that arrives after a result still belongs to that try. */
  private lastOutput: PipedOutput | undefined;
  private ending: Promise<void> | undefined;
  private gone = false;

  constructor(private readonly options: RunnerProcessOptions) {
    this.child = fork(options.entry, [JSON.stringify(options.settings)], {
      detached: true,
      // Messages are plain objects of texts and numbers: JSON costs a third of structured clone.
      serialization: 'json',
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: runnerEnvironment(options.environment, this.id),
    });
    this.child.on('message', (message) => this.receive(message as FromRunner));
    this.child.on('error', (error) => options.logger.error('a runner could not be started or reached', { error: String(error) }));
    this.child.on('close', (code, signal) => this.onClose(code, signal));
    this.child.stdout?.on('data', (chunk: Buffer) => this.onOutput('stdout', chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.onOutput('stderr', chunk));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }
  get isGone(): boolean {
    return this.gone || this.ending !== undefined || !this.child.connected;
  }
  get isBusy(): boolean {
    return this.current !== undefined;
  }

  /** Runs one try. `onEnd` is called once. */
  run(request: RunRequest, answer: CurrentRun['answer'], onEnd: CurrentRun['onEnd']): void {
    this.lastOutput?.close();
    const output = new PipedOutput(request.logFile, this.options.settings.logMaxBytes, (message) => this.options.logger.error(message, { attempt_id: request.attemptId }));
    this.current = { request, answer, onEnd, output };
    this.lastOutput = output;
    this.bundles.add(request.bundleFile);
    this.tasksRun++;
    this.send(request);
  }

  preload(bundleFile: string): void {
    this.send({ type: 'preload', bundleFile });
  }

  ping(): void {
    this.send({ type: 'ping' });
  }

  /** Asks the running task to stop, and ends the process tree when it does not. Resolves when nothing of it is left. */
  kill(graceMs: number, reason: string): Promise<void> {
    if (this.ending !== undefined) return this.ending;
    if (this.current !== undefined) {
      this.current.output.say('WARNING', `Stopping the task and its processes: ${reason}`);
      this.send({ type: 'cancel', attemptId: this.current.request.attemptId, reason });
    }
    this.ending = endProcessTree(this.pid, this.id, graceMs);
    return this.ending;
  }

  /** Settles when nothing of it is left, once it is ending. */
  get ended(): Promise<unknown> {
    return (this.ending ?? Promise.resolve()).catch(() => undefined);
  }

  /** Ends an idle runner. */
  retire(): void {
    void this.kill(1_000, 'the runner is not needed any more').catch((error: unknown) => this.options.logger.error('a runner could not be ended', { error: String(error) }));
  }

  private receive(message: FromRunner): void {
    switch (message.type) {
      case 'ready':
        this.options.onReady(this);
        return;
      case 'preloaded':
        if (message.error === null) this.bundles.add(message.bundleFile);
        else this.options.logger.warn('a bundle could not be loaded beforehand', { bundle_file: message.bundleFile, error: message.error });
        return;
      case 'question':
        void this.answer(message.requestId, message.attemptId, message.question);
        return;
      case 'result':
        if (this.current?.request.attemptId === message.attemptId) this.end({ kind: 'result', result: message });
        return;
      default:
        message satisfies never;
    }
  }

  private async answer(requestId: number, attemptId: string, question: RunnerQuestion): Promise<void> {
    const run = this.current;
    if (run === undefined || run.request.attemptId !== attemptId) return; // Asked for a try that has ended.
    try {
      const value = await run.answer(question);
      this.send({ type: 'answer', requestId, ok: true, value });
    } catch (error) {
      this.send({ type: 'answer', requestId, ok: false, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Secrets the running task has been given, hidden in what its children print. */
  get outputMask(): PipedOutput['mask'] | undefined {
    return this.current?.output.mask;
  }

  private end(end: RunEnd): void {
    const run = this.current;
    if (run === undefined) return;
    this.current = undefined;
    this.idleSince = performance.now();
    run.onEnd(end);
  }

  private onClose(code: number | null, signal: NodeJS.Signals | null): void {
    this.gone = true;
    const run = this.current;
    if (run !== undefined) {
      const how = signal === null ? `the task's process ended with exit code ${code ?? 'unknown'} before the task returned` : `the task's process was killed by ${signal}`;
      run.output.say('ERROR', how);
      run.output.end('failed');
      void rm(run.request.scratchDir, { recursive: true, force: true }).catch((error: unknown) => this.options.logger.warn('a scratch folder could not be removed', { error: String(error) }));
      this.end({ kind: 'died', how });
    }
    this.lastOutput?.close();
    // What the task started must not outlive it, however the runner ended.
    this.ending ??= endProcessTree(this.pid, this.id, 0);
    this.ending.catch((error: unknown) => this.options.logger.error('processes of a task could not be ended', { error: String(error) }));
    this.options.onGone(this);
  }

  private onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    if (this.lastOutput !== undefined) this.lastOutput.push(stream, chunk);
    else this.options.logger.warn('a runner said', { [stream]: chunk.toString().slice(0, 4_096), runner_pid: this.pid });
  }

  private send(message: ToRunner): void {
    // A dead channel shows itself by 'close'; what was to be sent has no reader any more.
    if (this.child.connected) this.child.send(message, () => {});
  }
}
