import type { ObjectStore, StoredObject } from '../object-store.js';
import { partsPrefix } from './log-parts.js';

/** A try's log in the store, its parts as one text. */
export interface StoredLog {
  /** Bytes of the whole log. */
  readonly size: number;
  /** The byte the chunks begin at. */
  readonly offset: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** null: the store has nothing of it. @param logPath as `logPathOf` of task-logs gives it */
export async function readStoredLog(store: ObjectStore, logPath: string, range: { readonly offset: number; readonly limit: number } | { readonly last: number }, signal?: AbortSignal): Promise<StoredLog | null> {
  const parts: StoredObject[] = [];
  for await (const part of store.list(partsPrefix(logPath))) parts.push(part);
  if (parts.length === 0) return null;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const from = 'last' in range ? { offset: Math.max(0, size - range.last), limit: range.last } : range;
  return { size, offset: from.offset, chunks: chunksOf(store, parts, from, signal) };
}

async function* chunksOf(store: ObjectStore, parts: readonly StoredObject[], range: { readonly offset: number; readonly limit: number }, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  let { offset, limit: left } = range;
  for (const part of parts) {
    if (left <= 0) return;
    if (offset >= part.size) {
      offset -= part.size;
      continue;
    }
    const take = Math.min(left, part.size - offset);
    const bytes = await store.get(part.key, { offset, limit: take }, signal);
    if (bytes === null) throw new Error(`${part.key} is gone from ${store.url}`);
    for await (const chunk of bytes) {
      left -= chunk.length;
      yield chunk;
    }
    offset = 0;
  }
}
