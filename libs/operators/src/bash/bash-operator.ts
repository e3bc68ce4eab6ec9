import { isAbsolute } from 'node:path';
import { stat } from 'node:fs/promises';
import { Operator, skip } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { runProcess } from '../processes/run-process.js';
import { definedOnly, taskEnvironment } from '../processes/task-environment.js';

export interface BashOperatorOptions extends OperatorOptions {
  /** The command or script, run by `bash -c`. Template. Quote what comes from outside: values rendered into it are shell text. */
  readonly bashCommand: string;
  /** Environment of the command. Template. @default the runner's environment */
  readonly env?: Readonly<Record<string, string>>;
  /** Add `env` to the runner's environment instead of replacing it. @default false */
  readonly appendEnv?: boolean;
  /** Absolute folder to run in. Template. @default the try's scratch folder */
  readonly cwd?: string;
  /** Exit codes that mean "skipped". @default 99 */
  readonly skipOnExitCode?: number | readonly number[] | null;
  /** Between SIGTERM and SIGKILL when the try is stopped, milliseconds. @default 3000 */
  readonly killGraceMs?: number;
}

/**
 * Runs a bash command. Its output goes to the log line by line; the last line of stdout is kept as XCom.
 * Exit code 0 is success, 99 skipped, everything else a failed try.
 */
export class BashOperator extends Operator<string> {
  static override readonly uiColor: string = '#f0ede4';
  override readonly templateFields: readonly string[] = ['bashCommand', 'env', 'cwd'];
  readonly bashCommand: string;
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly appendEnv: boolean;
  readonly cwd: string | undefined;
  readonly skipOnExitCode: readonly number[];
  readonly killGraceMs: number;

  constructor(id: string, options: BashOperatorOptions) {
    super(id, options);
    if (typeof options?.bashCommand !== 'string') throw new TypeError(`task "${id}": bashCommand must be a text, got ${typeof options?.bashCommand}`);
    this.bashCommand = options.bashCommand;
    this.env = options.env;
    this.appendEnv = options.appendEnv ?? false;
    this.cwd = options.cwd;
    const codes = options.skipOnExitCode === undefined ? 99 : options.skipOnExitCode;
    this.skipOnExitCode = codes === null ? [] : typeof codes === 'number' ? [codes] : codes;
    this.killGraceMs = options.killGraceMs ?? 3_000;
  }

  override async execute(context: TaskContext): Promise<string> {
    const cwd = await this.folder(context);
    const base = this.env === undefined || this.appendEnv ? definedOnly(process.env) : {};
    let lastLine = '';
    context.log.info(`Running command: bash -c ${JSON.stringify(this.bashCommand)}`);
    const end = await runProcess({
      command: 'bash',
      args: ['-c', this.bashCommand],
      // A replaced environment still needs a PATH, or not even `ls` is found.
      env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', ...base, ...taskEnvironment(context), ...this.env },
      cwd,
      signal: context.signal,
      killGraceMs: this.killGraceMs,
      onLine: (line, stream) => {
        if (stream === 'stdout') lastLine = line;
        context.log.info(line);
      },
    }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error('bash was not found on this worker (PATH); install it or route the task to another queue', { cause: error });
      throw error;
    });
    if (end.exitCode === null) throw new Error(`Bash command was ended by ${end.signal ?? 'a signal'}`);
    if (this.skipOnExitCode.includes(end.exitCode)) skip(`Bash command returned exit code ${end.exitCode}. Skipping.`);
    if (end.exitCode !== 0) throw new Error(`Bash command failed. The command returned a non-zero exit code ${end.exitCode}.`);
    context.log.info('Command exited with return code 0');
    return lastLine;
  }

  private async folder(context: TaskContext): Promise<string> {
    if (this.cwd === undefined) return context.scratchDir;
    if (!isAbsolute(this.cwd)) throw new Error(`cwd must be an absolute folder, got ${JSON.stringify(this.cwd)}`);
    const found = await stat(this.cwd).catch(() => null);
    if (found === null) throw new Error(`Can not find the cwd: ${this.cwd}`);
    if (!found.isDirectory()) throw new Error(`The cwd ${this.cwd} must be a directory`);
    return this.cwd;
  }
}
