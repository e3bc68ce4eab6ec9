import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { formatEndLine, formatLine } from './line-format.js';
import type { LogLevel } from './line-format.js';
import type { SecretMask } from './secret-mask.js';

export interface TaskLogOptions {
  /** Absolute path; folders are made as needed. */
  readonly file: string;
  /** `logs.max_bytes_per_try`. What comes after is dropped, and the log says so. */
  readonly maxBytes: number;
  readonly mask: SecretMask;
  /** Told once per failure that output could not be kept (disk full …). The task is never stopped for its log. */
  readonly onLoss?: (message: string) => void;
  readonly now?: () => number;
}

/** Where a child's output goes, chunk by chunk; each line becomes a line of the log. */
export interface OutputSink {
  push(chunk: Uint8Array): void;
  /** Writes a last line that has no line break. */
  end(): void;
}

/** A line longer than this is broken up, characters. */
const LINE_MAX = 64 * 1_024;
const FLUSH_AT_CHARS = 16 * 1_024;
const FLUSH_AFTER_MS = 50;

/**
 * The log of one try: opened once, appended to. Lines gather until the event loop turns, 16 KB or 50 ms, whichever is
 * first, and go to the file in one write; `flush` and `close` write at once. Several processes may append to one file.
 */
export class TaskLogWriter {
  private readonly fd: number;
  private readonly now: () => number;
  private bytes: number;
  private waiting = '';
  private lastFlushMs: number;
  private scheduled = false;
  private capped = false;
  private closed = false;
  private lostBytes = 0;

  constructor(private readonly options: TaskLogOptions) {
    this.now = options.now ?? Date.now;
    this.fd = openForAppending(options.file);
    this.bytes = fstatSync(this.fd).size;
    this.lastFlushMs = this.now();
  }

  /** One message, masked. After `close` it is dropped. */
  write(logger: string, level: LogLevel, message: string): void {
    this.append(formatLine(this.now(), logger.replace(/[{}\s]/g, '_').slice(0, 200) || 'task', level, this.options.mask.mask(message)));
  }

  info(message: string, logger = 'millrace.task'): void {
    this.write(logger, 'INFO', message);
  }

  error(message: string, logger = 'millrace.task'): void {
    this.write(logger, 'ERROR', message);
  }

  /** For a stream of bytes, such as a child's stdout (`task.stdout`, INFO) or stderr (`task.stderr`, ERROR). */
  output(logger: string, level: LogLevel): OutputSink {
    const decoder = new StringDecoder('utf8');
    const masked = this.options.mask.stream();
    let partial = '';
    const take = (text: string): void => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() as string;
      for (const line of lines) this.line(logger, level, line);
      while (partial.length > LINE_MAX) {
        this.line(logger, level, partial.slice(0, LINE_MAX));
        partial = partial.slice(LINE_MAX);
      }
    };
    return {
      push: (chunk) => take(masked.push(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)))),
      end: () => {
        take(masked.push(decoder.end()) + masked.flush());
        if (partial !== '') this.line(logger, level, partial);
        partial = '';
      },
    };
  }

  flush(): void {
    this.scheduled = false;
    if (this.waiting === '' || this.closed) return;
    const notice = this.lostBytes > 0 ? formatLine(this.now(), 'millrace.log', 'ERROR', `*** ${this.lostBytes} bytes of this log were lost here: they could not be written`) : '';
    const data = Buffer.from(notice + this.waiting);
    this.waiting = '';
    this.lastFlushMs = this.now();
    let done = 0;
    try {
      while (done < data.length) done += writeSync(this.fd, data, done);
      this.lostBytes = 0;
    } catch (error) {
      if (this.lostBytes === 0) this.options.onLoss?.(`log ${this.options.file} could not be written: ${(error as Error).message}`);
      this.lostBytes += data.length - done - Math.min(notice.length, data.length - done);
    }
  }

  /** Writes everything and the end line, and closes: the try is over, followers stop. */
  end(outcome: string): void {
    if (this.closed) return;
    this.waiting += formatEndLine(this.now(), outcome);
    this.close();
  }

  /** Writes everything and closes without an end: the try goes on later (deferred, rescheduled) or in another process. */
  close(): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    closeSync(this.fd);
  }

  private line(logger: string, level: LogLevel, text: string): void {
    this.append(formatLine(this.now(), logger, level, text.endsWith('\r') ? text.slice(0, -1) : text));
  }

  private append(line: string): void {
    if (this.capped || this.closed) return;
    const size = Buffer.byteLength(line);
    if (this.bytes + size > this.options.maxBytes) {
      this.capped = true;
      this.waiting += formatLine(this.now(), 'millrace.log', 'WARNING', `*** Log cut off at ${this.options.maxBytes} bytes (logs.max_bytes_per_try). The task goes on; what it prints from here is not kept.`);
      this.flush();
      return;
    }
    this.bytes += size;
    this.waiting += line;
    if (this.waiting.length >= FLUSH_AT_CHARS || this.now() - this.lastFlushMs >= FLUSH_AFTER_MS) {
      this.flush();
    } else if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => this.flush());
    }
  }
}

function openForAppending(file: string): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return openSync(file, flags, 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
    return openSync(file, flags, 0o640);
  }
}
