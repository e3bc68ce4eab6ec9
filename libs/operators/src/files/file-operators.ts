import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { Operator } from '@millrace/sdk';
import type { OperatorOptions, TaskContext } from '@millrace/sdk';
import { hasWildcard } from '../patterns/wildcards.js';
import { needText } from '../options/check-options.js';
import { findFiles } from './find-files.js';

export interface WriteFileOperatorOptions extends OperatorOptions {
  /** Absolute path; folders are made. Template. */
  readonly path: string;
  /** A text is written as it is, everything else as JSON. Template. */
  readonly content: unknown;
}

/** Writes a file, whole or not at all: whoever waits for it never sees half of it. Returns `{ path, bytes }`. */
export class WriteFileOperator extends Operator<{ readonly path: string; readonly bytes: number }> {
  override readonly templateFields: readonly string[] = ['path', 'content'];
  readonly path: string;
  readonly content: unknown;

  constructor(id: string, options: WriteFileOperatorOptions) {
    super(id, options);
    this.path = needText(this.taskId, 'path', options?.path);
    if (options.content === undefined) throw new TypeError(`task "${this.taskId}": content is missing`);
    this.content = options.content;
  }

  override async execute(context: TaskContext): Promise<{ readonly path: string; readonly bytes: number }> {
    const path = absolute('path', this.path);
    const content = typeof this.content === 'string' ? this.content : `${JSON.stringify(this.content, null, 2)}\n`;
    await mkdir(dirname(path), { recursive: true });
    await whole(path, (temporary) => writeFile(temporary, content));
    context.log.info(`${path} written`);
    return { path, bytes: Buffer.byteLength(content) };
  }
}

export interface CopyFilesOperatorOptions extends OperatorOptions {
  /** Absolute path of a file, or a pattern: `*`, `?`, `[a-z]`, `**`. Template. */
  readonly source: string;
  /** Absolute path; of several files, or with `/` at its end, the folder they go to. Folders are made. Template. */
  readonly destination: string;
  /** Remove each source when it has arrived. @default false */
  readonly move?: boolean;
  /** No file at all is a success. @default false: it fails the try */
  readonly allowNone?: boolean;
}

/** Copies or moves files on the worker's disk, each whole or not at all. Returns the paths that came to be. */
export class CopyFilesOperator extends Operator<readonly string[]> {
  override readonly templateFields: readonly string[] = ['source', 'destination'];
  readonly source: string;
  readonly destination: string;
  readonly move: boolean;
  readonly allowNone: boolean;

  constructor(id: string, options: CopyFilesOperatorOptions) {
    super(id, options);
    this.source = needText(this.taskId, 'source', options?.source);
    this.destination = needText(this.taskId, 'destination', options.destination);
    this.move = options.move ?? false;
    this.allowNone = options.allowNone ?? false;
  }

  override async execute(context: TaskContext): Promise<readonly string[]> {
    const source = absolute('source', this.source);
    const destination = absolute('destination', this.destination);
    const files = await findFiles(source);
    if (files.length === 0 && !this.allowNone) throw new Error(`there is no file ${source}`);
    const isFolder = destination.endsWith('/') || hasWildcard(source) || (await stat(destination).catch(() => null))?.isDirectory() === true;
    if (!isFolder && files.length > 1) throw new Error(`${source} is ${files.length} files; destination must be a folder, with "/" at its end`);
    const made: string[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      const path = isFolder ? join(destination, basename(file.path)) : destination;
      if (made.includes(path)) throw new Error(`two files of ${source} are called ${basename(path)}`);
      await mkdir(dirname(path), { recursive: true });
      await whole(path, (temporary) => copyFile(file.path, temporary));
      if (this.move) await rm(file.path);
      made.push(path);
    }
    context.log.info(`${made.length} files ${this.move ? 'moved' : 'copied'} to ${destination}`);
    return made;
  }
}

export interface DeleteFilesOperatorOptions extends OperatorOptions {
  /** Absolute path of a file, or a pattern: `*`, `?`, `[a-z]`, `**`. Folders stay. Template. */
  readonly path: string;
}

/** Deletes files on the worker's disk. None there is a success: another try may have been here. Returns the paths that are gone. */
export class DeleteFilesOperator extends Operator<readonly string[]> {
  override readonly templateFields: readonly string[] = ['path'];
  readonly path: string;

  constructor(id: string, options: DeleteFilesOperatorOptions) {
    super(id, options);
    this.path = needText(this.taskId, 'path', options?.path);
  }

  override async execute(context: TaskContext): Promise<readonly string[]> {
    const path = absolute('path', this.path);
    if (!hasWildcard(path) && (await stat(path).catch(() => null))?.isDirectory() === true) throw new Error(`${path} is a folder; name its files, e.g. ${join(path, '*')}`);
    const files = await findFiles(path);
    for (const file of files) await rm(file.path, { force: true });
    context.log.info(`${files.length} files deleted`);
    return files.map((file) => file.path);
  }
}

function absolute(name: string, path: string): string {
  if (!isAbsolute(path)) throw new Error(`${name} must be an absolute path, got ${JSON.stringify(path)}`);
  return path;
}

/** Beside it first, then in its place by one rename. */
async function whole(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
