import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isLogPath } from './log-path.js';

export type OpenedLog = { readonly file: FileHandle; readonly path: string; readonly size: number } | { readonly refused: string };

/**
 * Opens a log below the root for reading, or says why not. Task code owns its processes and may plant anything in the
 * folder, so: the shape of the path, no link on the way or at the end, a regular file with one name, and the same file
 * before and after opening (a folder swapped for a link in between is noticed).
 */
export async function openLogFile(root: string, logPath: string): Promise<OpenedLog> {
  if (!isLogPath(logPath)) return { refused: 'not the path of a log' };
  let file: FileHandle | undefined;
  try {
    const path = join(await realpath(root), logPath);
    if ((await realpath(path)) !== path) return { refused: 'a link is on the path' };
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const [opened, named, real] = await Promise.all([file.stat(), lstat(path), realpath(path)]);
    const refused = !opened.isFile() ? 'not a regular file'
      : opened.nlink > 1 ? 'the file has another name'
      : real !== path || opened.ino !== named.ino || opened.dev !== named.dev ? 'the path changed while it was opened'
      : null;
    if (refused !== null) {
      await file.close();
      return { refused };
    }
    return { file, path, size: opened.size };
  } catch (error) {
    await file?.close();
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return { refused: 'no such file' };
    if (code === 'ELOOP') return { refused: 'a link is on the path' };
    if (code === 'ENXIO') return { refused: 'not a regular file' };
    return { refused: `cannot be opened (${code || String(error)})` };
  }
}
