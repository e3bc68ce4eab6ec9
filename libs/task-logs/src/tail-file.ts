import { watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { END_LINE_MAX_BYTES, endsTry } from './line-format.js';

export interface TailOptions {
  readonly offset: number;
  /** At most this many bytes. */
  readonly limit?: number;
  readonly follow: boolean;
  /** Asked while nothing new comes; true ends the follow after what is there. The end line ends it without asking. */
  readonly isFinished?: () => Promise<boolean> | boolean;
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
}

const CHUNK_BYTES = 64 * 1_024;
const POLL_MS = 500;

/**
 * A log's bytes from an offset, in chunks of at most 64 KB whatever the size of the file; with `follow`, also what is
 * appended, until the try's end line, `isFinished` or the signal. File-system events wake it, a look at the size every
 * half second covers file systems that have none. Closes the file.
 */
export async function* tailFile(file: FileHandle, path: string, options: TailOptions): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = options.offset;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const changes = options.follow ? new Changes(path, options.signal) : null;
  let last = false;
  try {
    while (left > 0 && options.signal?.aborted !== true) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
      if (bytesRead > 0) {
        offset += bytesRead;
        left -= bytesRead;
        yield chunk.subarray(0, bytesRead);
        continue;
      }
      if (changes === null || last || (await hasEnded(file, offset))) return;
      if ((await options.isFinished?.()) === true) last = true; // Once more round: for what came before the finish.
      else await changes.next(options.pollMs ?? POLL_MS);
    }
  } finally {
    changes?.close();
    await file.close();
  }
}

/** Whether the file ends with a try's end line at this offset. */
export async function hasEnded(file: FileHandle, size: number): Promise<boolean> {
  const length = Math.min(size, END_LINE_MAX_BYTES);
  const tail = Buffer.alloc(length);
  const { bytesRead } = await file.read(tail, 0, length, size - length);
  return endsTry(tail.subarray(0, bytesRead));
}

/** Wakes on a change of a file, at the latest after a poll interval, at once on abort. Remembers a change nobody waited for. */
class Changes {
  private readonly watcher: ReturnType<typeof watch> | null;
  private changed = false;
  private wake: () => void = () => {};

  constructor(path: string, private readonly signal: AbortSignal | undefined) {
    let watcher: ReturnType<typeof watch> | null = null;
    try {
      watcher = watch(path, { persistent: false }, this.ring);
      watcher.on('error', () => watcher?.close());
    } catch {
      // No watches left on this machine: the poll alone is slower, not wrong.
    }
    this.watcher = watcher;
    signal?.addEventListener('abort', this.ring);
  }

  async next(pollMs: number): Promise<void> {
    if (!this.changed && this.signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.changed = false;
  }

  close(): void {
    this.watcher?.close();
    this.signal?.removeEventListener('abort', this.ring);
    this.ring();
  }

  private readonly ring = (): void => {
    this.changed = true;
    this.wake();
  };
}
