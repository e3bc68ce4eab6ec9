import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '@millrace/vocabulary';
import { HOST_SCRIPT } from './host-script.js';

export interface HostRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly user: { readonly name: string };
}

export interface HostResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A text as it is. */
  readonly body?: string;
  /** Else JSON. */
  readonly json?: string;
}

interface Waiting {
  readonly resolve: (response: HostResponse) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** MB of heap a plugin may take; then its process ends, and the next request starts another. */
const MEMORY_MB = 256;

/** One plugin's routes in a process of their own: what they do wrong ends that process and nothing else. */
export class PluginHost {
  private readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-plugin-')));
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private readonly queue: { readonly id: number; readonly request: HostRequest }[] = [];
  private isReady = false;
  private lastId = 0;
  private stderr = '';
  private ended: string | null = null;

  /** @param timeoutMs of a request; a plugin that takes longer is ended, because nobody knows what it does */
  constructor(readonly name: string, readonly hash: string, code: Uint8Array, private readonly timeoutMs: number, private readonly onTrouble: (message: string) => void) {
    const file = join(this.folder, 'plugin.mjs');
    writeFileSync(file, code, { mode: 0o600 });
    this.child = spawn(process.execPath, [...permissions(this.folder), '--input-type=module', '--eval', HOST_SCRIPT, JSON.stringify({ url: pathToFileURL(file).href })], {
      cwd: this.folder, env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-4_000)));
    this.child.on('message', (message) => this.heard(message as { ready?: true; id?: number; response?: HostResponse; error?: string; crashed?: string }));
    this.child.once('error', (error) => this.end(error.message));
    this.child.once('close', (code_, signal) => this.end(`its process ended (${signal ?? `exit code ${code_}`})${this.stderr === '' ? '' : `: ${this.stderr.trim().split('\n').slice(-3).join(' ')}`}`));
  }

  get isUsable(): boolean {
    return this.ended === null;
  }

  /** @throws MillraceError `unavailable` when the plugin's process ends, does not answer in time, or its handler throws */
  ask(request: HostRequest): Promise<HostResponse> {
    if (this.ended !== null) return Promise.reject(new MillraceError('unavailable', `plugin "${this.name}" cannot answer: ${this.ended}`));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.end(`it did not answer within ${this.timeoutMs / 1_000} s`), this.timeoutMs);
      this.waiting.set(id, { resolve, reject, timer });
      if (this.isReady) this.child.send({ id, request });
      else this.queue.push({ id, request });
    });
  }

  /** Ends the process; requests in flight are refused. */
  stop(): void {
    this.end('it was stopped');
  }

  private heard({ ready, id, response, error, crashed }: { ready?: true; id?: number; response?: HostResponse; error?: string; crashed?: string }): void {
    if (ready === true) {
      this.isReady = true;
      for (const asked of this.queue.splice(0)) this.child.send(asked);
      return;
    }
    if (crashed !== undefined) return this.end(`an error nobody caught: ${crashed}`);
    const asked = id === undefined ? undefined : this.waiting.get(id);
    if (asked === undefined || id === undefined) return;
    this.waiting.delete(id);
    clearTimeout(asked.timer);
    if (response !== undefined) return asked.resolve(response);
    this.onTrouble(`a route of plugin "${this.name}" failed: ${error ?? ''}`);
    asked.reject(new MillraceError('unavailable', `plugin "${this.name}" failed: ${(error ?? '').split('\n')[0] ?? ''}`));
  }

  private end(reason: string): void {
    if (this.ended !== null) return;
    this.ended = reason;
    if (this.waiting.size > 0) this.onTrouble(`plugin "${this.name}": ${reason}`);
    for (const asked of this.waiting.values()) {
      clearTimeout(asked.timer);
      asked.reject(new MillraceError('unavailable', `plugin "${this.name}" cannot answer: ${reason.split('\n')[0] ?? ''}`));
    }
    this.waiting.clear();
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function permissions(folder: string): string[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const flag = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13) ? '--permission' : '--experimental-permission';
  return ['--no-warnings', `--max-old-space-size=${MEMORY_MB}`, '--disable-proto=delete', flag, `--allow-fs-read=${folder}`];
}
