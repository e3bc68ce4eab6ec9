import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { packableFiles, pluginFoldersOf, processFolderOnce } from '@millrace/bundles';
import { MillraceError } from '@millrace/vocabulary';

export interface PackedFile {
  /** `dags/…`, `plugins/…` or `node_modules/…`. */
  readonly path: string;
  /** sha-256 hex of the content. */
  readonly hash: string;
  readonly content: Buffer<ArrayBuffer>;
}

export interface PackedFolder {
  readonly files: readonly PackedFile[];
  readonly dagFiles: number;
  /** Import errors as text; then nothing should be uploaded. */
  readonly failures: readonly string[];
}

/**
 * What a deployment of a dags folder consists of: all its files but ignored ones, the plugins beside it, and of installed packages those
 * files that the dags import. The dags are processed here as a dag-processor will do it, so that errors are seen before anything is sent.
 */
export async function packFolder(folder: string): Promise<PackedFolder> {
  if ((await stat(folder).catch(() => null))?.isDirectory() !== true) throw new MillraceError('bad_request', `${folder} is no folder`);
  const root = await realpath(folder);
  const outcomes = await processFolderOnce({ path: root });
  const files = new Map<string, string>();
  for (const { path, file } of await packableFiles(root)) files.set(`dags/${path}`, file);
  const plugins = pluginFoldersOf(root, null).find((candidate) => existsSync(candidate));
  if (plugins !== undefined) for (const { path, file } of await packableFiles(plugins)) files.set(`plugins/${path}`, file);
  for (const { result } of outcomes) if (result.ok) for (const input of result.bundle.inputs) addPackageFile(files, input);
  return {
    files: [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, file]) => {
      const content = readFileSync(file);
      return { path, content, hash: createHash('sha256').update(content).digest('hex') };
    }),
    dagFiles: outcomes.length,
    failures: outcomes.flatMap(({ result }) => (result.ok ? [] : [result.failure.text])),
  };
}

/** A file of an installed package, and what says how the package is entered. The installation's own packages are there everywhere. */
function addPackageFile(files: Map<string, string>, input: string): void {
  const at = input.indexOf(`${sep}node_modules${sep}`);
  if (at < 0 || input.includes(`${sep}@millrace${sep}`)) return;
  files.set(posix(input.slice(at + 1)), input);
  for (let folder = dirname(input); folder.length > at + `${sep}node_modules`.length; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) files.set(posix(relative(input.slice(0, at), manifest)), manifest);
  }
}

function posix(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
