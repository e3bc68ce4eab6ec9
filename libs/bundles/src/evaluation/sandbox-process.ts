import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { EVALUATION_SCRIPT } from './evaluation-script.js';

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

/** The name bundles have while they are evaluated; positions in stacks are found by it. */
export const BUNDLE_FILE = 'millrace-bundle.mjs';
/** Documents travel to the api in one message of at most 4 MB, with bundle and source. */
const OUTPUT_MAX_BYTES = 8_000_000;
const STDERR_KEPT = 8_000;
const MEMORY_LOOK_MS = 50;

/** A process that evaluates one bundle, without credentials, files, network, child processes. Started before it is needed. */
export class SandboxProcess {
  private readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-evaluate-')));
  private readonly child: ChildProcess;
  private readonly ended: Promise<{ exitCode: number | null; signal: string | null }>;
  private stderr = '';

  constructor(private readonly limits: EvaluationLimits, extraFlags: readonly string[] = []) {
    this.child = spawn(process.execPath, [...sandboxFlags(this.folder, limits.memoryMb), ...extraFlags, '--input-type=module', '--eval', EVALUATION_SCRIPT], {
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

  async evaluate(code: Uint8Array): Promise<SandboxEnd> {
    const file = join(this.folder, BUNDLE_FILE);
    writeFileSync(file, code, { mode: 0o600 });
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
    this.child.stdin?.end(`${JSON.stringify({ url: pathToFileURL(file).href })}\n`);
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

function sandboxFlags(folder: string, memoryMb: number): string[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const permission = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13) ? '--permission' : '--experimental-permission';
  return ['--no-warnings', permission, `--allow-fs-read=${folder}`, `--max-old-space-size=${memoryMb}`, '--disable-proto=delete'];
}

/** Resident memory of a process in MB; null where /proc is not there. Buffers do not count towards the heap's limit. */
function residentMb(pid: number | undefined): number | null {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096) / 1_048_576;
  } catch {
    return null;
  }
}
