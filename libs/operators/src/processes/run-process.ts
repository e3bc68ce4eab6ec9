import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter.js';

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to its stdin, which is then closed. */
  readonly input?: string;
  /** One line of stdout or stderr without its end. */
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Ends the process with everything it has started. */
  readonly signal: AbortSignal;
  /** Between SIGTERM and SIGKILL, milliseconds. */
  readonly killGraceMs: number;
  /** Collect what is written to this descriptor, e.g. 3. */
  readonly resultFd?: 3;
}

export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Text written to `resultFd`. */
  readonly result: string;
}

const RESULT_MAX_CHARS = 16 * 1_024 * 1_024;

/**
 * Runs a command as leader of its own process group and waits until it has ended and its output is read.
 * @throws the error of `spawn` when it cannot be started (`code` ENOENT: not found)
 * @throws `signal.reason` when the signal fired
 */
export async function runProcess(request: ProcessRequest): Promise<ProcessEnd> {
  request.signal.throwIfAborted();
  const child = spawn(request.command, [...request.args], {
    cwd: request.cwd,
    env: { ...request.env },
    // Its own group, so that one signal reaches what a shell has started too.
    detached: process.platform !== 'win32',
    // Without input no pipe: Node's are sockets, and a bash whose stdin is one takes itself for a remote login and reads ~/.bashrc.
    stdio: [request.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(request.resultFd === undefined ? [] : ['pipe' as const])],
  });
  const [stdin, stdout, stderr, extra] = child.stdio;
  let result = '';
  (extra as Readable | undefined)?.setEncoding('utf8').on('data', (text: string) => {
    if (result.length < RESULT_MAX_CHARS) result += text;
  });
  readLines(stdout as Readable, (line) => request.onLine(line, 'stdout'));
  readLines(stderr as Readable, (line) => request.onLine(line, 'stderr'));
  stdin?.on('error', () => undefined); // EPIPE: it ended without reading; its exit code tells more.
  stdin?.end(request.input ?? '');

  let force: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(child.pid, 'SIGTERM');
    force = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), request.killGraceMs);
  };
  request.signal.addEventListener('abort', stop, { once: true });
  try {
    const end = await new Promise<Omit<ProcessEnd, 'result'>>((resolve, reject) => {
      child.once('error', reject);
      // `exit`, not `close`: a background process that inherited the pipes must not keep the task running for ever.
      child.once('exit', (exitCode, signal) => {
        const settle = (): void => resolve({ exitCode, signal });
        const giveUp = setTimeout(() => {
          for (const stream of [stdout, stderr, extra]) (stream as Readable | undefined)?.destroy();
          settle();
        }, 250);
        child.once('close', () => {
          clearTimeout(giveUp);
          settle();
        });
      });
    });
    request.signal.throwIfAborted();
    return { ...end, result };
  } finally {
    request.signal.removeEventListener('abort', stop);
    clearTimeout(force);
    // What the command left in the background ends with it: a finished task leaves nothing behind.
    signalGroup(child.pid, 'SIGKILL');
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // Already gone.
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  const lines = new LineSplitter(onLine);
  stream.on('data', (chunk: Buffer) => lines.write(chunk));
  stream.once('end', () => lines.end());
  stream.on('error', () => undefined);
}
