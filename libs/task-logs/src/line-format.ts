/** Python's level names, as Airflow's logs have them. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** One message as Airflow's `TaskInstancesLogResponse.content` has it. */
export interface LogEvent {
  readonly timestamp: string | null;
  readonly event: string;
  readonly level?: string;
  readonly logger?: string;
  readonly sources?: readonly string[];
}

const LINE = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+0000\] \{([^}\s]{1,200})\} (DEBUG|INFO|WARNING|ERROR|CRITICAL) - (.*)$/s;

/** Logger of the last line of a finished try. Task output always has another logger, so a task can't print an end. */
const END_LOGGER = 'millrace.end';
/** Longest end line, bytes. */
export const END_LINE_MAX_BYTES = 200;
const END_LINE = /(?:^|\n)\[[^\]\n]{28}\] \{millrace\.end\} INFO - [^\n]{0,100}\n$/;

let stampMs = Number.NaN;
let stamp = '';

/**
 * One message as lines of a log file: `[2026-05-23T04:48:18.035+0000] {logger} LEVEL - message`.
 * Further lines of the message begin with a tab, so that no message can pass for another line.
 */
export function formatLine(atMs: number, logger: string, level: LogLevel, message: string): string {
  if (atMs !== stampMs) {
    stampMs = atMs;
    stamp = new Date(atMs).toISOString().slice(0, 23);
  }
  const text = message.includes('\n') || message.includes('\r') ? message.replace(/\r\n|\r|\n/g, '\n\t') : message;
  return `[${stamp}+0000] {${logger}} ${level} - ${text}\n`;
}

/** The last line of a try: what ends every follower. */
export function formatEndLine(atMs: number, outcome: string): string {
  return formatLine(atMs, END_LOGGER, 'INFO', `Try ended: ${outcome.replace(/[^a-z_ -]/gi, '').slice(0, 60)}`);
}

/** Whether these are the last bytes of a log whose try has ended. */
export function endsTry(tail: Uint8Array): boolean {
  return END_LINE.test(Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength).toString('latin1'));
}

/** One line, without its line break, as an event. A line in another shape is an event without time. */
export function parseLine(line: string): LogEvent {
  const match = LINE.exec(line);
  if (match === null) return { timestamp: null, event: line };
  const [, time, logger, level, event] = match as unknown as [string, string, string, string, string];
  return { timestamp: `${time}000Z`, event, level: level.toLowerCase(), logger };
}

/**
 * Bytes of a log, in chunks cut anywhere, into events. Keeps at most one message in memory.
 * `flush` gives the last message, which is only known to be complete when the log ends.
 */
export class LogParser {
  private readonly decoder = new TextDecoder('utf-8');
  private rest = '';
  private open: LogEvent | null = null;

  push(chunk: Uint8Array): LogEvent[] {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n');
    this.rest = lines.pop() as string;
    return lines.flatMap((line) => this.take(line));
  }

  flush(): LogEvent[] {
    const last = this.rest + this.decoder.decode();
    this.rest = '';
    const events = last === '' ? [] : this.take(last);
    if (this.open !== null) events.push(this.open);
    this.open = null;
    return events;
  }

  private take(line: string): LogEvent[] {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text.startsWith('\t') && this.open !== null) {
      this.open = { ...this.open, event: `${this.open.event}\n${text.slice(1)}` };
      return [];
    }
    const before = this.open;
    this.open = parseLine(text);
    return before === null ? [] : [before];
  }
}

/** The events Airflow puts before a log: where it was read, as a foldable group. */
export function sourceEvents(sources: readonly string[]): LogEvent[] {
  return [{ timestamp: null, event: '::group::Log message source details', sources }, { timestamp: null, event: '::endgroup::' }];
}
