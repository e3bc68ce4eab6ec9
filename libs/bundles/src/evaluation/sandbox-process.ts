import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { SOURCE_MAP_COMMENT } from '../bundling/stable-source-map.js';
import { EVALUATION_SCRIPT } from './evaluation-script.js';
import { pauseWhere } from './pause-where.js';
import type { PausedFrame } from './pause-where.js';

export interface EvaluationLimits {
  readonly timeoutMs: number;
  /** Of the JavaScript heap, and half as much again for the whole process. */
  readonly memoryMb: number;
}

/** How an evaluation process ended. */
export type SandboxEnd =
  | { readonly kind: 'answer'; readonly json: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'memory' }
  | { readonly kind: 'output'; readonly bytes: number }
  | { readonly kind: 'ended'; readonly exitCode: number | null; readonly signal: string | null; readonly stderr: string };

/** What is wanted of the bundle instead of its dags' documents. */
export interface SandboxQuestion {
  /** How these dags' timetables go on. */
  readonly timetables?: Readonly<Record<string, unknown>>;
  /** What the plugin gives. */
  readonly plugin?: true;
}

/** The name bundles have while they are evaluated; positions in stacks are found by it. */
export const BUNDLE_FILE = 'millrace-bundle.mjs';
/** More than any message to the api holds (see published-document.ts): bounds what a file can make the processor read. */
const OUTPUT_MAX_BYTES = 64_000_000;
const STDERR_KEPT = 8_000;
const MEMORY_LOOK_MS = 50;
/** Before the first statement of a bundle that is being located. */
const LOADED = 'globalThis.__millraceLoaded();';
const LOCATE_PATIENCE_MS = 3_000;

/** A process that evaluates one bundle, without credentials, files, network, child processes. Started before it is needed. */
export class SandboxProcess {
  private readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-evaluate-')));
  private readonly child: ChildProcess;
  private readonly ended: Promise<{ exitCode: number | null; signal: string | null }>;
  private stderr = '';

  /** @param locate run under the inspector, to be asked where it is */
  constructor(private readonly limits: EvaluationLimits, private readonly locate = false) {
    this.child = spawn(process.execPath, [...sandboxFlags(this.folder, limits.memoryMb, locate), '--input-type=module', '--eval', EVALUATION_SCRIPT], {
      cwd: this.folder,
      // Nothing of the service's own environment: it may hold secrets, and dags must not depend on it.
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', MILLRACE_EVALUATING: '1' },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_KEPT);
    });
    this.child.stdin?.on('error', () => undefined); // It ended before it read its job; `ended` tells.
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.stderr += error.message;
        resolve({ exitCode: null, signal: null });
      });
      this.child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
    });
  }

  get usable(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined;
  }

  /**
   * Runs the code for a while and tells where it is then; empty when it does not run, e.g. waits. Ends the process.
   * @param afterMs how long it runs first, unless it has taken the memory it may before
   */
  async whereIs(code: Uint8Array, afterMs: number): Promise<readonly PausedFrame[]> {
    const deadline = AbortSignal.timeout(afterMs + LOCATE_PATIENCE_MS);
    try {
      const address = await this.inspectorAddress(deadline);
      const frames = await pauseWhere(address, deadline, async () => {
        this.give(Buffer.concat([Buffer.from(LOADED), code]));
        const end = Date.now() + afterMs;
        while (Date.now() < end && (residentMb(this.child.pid) ?? 0) < this.limits.memoryMb) await wait(5, undefined, { signal: deadline });
      });
      return frames.filter((frame) => frame.url.endsWith(BUNDLE_FILE)).map((frame) => (frame.line === 1 ? { ...frame, column: frame.column - LOADED.length } : frame));
    } catch {
      return []; // The place is a courtesy; the failure is told without it.
    } finally {
      await this.dispose();
    }
  }

  private async inspectorAddress(signal: AbortSignal): Promise<string> {
    for (;;) {
      const found = /Debugger listening on (ws:\S+)/.exec(this.stderr)?.[1];
      if (found !== undefined) return found;
      await wait(5, undefined, { signal });
      if (!this.usable) throw new Error('the process has ended');
    }
  }

  private give(code: Uint8Array, asked: SandboxQuestion = {}): void {
    const file = join(this.folder, BUNDLE_FILE);
    writeFileSync(file, withoutSourceMap(code), { mode: 0o600 });
    this.child.stdin?.end(`${JSON.stringify({ url: pathToFileURL(file).href, locate: this.locate, ...asked })}\n`);
  }

  async evaluate(code: Uint8Array, asked: SandboxQuestion = {}): Promise<SandboxEnd> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let cause: SandboxEnd | null = null;
    const stop = (why: SandboxEnd): void => {
      cause ??= why;
      this.child.kill('SIGKILL');
    };
    (this.child.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_MAX_BYTES) stop({ kind: 'output', bytes });
      else chunks.push(chunk);
    });
    const timeout = setTimeout(() => stop({ kind: 'timeout' }), this.limits.timeoutMs);
    const look = setInterval(() => {
      const rss = residentMb(this.child.pid);
      if (rss !== null && rss > this.limits.memoryMb * 1.5 + 64) stop({ kind: 'memory' });
    }, MEMORY_LOOK_MS);
    this.give(code, asked);
    const end = await this.ended;
    clearTimeout(timeout);
    clearInterval(look);
    await this.dispose();
    if (cause !== null) return cause;
    if (bytes > 0 && end.exitCode === 0) return { kind: 'answer', json: Buffer.concat(chunks).toString('utf8') };
    if (/heap limit|out of memory|Array buffer allocation failed/i.test(this.stderr)) return { kind: 'memory' };
    return { kind: 'ended', ...end, stderr: this.stderr };
  }

  /** Ends the process and removes its folder. */
  async dispose(): Promise<void> {
    if (this.usable) this.child.kill('SIGKILL');
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Positions are translated outside; Node.js need not read the larger half of the file. */
function withoutSourceMap(code: Uint8Array): Uint8Array {
  const at = Buffer.from(code.buffer, code.byteOffset, code.byteLength).lastIndexOf(SOURCE_MAP_COMMENT);
  return at < 0 ? code : code.subarray(0, at);
}

function sandboxFlags(folder: string, memoryMb: number, locate: boolean): string[] {
  const limits = ['--no-warnings', `--max-old-space-size=${memoryMb}`, '--disable-proto=delete'];
  // The permission model refuses the inspector; evaluation-script.ts closes the same doors in another way.
  if (locate) return [...limits, '--inspect=127.0.0.1:0'];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const permission = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13) ? '--permission' : '--experimental-permission';
  return [...limits, permission, `--allow-fs-read=${folder}`];
}

/** Resident memory of a process in MB; null where /proc is not there. Buffers do not count towards the heap's limit. */
function residentMb(pid: number | undefined): number | null {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096) / 1_048_576;
  } catch {
    return null;
  }
}
