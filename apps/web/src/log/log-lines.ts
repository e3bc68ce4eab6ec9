import Anser from 'anser';

/** One event as the api gives it. */
export interface LogEvent {
  readonly timestamp?: string;
  readonly event: string;
  readonly level?: string;
  readonly logger?: string;
}

export type Level = 'debug' | 'info' | 'warning' | 'error' | 'critical';
export const LEVELS: readonly Level[] = ['debug', 'info', 'warning', 'error', 'critical'];

/** One line of the view. Further lines of a message have neither time nor logger. */
export interface LogLine {
  readonly timestamp: string | null;
  readonly logger: string | null;
  readonly level: Level | null;
  /** The first line of its message. */
  readonly isFirst: boolean;
  /** As written, with its ANSI codes. */
  readonly raw: string;
  /** Without them: what is searched and copied. */
  readonly text: string;
  /** How many groups it is inside. */
  readonly depth: number;
  /** This line opens a group that ends before that line. */
  readonly group: number | null;
}

export interface Span {
  readonly text: string;
  readonly classes: string;
}

// oxlint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;:?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
const ERROR_TEXT = /\b(?:[A-Z]\w*)?(?:Error|Exception)\b:|^Traceback \(|\bFATAL\b/;

/** Turns events into lines as they come: may be called again and again with what is new. */
export class LogLines {
  readonly lines: LogLine[] = [];
  /** Places of lines that tell of an error. */
  readonly errors: number[] = [];
  /** So many of the lines were put before the first that came: a line's place without them stays the same for ever. */
  before = 0;
  #open: number[] = [];

  add(events: readonly LogEvent[]): void {
    for (const event of events) this.#add(event);
  }

  /** What stands before all lines so far. A group that is open at its end stays open there. */
  addBefore(events: readonly LogEvent[]): void {
    const earlier = new LogLines();
    earlier.add(events);
    const by = earlier.lines.length;
    const later = this.lines.map((line) => (line.group === null ? line : { ...line, group: line.group + by }));
    this.lines.length = 0;
    // No spread of arguments: there may be hundreds of thousands.
    for (const line of earlier.lines) this.lines.push(line.group === Number.POSITIVE_INFINITY ? { ...line, group: by } : line);
    for (const line of later) this.lines.push(line);
    const errors = this.errors.map((at) => at + by);
    this.errors.length = 0;
    for (const at of [...earlier.errors, ...errors]) this.errors.push(at);
    this.#open = this.#open.map((at) => at + by);
    this.before += by;
  }

  #add(event: LogEvent): void {
    const level = levelOf(event.level);
    let first = true;
    for (const raw of event.event.split('\n')) {
      const text = raw.replaceAll(ANSI, '');
      if (first && text.startsWith('::endgroup::')) {
        this.#close();
        first = false;
        continue;
      }
      const opens = first && text.startsWith('::group::');
      if (opens) this.#open.push(this.lines.length);
      const shown = opens ? raw.replace('::group::', '') : raw;
      // Of a message logged as an error its first line; elsewhere each line that reads like one.
      const isError = level === 'error' || level === 'critical' ? first : level !== 'debug' && ERROR_TEXT.test(text);
      if (isError) this.errors.push(this.lines.length);
      this.lines.push({
        timestamp: first ? (event.timestamp ?? null) : null, logger: first ? (event.logger ?? null) : null, level, isFirst: first, raw: shown, text: opens ? text.replace('::group::', '') : text,
        depth: this.#open.length - (opens ? 1 : 0), group: opens ? Number.POSITIVE_INFINITY : null,
      });
      first = false;
    }
  }

  #close(): void {
    const at = this.#open.pop();
    if (at !== undefined) this.lines[at] = { ...this.lines[at]!, group: this.lines.length };
  }
}

/** Which lines are shown: at least this level (lines of no level always), without what folded groups hold. @param before what the places in `unfolded` are without */
export function shownLines(lines: readonly LogLine[], least: Level, unfolded: ReadonlySet<number>, before = 0): readonly number[] {
  const from = LEVELS.indexOf(least);
  const shown: number[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.level === null || LEVELS.indexOf(line.level) >= from) shown.push(at);
    if (line.group !== null && !unfolded.has(at - before)) at = Math.min(line.group, lines.length) - 1;
  }
  return shown;
}

/** Lines that hold the text, upper and lower case alike. */
export function matches(lines: readonly LogLine[], shown: readonly number[], search: string): readonly number[] {
  const wanted = search.toLowerCase();
  return wanted === '' ? [] : shown.flatMap((at, place) => (lines[at]!.text.toLowerCase().includes(wanted) ? [place] : []));
}

/** A line as pieces of one look each; a match of the search is a piece of its own. Text stays text: nothing in it can become markup. */
export function spansOf(raw: string, search: string): readonly Span[] {
  const pieces: readonly Span[] = raw.includes('\u001b')
    ? Anser.ansiToJson(raw, { json: true, remove_empty: true, use_classes: true }).map((part) => ({ text: part.content.replaceAll(ANSI, ''), classes: [part.fg && `fg-${part.fg}`, part.bg && `bg-${part.bg}`, ...(part.decorations ?? []).map((one) => `ansi-${one}`)].filter(Boolean).join(' ') }))
    : [{ text: raw, classes: '' }];
  if (search === '') return pieces;
  const wanted = search.toLowerCase();
  return pieces.flatMap((piece) => {
    const parts: Span[] = [];
    const lower = piece.text.toLowerCase();
    let from = 0;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
      if (at > from) parts.push({ text: piece.text.slice(from, at), classes: piece.classes });
      parts.push({ text: piece.text.slice(at, at + wanted.length), classes: `${piece.classes} match` });
      from = at + wanted.length;
    }
    if (from < piece.text.length || parts.length === 0) parts.push({ text: piece.text.slice(from), classes: piece.classes });
    return parts;
  });
}

function levelOf(level: string | undefined): Level | null {
  const known = level?.toLowerCase();
  if (known === 'warn') return 'warning';
  return LEVELS.includes(known as Level) ? (known as Level) : null;
}
