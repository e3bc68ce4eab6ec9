import { tell } from './terminal.js';

const BAR_WIDTH = 30;

/** A bar on stderr while a person looks at it; lines when stderr goes to a file or a pipe, each only once. */
export class Progress {
  #told = '';
  #isDrawn = false;

  /** @param what in front of the bar @param total what is all of it; 0 draws none */
  constructor(private readonly what: string, private readonly total: number) {}

  /** @param done so many are done @param more words behind it */
  at(done: number, more = '', total: number = this.total): void {
    const line = `${this.what}: ${done} of ${total}${more === '' ? '' : `, ${more}`}`;
    if (line === this.#told || total === 0) return;
    this.#told = line;
    if (!process.stderr.isTTY) return tell(line);
    const filled = Math.round((Math.min(done, total) / total) * BAR_WIDTH);
    const drawn = `${this.what} [${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}] ${done}/${total}${more === '' ? '' : ` ${more}`}`;
    // Longer than the terminal it would leave pieces of itself behind.
    process.stderr.write(`\r\u001b[K${drawn.slice(0, Math.max(20, (process.stderr.columns || 80) - 1))}`);
    this.#isDrawn = true;
  }

  /** Leaves the bar as it is; what is told next stands below it. */
  end(): void {
    if (this.#isDrawn) process.stderr.write('\n');
    this.#isDrawn = false;
  }
}
