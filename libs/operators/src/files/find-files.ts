import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fixedStart, hasWildcard, wildcardExpression } from '../patterns/wildcards.js';

export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

/** Files at an absolute path or pattern (`*`, `?`, `[a-z]`, `**`), in order; of a folder those below it. What is not there, or goes meanwhile, is not told. */
export async function findFiles(pattern: string): Promise<readonly FoundFile[]> {
  const found = hasWildcard(pattern) ? await matching(pattern) : await below(pattern);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function matching(pattern: string): Promise<FoundFile[]> {
  const start = fixedStart(pattern);
  const folder = start.endsWith('/') ? start : dirname(start);
  const expression = wildcardExpression(pattern, true);
  // Without `**` nothing deeper than the pattern can match.
  const depth = pattern.includes('**') ? Infinity : pattern.slice(folder.length).split('/').filter((part) => part !== '').length;
  return (await below(folder, depth)).filter((file) => expression.test(file.path));
}

async function below(path: string, depth = Infinity): Promise<FoundFile[]> {
  const known = await stat(path).catch(missing);
  if (known === null) return [];
  if (known.isFile()) return [{ path, bytes: known.size, modifiedAtMs: known.mtimeMs }];
  if (!known.isDirectory() || depth <= 0) return [];
  const entries = (await readdir(path, { withFileTypes: true }).catch(missing)) ?? [];
  const files: FoundFile[] = [];
  for (const entry of entries) {
    // A link to a folder is not followed: it may lead in a circle.
    if (entry.isSymbolicLink() && (await stat(join(path, entry.name)).catch(missing))?.isFile() !== true) continue;
    files.push(...(await below(join(path, entry.name), depth - 1)));
  }
  return files;
}

function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
