import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { waitFor } from './wait-for.js';

export interface StartOptions {
  /** For messages, e.g. `scheduler 2`. */
  readonly name: string;
  /** Default: this Node.js. */
  readonly command?: string;
  readonly args: readonly string[];
  /** Added to the environment of the tests; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
/** Output kept for messages. */
const OUTPUT_KEPT_CHARS = 200_000;
const living = new Set<RunningProcess>();
let exitHooked = false;

/**
 * Starts a service as a process group of its own. It does not outlive this process: an exit hook kills the group, and on Linux the
 * kernel kills the service itself when even the hook cannot run.
 */
export function startProcess(options: StartOptions): RunningProcess {
  if (!exitHooked) {
    exitHooked = true;
    process.on('exit', () => living.forEach((one) => one.kill('SIGKILL')));
  }
  const env: NodeJS.ProcessEnv = { ...process.env };
  // A service under test is an ordinary process, not one of the test runner's.
  for (const name of ['NODE_OPTIONS', 'VITEST', 'VITEST_POOL_ID', 'VITEST_WORKER_ID']) delete env[name];
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  const command = [options.command ?? process.execPath, ...options.args];
  const [program = '', ...args] = SETPRIV === undefined ? command : [SETPRIV, '--pdeathsig', 'KILL', '--', ...command];
  const child = spawn(program, args, { env, cwd: options.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return new RunningProcess(options.name, child);
}

export class RunningProcess implements AsyncDisposable {
  /** The JSON objects written to stdout, one a line, oldest first. */
  readonly lines: LogLine[] = [];
  readonly exited: Promise<ProcessEnd>;
  #output = '';
  #end: ProcessEnd | null = null;
  #readFrom = 0;

  constructor(readonly name: string, private readonly child: ChildProcess) {
    living.add(this);
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#output += `could not be started: ${error.message}\n`;
        finish({ code: null, signal: null });
      });
      // `close` rather than `exit`: by then everything it wrote has been read.
      child.once('close', (code, signal) => finish({ code, signal }));
      const finish = (end: ProcessEnd): void => {
        living.delete(this);
        this.#end ??= end;
        resolve(this.#end);
      };
    });
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} ${this.#output}`);
    return this.child.pid;
  }

  /** Everything written to stdout and stderr, the newest part of it. */
  get output(): string {
    return this.#output;
  }

  get end(): ProcessEnd | null {
    return this.#end;
  }

  /** The line that says the service is up, with its ports. Fails at once, with the output, if it ends before. */
  ready(timeoutMs = 30_000): Promise<LogLine> {
    return this.line((line) => line['message'] === 'ready', 'its ready line', timeoutMs);
  }

  /** The first line that fits, read or still to come. */
  async line(fits: (line: LogLine) => boolean, what: string, timeoutMs = 30_000): Promise<LogLine> {
    try {
      const found = await waitFor(() => this.lines.find(fits) ?? (this.#end === null ? null : ('ended' as const)), { timeoutMs, what: `${what} from ${this.name}` });
      if (found !== 'ended') return found;
    } catch (error) {
      throw new Error(`${(error as Error).message}; it wrote:\n${this.#tail()}`, { cause: error });
    }
    throw new Error(`${this.name} ended (code ${this.#end?.code}, signal ${this.#end?.signal}) before ${what}; it wrote:\n${this.#tail()}`);
  }

  /** Lines since the last call of this. */
  takeLines(): readonly LogLine[] {
    const taken = this.lines.slice(this.#readFrom);
    this.#readFrom = this.lines.length;
    return taken;
  }

  /** To the whole group, so that what it started goes too; SIGTERM only to the service, which ends its own children. False: it is gone. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): boolean {
    const pid = this.child.pid;
    if (pid === undefined) return false;
    try {
      return process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }

  /** Stops the process without telling it, as a stalled machine would; its connections stay open. */
  freeze(): void {
    this.kill('SIGSTOP');
  }

  thaw(): void {
    this.kill('SIGCONT');
  }

  /** SIGTERM, and SIGKILL when it has not ended after the grace. */
  async stop(graceMs = 10_000): Promise<ProcessEnd> {
    this.thaw();
    this.kill('SIGTERM');
    try {
      return await waitFor(() => this.#end, { timeoutMs: graceMs, what: `${this.name} to stop` });
    } catch {
      this.kill('SIGKILL');
      return this.exited;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    // Whatever it left in its group.
    this.kill('SIGKILL');
  }

  #read(line: string): void {
    this.#keep(`${line}\n`);
    if (!line.startsWith('{')) return;
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch {
      // Not JSON after all: it stays in the output.
    }
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_KEPT_CHARS);
  }

  #tail(): string {
    return this.#output.slice(-4000) || '(nothing)';
  }
}
