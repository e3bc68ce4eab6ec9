import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { createLogger as createWinston, format, transports } from 'winston';
import type { LogFields, Logger } from './logger.js';
import { maskFields, maskText, maskValue } from './masking.js';

export interface LoggerOptions {
  /** Name of the service, on every line. */
  readonly service: string;
  /** Least level written. Default `info`. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
  /** `json`: one object a line; `text`: for a person at a terminal. Default `json`. */
  readonly format?: 'json' | 'text';
  /** On every line. */
  readonly fields?: LogFields;
  /** Default stdout. */
  readonly stream?: Writable;
}

const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 } as const;
type Level = keyof typeof LEVELS;
const MESSAGE = Symbol.for('message');

/** A service's log on winston. Secrets are masked before anything is written; see masking.ts for what counts as one. */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? process.stdout;
  survivesItsReader(stream);
  const render = options.format === 'text' ? textLine((stream as { isTTY?: boolean }).isTTY === true) : jsonLine;
  const winston = createWinston({
    levels: LEVELS,
    level: options.level ?? 'info',
    format: format((info) => {
      (info as Record<symbol, unknown>)[MESSAGE] = render(info['entry'] as Entry);
      return info;
    })(),
    transports: [new transports.Stream({ stream, eol: '\n' })],
  });
  const least = LEVELS[options.level ?? 'info'];
  const write = (level: Level, message: string, fields: LogFields): void => {
    // One closed value under one name: winston would merge a field called `message` into the text.
    winston.log({ level, message: '', entry: { timestamp: new Date().toISOString(), level, service: options.service, message, fields } satisfies Entry });
  };
  return new ServiceLogger(write, least, options.fields ?? {});
}

interface Entry {
  readonly timestamp: string;
  readonly level: Level;
  readonly service: string;
  readonly message: string;
  readonly fields: LogFields;
}

class ServiceLogger implements Logger {
  constructor(
    private readonly write: (level: Level, message: string, fields: LogFields) => void,
    private readonly least: number,
    private readonly fields: LogFields,
  ) {}

  debug(message: string, fields?: LogFields): void {
    if (this.least >= LEVELS.debug) this.write('debug', message, { ...this.fields, ...fields });
  }
  info(message: string, fields?: LogFields): void {
    if (this.least >= LEVELS.info) this.write('info', message, { ...this.fields, ...fields });
  }
  warn(message: string, fields?: LogFields): void {
    if (this.least >= LEVELS.warn) this.write('warn', message, { ...this.fields, ...fields });
  }
  error(message: string, fields?: LogFields): void {
    this.write('error', message, { ...this.fields, ...fields });
  }
  child(fields: LogFields): Logger {
    return new ServiceLogger(this.write, this.least, { ...this.fields, ...fields });
  }
}

/** The line's own names can't be taken by fields; such a field gets a `_` behind it. */
const OWN_NAMES = new Set(['timestamp', 'level', 'service', 'message']);

function jsonLine({ timestamp, level, service, message, fields }: Entry): string {
  const line: Record<string, unknown> = { timestamp, level, service, message: maskValue(message) };
  for (const [name, value] of Object.entries(maskFields(fields))) line[OWN_NAMES.has(name) ? `${name}_` : name] = value;
  return JSON.stringify(line);
}

function textLine(coloured: boolean): (entry: Entry) => string {
  const colours = pc.createColors(coloured);
  const paint: Record<Level, (text: string) => string> = { debug: colours.gray, info: colours.green, warn: colours.yellow, error: colours.red };
  return ({ timestamp, level, service, message, fields }) => {
    const facts: string[] = [];
    let stack = '';
    for (const [name, value] of Object.entries(maskFields(fields))) {
      if (value === undefined) continue;
      const error = value as { message?: string; stack?: string } | null;
      if (typeof error === 'object' && typeof error?.stack === 'string') {
        facts.push(`${name}=${JSON.stringify(error.message)}`);
        stack += `\n${error.stack}`;
      } else facts.push(`${name}=${typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`);
    }
    return `${colours.dim(timestamp)} ${paint[level](level.padEnd(5))} ${colours.cyan(service)} ${printable(maskText(message))}${facts.length === 0 ? '' : ` ${colours.dim(printable(facts.join(' ')))}`}${stack}`;
  };
}

/** Control characters would let a task id repaint the terminal or forge a line. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => (char === '\n' ? '\n    ' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`));
}

const watched = new WeakSet<Writable>();

/** A log nobody reads any more (its pipe was closed) is no reason for a service to end. Other errors of the stream still are. */
function survivesItsReader(stream: Writable): void {
  if (watched.has(stream)) return;
  watched.add(stream);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
}
