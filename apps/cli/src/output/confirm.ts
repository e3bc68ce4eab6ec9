import { createInterface } from 'node:readline/promises';

/** Whether whoever sits at the terminal says yes; null when nobody does, so that a script never hangs on a question. */
export async function confirmed(question: string): Promise<boolean | null> {
  if (!process.stdin.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const over = new AbortController();
  // Ctrl-D, Ctrl-C: no.
  lines.once('close', () => over.abort());
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: over.signal })).trim());
  } catch (error) {
    if ((error as Error).name === 'AbortError') return false;
    throw error;
  } finally {
    lines.close();
  }
}
