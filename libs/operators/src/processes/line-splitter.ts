import { StringDecoder } from 'node:string_decoder';

/** A line is passed on when it gets this long even if it has not ended: a task may print without newlines for ever. */
const LINE_MAX_CHARS = 64 * 1_024;

/** Makes lines, without their ends, of bytes as they come. */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  write(chunk: Buffer): void {
    this.#take(this.decoder.write(chunk));
  }

  /** Passes on what has not ended in a newline. */
  end(): void {
    this.#take(this.decoder.end());
    if (this.rest !== '') this.onLine(this.rest);
    this.rest = '';
  }

  #take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.rest.length > LINE_MAX_CHARS) {
      this.onLine(this.rest);
      this.rest = '';
    }
  }
}
