import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** A try's log on this disk, and whether it says that it was shipped. */
export interface LogFile {
  /** Below the folder, as `logPathOf` makes it. */
  readonly logPath: string;
  readonly hasReceipt: boolean;
}

const LOG = /^attempt=\d{1,15}\.log$/;
const DEPTH_MAX = 5;

/** Name of the file beside a log that says how much of it is in the store. */
export function receiptPathOf(logPath: string): string {
  return logPath.replace(/([^/]+)$/, '.$1.shipped');
}

/** Every log below the folder, one directory after the other; links are not followed. */
export async function* logFiles(folder: string, below = '', depth = 0): AsyncGenerator<LogFile, void, undefined> {
  const names: string[] = [];
  const folders: string[] = [];
  try {
    for await (const entry of await opendir(join(folder, below))) {
      if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isFile()) names.push(entry.name);
    }
  } catch (error) {
    // Retention of another server, or a person, may remove it meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const all = new Set(names);
  for (const name of names) {
    if (LOG.test(name)) yield { logPath: below === '' ? name : `${below}/${name}`, hasReceipt: all.has(`.${name}.shipped`) };
  }
  if (depth < DEPTH_MAX) for (const name of folders) yield* logFiles(folder, below === '' ? name : `${below}/${name}`, depth + 1);
}
