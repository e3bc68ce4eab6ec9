import { format } from 'node:util';
import type { LogLevel, OutputSink, TaskLogWriter } from '@millrace/task-logs';

type Write = typeof process.stdout.write;

/**
 * Sends what task code prints to the log of the running try: `console.*` and writes to stdout and stderr.
 * Native children that inherited the pipes are outside its reach; the worker reads those.
 */
export class OutputCapture {
  private log: TaskLogWriter | undefined;
  private sinks: { stdout?: OutputSink; stderr?: OutputSink } = {};

  install(): void {
    this.redirect('stdout', 'INFO');
    this.redirect('stderr', 'ERROR');
    const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARNING', error: 'ERROR' } as const;
    for (const [method, level] of Object.entries(levels) as [keyof typeof levels, LogLevel][]) {
      const original = console[method].bind(console);
      console[method] = (...args: unknown[]) => {
        if (this.log === undefined) original(...args);
        else this.log.write('task.stdout', level, format(...args));
      };
    }
  }

  begin(log: TaskLogWriter): void {
    this.log = log;
  }

  /** Writes what came without a newline, and lets go of the log. */
  end(): void {
    this.sinks.stdout?.end();
    this.sinks.stderr?.end();
    this.sinks = {};
    this.log = undefined;
  }

  /** The process ends in the middle of a try: keep what it has printed. */
  flush(): void {
    this.sinks.stdout?.end();
    this.sinks.stderr?.end();
    this.log?.flush();
  }

  private redirect(stream: 'stdout' | 'stderr', level: LogLevel): void {
    const original = process[stream].write.bind(process[stream]) as Write;
    process[stream].write = ((chunk: string | Uint8Array, encoding?: BufferEncoding | (() => void), done?: () => void) => {
      if (this.log === undefined) return original(chunk, encoding as BufferEncoding, done);
      const sink = (this.sinks[stream] ??= this.log.output(`task.${stream}`, level));
      sink.push(typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : chunk);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }) as Write;
  }
}
