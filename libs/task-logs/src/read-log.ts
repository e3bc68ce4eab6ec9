import { hostname } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '@millrace/lifecycle';
import { MillraceError } from '@millrace/vocabulary';
import { fetchLog, logUrl } from './fetch-log.js';
import { endsTry, END_LINE_MAX_BYTES } from './line-format.js';
import { isLogPath } from './log-path.js';
import { openLogFile } from './open-log-file.js';
import { tailFile } from './tail-file.js';

/** Where a try's log may be. All of it comes from the database and the configuration, nothing from a caller. */
export interface LogLocation {
  /** As logPathOf gives it. */
  readonly logPath: string;
  /** The log port of the worker that has, or had, the try; null when no worker had it yet. */
  readonly worker: { readonly host: string; readonly port: number; readonly isGone?: boolean } | null;
}

/** Where ended logs are kept for good. */
export interface LogStore {
  /** Told to people. */
  readonly url: string;
  /** null: it has nothing of this log. */
  read(logPath: string, range: LogRange, signal?: AbortSignal): Promise<{ readonly offset: number; readonly size: number; readonly chunks: AsyncIterable<Uint8Array> } | null>;
}

/** A stretch of a log, or its last bytes, however long it is. */
export type LogRange = { readonly offset: number; readonly limit: number } | { readonly last: number };

export interface ReadLogOptions {
  /** `logs.folder` of this process. */
  readonly folder: string;
  /** `log_server.urls`. */
  readonly logServerUrls: readonly string[];
  readonly internalToken: string;
  /** null or left out: logs live on hosts only. */
  readonly store?: LogStore | null;
  readonly offset?: number;
  readonly limit?: number;
  /** Instead of offset, limit and follow: so many bytes before the end, as it is when the first source that has the log is asked. */
  readonly last?: number;
  readonly follow?: boolean;
  /** With follow: whether the try has ended. Asked about every half second while nothing comes. */
  readonly isFinished?: () => Promise<boolean> | boolean;
  readonly signal?: AbortSignal;
  readonly headersTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly pollMs?: number;
  readonly allowLinkLocal?: boolean;
  /** Workers then serve their logs over TLS, with certificates of the same authority. Default: in the clear. */
  readonly tls?: TlsFiles | null;
}

export type LogSource = 'local' | 'worker' | 'log-server' | 'store' | 'none';

export interface LogReading {
  /** Who answers; changes when a source breaks off and the next one goes on. `none`: nobody has it (yet). */
  readonly source: LogSource;
  /** Path or URL it is read from, for the `sources` of the answer. */
  readonly sources: readonly string[];
  /** What was tried, as `*** …` lines; grows while the chunks are read. */
  readonly messages: readonly string[];
  /** The byte the reading began at. */
  readonly firstOffset: number;
  /** Where the next read goes on. */
  readonly nextOffset: number;
  /** Bytes of the whole log where it was found, when it was opened; null: nobody had it, or somebody old did not say. */
  readonly size: number | null;
  /** The try's end line has been read. */
  readonly ended: boolean;
  /** To be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * A try's log: from the local folder; else from the worker's log port; else from each log-server; else from the store. When the worker is
 * gone for good the store is asked before hosts that may not answer. Every step is told.
 * When a source breaks off midway, the next one goes on at the byte reached.
 */
export async function readLog(location: LogLocation, options: ReadLogOptions): Promise<LogReading> {
  if (!isLogPath(location.logPath)) throw new MillraceError('invalid', 'not the path of a log');
  if (options.last !== undefined && options.follow === true) throw new MillraceError('invalid', 'the last bytes of a log are not followed; what comes after them is read by offset');
  const chain = new ReadingChain(location, options);
  await chain.advance();
  return chain;
}

type Step = () => Promise<AsyncIterable<Uint8Array> | null>;

class ReadingChain implements LogReading {
  source: LogSource = 'none';
  readonly sources: string[] = [];
  readonly messages: string[] = [];
  firstOffset: number;
  nextOffset: number;
  size: number | null = null;
  /** Still to become an offset: only who has the log knows where it ends. */
  private last: number | null;
  private tail = new Uint8Array(0);
  private left: number;
  private current: AsyncIterable<Uint8Array> | null = null;
  private readonly steps: Step[];

