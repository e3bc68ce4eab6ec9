import { ERRORS, MillraceError } from '@millrace/vocabulary';
import type { Format } from './render.js';

/** What a command writes: results to stdout, everything for a person to stderr, so that output can be piped. */
export function print(text: string): void {
  process.stdout.write(text);
}

export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

export interface OutputOptions {
  readonly output: Format;
}

/** The last word on an error: a sentence for refusals, the stack for bugs; and the exit code. */
export function explain(error: unknown): number {
  if (error instanceof MillraceError) {
    tell(`millrace: ${error.message}`);
    return ERRORS[error.code].exit;
  }
  tell(`millrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}
