import { createHash } from 'node:crypto';
import type { SourceFile } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';

/** The bundle that documents sent to the api are published in. */
export const DOCUMENTS_BUNDLE = 'documents';
/** Of one deployment. */
export const DEPLOYED_FILES_MAX = 5_000;
export const DEPLOYED_FILE_MAX_BYTES = 16 * 1_048_576;
export const DEPLOYED_TOTAL_MAX_BYTES = 256 * 1_048_576;
const NAME_MAX_BYTES = 180;

export function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The file a document is kept as: named like its dag, as far as a file can be. */
export function documentPath(dagId: string, text: string): string {
  const ending = text.trimStart().startsWith('{') ? '.dag.json' : '.dag.yaml';
  const name = /^[._]/.test(dagId) ? `dag-${dagId}` : dagId;
  return Buffer.byteLength(name) <= NAME_MAX_BYTES ? name + ending : `${[...name].slice(0, 40).join('')}-${sha256(dagId).slice(0, 16)}${ending}`;
}

/** Same files, same hash, in whatever order they are told. */
export function contentHashOf(files: readonly SourceFile[]): string {
  return sha256(files.map((file) => `${file.path}\0${file.hash}\n`).toSorted().join(''));
}

/** @throws MillraceError `invalid` naming the file that cannot be part of a deployment */
export function checkDeployedFiles(files: readonly SourceFile[]): void {
  if (files.length === 0) throw new MillraceError('invalid', 'a deployment needs at least one file');
  if (files.length > DEPLOYED_FILES_MAX) throw new MillraceError('invalid', `a deployment may have ${DEPLOYED_FILES_MAX} files, this one has ${files.length}; leave out what dags do not need with .millraceignore`);
  const seen = new Set<string>();
  let total = 0;
  for (const { path, size } of files) {
    const parts = path.split('/');
    // oxlint-disable-next-line no-control-regex -- that is what is looked for
    if (path.length > 1_000 || /[\\\0-\x1f\x7f]/.test(path) || parts.some((part) => part === '' || part === '.' || part === '..' || Buffer.byteLength(part) > 255)) throw new MillraceError('invalid', `the path ${JSON.stringify(path.slice(0, 200))} is no relative path with "/"`);
    if (!['dags', 'plugins', 'node_modules'].includes(parts[0] ?? '') || parts.length < 2) throw new MillraceError('invalid', `the path ${JSON.stringify(path)} must be below dags/, plugins/ or node_modules/`);
    if (seen.has(path)) throw new MillraceError('invalid', `the file ${path} is named twice`);
    seen.add(path);
    if (size > DEPLOYED_FILE_MAX_BYTES) throw new MillraceError('invalid', `the file ${path} has ${size} bytes, a file may have ${DEPLOYED_FILE_MAX_BYTES}; read large data at run time`);
    total += size;
  }
  if (total > DEPLOYED_TOTAL_MAX_BYTES) throw new MillraceError('invalid', `the files have ${total} bytes together, a deployment may have ${DEPLOYED_TOTAL_MAX_BYTES}`);
}