  constructor(private readonly location: LogLocation, private readonly options: ReadLogOptions) {
    this.nextOffset = options.offset ?? 0;
    this.firstOffset = this.nextOffset;
    this.left = options.last ?? options.limit ?? Number.POSITIVE_INFINITY;
    this.last = options.last ?? null;
    const { worker } = location;
    const hosts: Step[] = [...(worker === null ? [] : [() => this.worker()]), ...options.logServerUrls.map((url) => () => this.logServer(url))];
    const store: Step[] = options.store ? [() => this.store()] : [];
    this.steps = [() => this.local(), ...(worker?.isGone === true ? [...store, ...hosts] : [...hosts, ...store])];
  }

  get ended(): boolean {
    return endsTry(this.tail);
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this.read();
  }

  /** Goes to the next source that has the log. */
  async advance(): Promise<void> {
    this.current = null;
    this.source = 'none';
    for (let step = this.steps.shift(); step !== undefined; step = this.steps.shift()) {
      this.current = await step();
      if (this.current !== null) return;
    }
  }

  private async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.current !== null) {
      try {
        for await (const chunk of this.current) {
          this.took(chunk);
          yield chunk;
        }
        if (!(await this.brokeOffPolitely())) return;
        throw new Error('it ended while the try goes on');
      } catch (error) {
        if (this.options.signal?.aborted === true) return;
        this.messages.push(`*** Reading from ${this.sources.at(-1)} broke off at byte ${this.nextOffset}: ${reasonOf(error)}`);
        await this.advance();
      }
    }
  }

  /** A worker that shuts down ends a followed answer like any other; only the try itself knows whether it is over. */
  private async brokeOffPolitely(): Promise<boolean> {
    if (this.options.follow !== true || this.options.isFinished === undefined || this.source === 'local' || this.source === 'store') return false;
    return !this.ended && this.left > 0 && this.options.signal?.aborted !== true && !(await this.options.isFinished());
  }

  /** The first source that has the log says where its last bytes begin; whoever goes on after it goes on there. */
  private found(size: number | null, offset: number): void {
    this.size = size;
    if (this.last === null) return;
    this.last = null;
    this.firstOffset = offset;
    this.nextOffset = offset;
  }

  private took(chunk: Uint8Array): void {
    this.nextOffset += chunk.length;
    this.left -= chunk.length;
    this.tail = Uint8Array.from(chunk.length >= END_LINE_MAX_BYTES ? chunk.subarray(-END_LINE_MAX_BYTES) : [...this.tail, ...chunk].slice(-END_LINE_MAX_BYTES));
  }

  private async local(): Promise<AsyncIterable<Uint8Array> | null> {
    const path = join(this.options.folder, this.location.logPath);
    const opened = await openLogFile(this.options.folder, this.location.logPath);
    if ('refused' in opened) {
      this.messages.push(opened.refused === 'no such file' ? `*** Log file isn't local: ${path}` : `*** Log file can't be read here: ${path}: ${opened.refused}`);
      return null;
    }
    this.source = 'local';
    this.sources.push(path);
    this.messages.push(`*** Reading local file: ${path}`);
    this.found(opened.size, Math.max(0, opened.size - (this.last ?? 0)));
    const { isFinished, signal, pollMs } = this.options;
    return tailFile(opened.file, opened.path, {
      offset: this.nextOffset, limit: this.left, follow: this.options.follow ?? false,
      ...(isFinished === undefined ? {} : { isFinished }), ...(signal === undefined ? {} : { signal }), ...(pollMs === undefined ? {} : { pollMs }),
    });
  }

  private async worker(): Promise<AsyncIterable<Uint8Array> | null> {
    const { host, port } = this.location.worker as { host: string; port: number };
    if (!/^[A-Za-z0-9._:-]{1,255}$/.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) {
      this.messages.push(`*** Failed to fetch log file from worker: ${JSON.stringify(`${host}:${port}`)} is no address`);
      return null;
    }
    const server = `${this.options.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.messages.push(`*** Fetching here: ${logUrl(server, this.location.logPath)}`);
    return this.remote('worker', server, 'Failed to fetch log file from worker');
  }

  private async logServer(server: string): Promise<AsyncIterable<Uint8Array> | null> {
    this.messages.push(`*** Fetching from log-server: ${logUrl(server, this.location.logPath)}`);
    return this.remote('log-server', server, 'Failed to fetch log file from log-server');
  }

  private async store(): Promise<AsyncIterable<Uint8Array> | null> {
    const store = this.options.store as LogStore;
    const where = `${store.url}/${this.location.logPath}`;
    this.messages.push(`*** Reading from the log store: ${where}`);
    try {
      const found = await store.read(this.location.logPath, this.last === null ? { offset: this.nextOffset, limit: this.left } : { last: this.last }, this.options.signal);
      if (found === null) {
        this.messages.push('*** The log store has nothing of this try');
        return null;
      }
      this.source = 'store';
      this.sources.push(where);
      this.found(found.size, found.offset);
      return found.chunks;
    } catch (error) {
      this.messages.push(`*** Failed to read from the log store: ${reasonOf(error)}`);
      return null;
    }
  }

  private async remote(source: 'worker' | 'log-server', server: string, failure: string): Promise<AsyncIterable<Uint8Array> | null> {
    const follow = this.options.follow ?? false;
    const stop = new AbortController();
    const signal = this.options.signal === undefined ? stop.signal : AbortSignal.any([this.options.signal, stop.signal]);
    try {
      const fetched = await fetchLog(server, this.location.logPath, {
        internalToken: this.options.internalToken, ...(this.last === null ? { offset: this.nextOffset } : { last: this.last }), follow, signal,
        headersTimeoutMs: this.options.headersTimeoutMs ?? 5_000, idleTimeoutMs: this.options.idleTimeoutMs ?? 10_000,
        ...(Number.isFinite(this.left) && this.last === null ? { limit: this.left } : {}),
        ...(this.options.allowLinkLocal === undefined ? {} : { allowLinkLocal: this.options.allowLinkLocal }),
        ...(this.options.tls === undefined ? {} : { tls: this.options.tls }),
      });
      this.source = source;
      this.sources.push(logUrl(server, this.location.logPath));
      this.found(fetched.size, fetched.offset);
      return this.until(fetched.bytes, follow, stop);
    } catch (error) {
      this.messages.push(`*** ${failure}: ${reasonOf(error)} (${hostname()} → ${server})`);
      return null;
    }
  }

  /** A followed answer ends by its end line or, when the worker died without writing one, by `isFinished` and silence. */
  private async *until(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, follow: boolean, stop: AbortController): AsyncGenerator<Uint8Array, void, undefined> {
    const { isFinished } = this.options;
    let finishedByWord = false;
    let timer: NodeJS.Timeout | undefined;
    let seen = this.nextOffset;
    const look = async (): Promise<void> => {
      const quiet = seen === this.nextOffset;
      seen = this.nextOffset;
      if (quiet && (await Promise.resolve(isFinished?.()).catch(() => false)) === true) {
        // The next look finds it finished and still silent: nothing will come.
        if (finishedByWord) return stop.abort();
        finishedByWord = true;
      }
      timer = setTimeout(() => void look(), this.options.pollMs ?? 500);
    };
    if (follow && isFinished !== undefined) timer = setTimeout(() => void look(), this.options.pollMs ?? 500);
    try {
      yield* bytes;
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
}

function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: string; errors?: readonly Error[] };
  return message !== undefined && message !== '' ? message : (errors?.[0]?.message ?? code ?? String(error));
}
