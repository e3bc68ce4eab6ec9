import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface ReadyLine {
  readonly message: 'ready';
  readonly grpc_port?: number;
  readonly http_port?: number;
  readonly ops_port?: number;
  readonly log_port?: number;
}

/** On Linux the kernel ends a service whose test was killed. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/** One service in a process of its own, as its container would run it. Everything it prints goes to a file for post-mortems. */
export class ServiceProcess {
  private child: ChildProcess | null = null;
  private ready: ReadyLine | null = null;
  private isEnding = false;
  /** What it said when it ended otherwise than with 0 though nobody had asked it to and no fail point was set: a crash. */
  readonly crashes: string[] = [];
  private readonly tail: string[] = [];
  private readonly log: WriteStream;

  constructor(
    readonly name: string,
    /** Asked at each start. */
    private readonly script: () => string,
    private readonly env: () => Readonly<Record<string, string>>,
    readonly logFile: string,
    private readonly cwd: string,
    private readonly nodeFlags: readonly string[] = [],
  ) {
    this.log = createWriteStream(logFile, { flags: 'a' });
  }

  /** Resolves when the service has said that it is ready. @throws with its last lines when it ends before, or after `withinMs`. */
  async start(withinMs = 30_000): Promise<ReadyLine> {
    if (this.running) throw new Error(`${this.name} is already running`);
    const command = [process.execPath, '--enable-source-maps', ...this.nodeFlags, this.script()];
    const [program = '', ...args] = SETPRIV === undefined ? command : [SETPRIV, '--pdeathsig', 'KILL', '--', ...command];
    const child = spawn(program, args, { cwd: this.cwd, env: this.env(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.ready = null;
    this.isEnding = false;
    const mayDie = this.env()['MILLRACE_FAIL_POINT'] !== undefined;
    const isReady = new Promise<ReadyLine>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name} was not ready within ${withinMs} ms; its last lines:\n${this.lastLines()}`)), withinMs);
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
          this.log.write(`${line}\n`);
          this.tail.push(line);
          if (this.tail.length > 40) this.tail.shift();
          const said = stream === child.stdout ? readyLine(line) : null;
          if (said === null) return;
          clearTimeout(late);
          this.ready = said;
          resolve(said);
        });
      }
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        this.log.write(`${JSON.stringify({ harness: `${this.name} (pid ${child.pid}) ended`, code, signal })}\n`);
        if (code !== 0 && !this.isEnding && !mayDie) this.crashes.push(`${this.name} ended by itself with ${signal ?? code}; its last lines:\n${this.lastLines()}`);
        reject(new Error(`${this.name} ended with ${signal ?? code} before it was ready; its last lines:\n${this.lastLines()}`));
      });
    });
    return isReady;
  }

  get running(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`${this.name} was never started`);
    return this.child.pid;
  }

  get address(): ReadyLine {
    if (this.ready === null) throw new Error(`${this.name} is not ready`);
    return this.ready;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    if (signal === 'SIGTERM') this.isEnding = true;
    process.kill(this.pid, signal);
  }

  /** kill -9, and waits until the kernel has reaped it. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Asks it to stop. @returns the exit code; null when it had to be killed after `withinMs`. */
  async stop(withinMs = 20_000): Promise<number | null> {
    if (!this.running) return this.child?.exitCode ?? null;
    this.signal('SIGCONT');
    const killer = setTimeout(() => this.child?.kill('SIGKILL'), withinMs);
    await this.end('SIGTERM');
    clearTimeout(killer);
    return this.child?.exitCode ?? null;
  }

  lastLines(): string {
    return this.tail.join('\n');
  }

  close(): void {
    this.log.end();
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (child === null || !this.running) return;
    this.isEnding = true;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}

function readyLine(line: string): ReadyLine | null {
  if (!line.includes('"ready"')) return null;
  try {
    const fields = JSON.parse(line) as { message?: unknown };
    return fields.message === 'ready' ? (fields as ReadyLine) : null;
  } catch {
    return null;
  }
}
