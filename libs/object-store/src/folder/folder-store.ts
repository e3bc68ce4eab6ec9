import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkKey } from '../object-store.js';
import type { ByteRange, ObjectStore, StoredObject } from '../object-store.js';

/** A name no object has: files on their way in. */
const PART = '.part-';

/** A folder, e.g. a network share that every api can read. */
export class FolderStore implements ObjectStore {
  readonly url: string;

  constructor(private readonly folder: string) {
    this.url = pathToFileURL(folder).href;
  }

  async putFile(key: string, path: string): Promise<void> {
    const target = this.#path(key);
    const part = `${target}${PART}${randomUUID()}`;
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    try {
      await copyFile(path, part);
      const file = await open(part, 'r+');
      await file.sync().finally(() => file.close());
      await rename(part, target);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async head(key: string): Promise<StoredObject | null> {
    const found = await stat(this.#path(key)).catch(unlessMissing);
    return found?.isFile() === true ? { key, size: found.size, modifiedAtMs: found.mtimeMs } : null;
  }

  async get(key: string, { offset, limit }: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> {
    const found = await this.head(key);
    if (found === null) return null;
    if (limit === 0 || offset >= found.size) return nothing();
    return createReadStream(this.#path(key), { start: offset, ...(limit === undefined ? {} : { end: offset + limit - 1 }), ...(signal === undefined ? {} : { signal }) });
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const at = prefix.lastIndexOf('/');
    const found: StoredObject[] = [];
    await this.#walk(at < 0 ? '' : prefix.slice(0, at), prefix, found);
    yield* found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.#path(key), { force: true });
  }

  async close(): Promise<void> {}

  async #walk(below: string, prefix: string, found: StoredObject[]): Promise<void> {
    const directory = await opendir(join(this.folder, below)).catch(unlessMissing);
    if (directory === undefined) return;
    for await (const entry of directory) {
      const key = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (key.startsWith(prefix) || prefix.startsWith(`${key}/`)) await this.#walk(key, prefix, found);
      } else if (entry.isFile() && key.startsWith(prefix) && !entry.name.includes(PART)) {
        const object = await this.head(key);
        if (object !== null) found.push(object);
      }
    }
  }

  #path(key: string): string {
    return join(this.folder, checkKey(key));
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
