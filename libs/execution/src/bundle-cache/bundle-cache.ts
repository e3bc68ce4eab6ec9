import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { backoffMs, pause } from '@millrace/lifecycle';

/** A bundle above this is refused before it fills the disk. */
const BUNDLE_MAX_BYTES = 256 * 1_048_576;
/** With the pauses between them about ten seconds. */
const FETCHES_MAX = 8;

/** Gets a bundle's bytes by hash, in chunks. */
export type FetchBundle = (hash: string) => AsyncIterable<Uint8Array>;

/** Bundles on this worker's disk, by hash. What does not match its hash is never given to a runner. */
export class BundleCache {
  private readonly ready = new Map<string, string>();
  private readonly loading = new Map<string, Promise<string>>();

  constructor(
    private readonly folder: string,
    private readonly fetch: FetchBundle,
  ) {}

  /** The file of a bundle that was checked already: the hot path then waits for nothing. */
  known(hash: string): string | undefined {
    return this.ready.get(hash);
  }

  /** The file of a bundle; callers that ask at once share one fetch. Throws when it cannot be fetched or does not match. */
  file(hash: string): Promise<string> {
    const known = this.ready.get(hash);
    if (known !== undefined) return Promise.resolve(known);
    let loading = this.loading.get(hash);
    if (loading === undefined) {
      loading = this.load(hash).finally(() => this.loading.delete(hash));
      this.loading.set(hash, loading);
    }
    return loading;
  }

  private async load(hash: string): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error(`"${hash.slice(0, 80)}" is no bundle hash (64 hexadecimal digits)`);
    const file = join(this.folder, `${hash}.mjs`);
    if (!(await this.holds(file, hash))) await this.downloadWithPatience(hash, file);
    this.ready.set(hash, file);
    return file;
  }

  private async holds(file: string, hash: string): Promise<boolean> {
    const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    return bytes !== null && sha256(bytes) === hash;
  }

  /** A scheduler that restarts must not cost a try; a bundle that nobody has is no reason to wait. */
  private async downloadWithPatience(hash: string, file: string): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.download(hash, file);
      } catch (error) {
        if (failures === FETCHES_MAX || !isUnavailable(error)) throw error;
        await pause(backoffMs(failures, { minMs: 100, maxMs: 3_000 }));
      }
    }
  }

  private async download(hash: string, file: string): Promise<void> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.fetch(hash)) {
      size += chunk.length;
      if (size > BUNDLE_MAX_BYTES) throw new Error(`bundle ${hash} is larger than ${BUNDLE_MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    const found = sha256(bytes);
    if (found !== hash) throw new Error(`bundle ${hash} arrived with the hash ${found} (${size} bytes)`);
    await mkdir(this.folder, { recursive: true });
    // Another worker on this host may write the same bundle: each its own file, then one rename.
    const temporary = `${file}.${randomUUID()}`;
    try {
      await writeFile(temporary, bytes, { mode: 0o444 });
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

function isUnavailable(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED || code === status.CANCELLED;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
