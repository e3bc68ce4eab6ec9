import { rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ManagedService, pause } from '@millrace/lifecycle';
import type { ObjectStore } from '@millrace/object-store';
import type { Logger } from '@millrace/telemetry';
import { logFiles, receiptPathOf } from '../shipping/log-files.js';
import { readReceipt } from '../shipping/receipt.js';

export interface LogRetentionOptions {
  readonly folder: string;
  readonly everyMs: number;
  /** A log older than this goes from this disk; with a store only when the store has it. 0: never. */
  readonly localMs: number;
  /** A log older than this goes from the store. 0: never. */
  readonly storeMs: number;
}

const DELETE_AT_ONCE = 500;

/** Removes logs that are old enough: from this disk (what a store is to have, only when it has it), and from the store. */
export class LogRetention extends ManagedService {
  readonly name = 'log-retention';
  #loop: Promise<void> | undefined;

  constructor(
    /** null: logs live on this disk alone. */
    private readonly store: ObjectStore | null,
    private readonly options: LogRetentionOptions,
    private readonly logger: Logger,
    private readonly onRemoved: (from: 'disk' | 'store', count: number) => void = () => {},
  ) {
    super();
  }

  protected async open(signal: AbortSignal): Promise<void> {
    this.#loop = this.#run(signal);
  }

  protected async close(): Promise<void> {
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const removed = { disk: await this.fromDisk(signal), store: await this.fromStore(signal) };
        if (removed.disk + removed.store > 0) this.logger.info('old logs removed', removed);
      } catch (error) {
        this.logger.warn('old logs cannot be removed now; tried again', { error: error instanceof Error ? error.message : String(error) });
      }
      await pause(this.options.everyMs, signal);
    }
  }

  /** @returns how many logs went. */
  async fromDisk(signal?: AbortSignal): Promise<number> {
    const { folder, localMs } = this.options;
    if (localMs <= 0) return 0;
    let removed = 0;
    for await (const { logPath, hasReceipt } of logFiles(folder)) {
      if (signal?.aborted === true) break;
      const path = join(folder, logPath);
      const file = await stat(path).catch(() => undefined);
      if (file === undefined || Date.now() - file.mtimeMs < localMs) continue;
      if (this.store !== null && !(hasReceipt && (await this.#isStored(logPath, file.size)))) continue;
      await rm(path, { force: true });
      await rm(join(folder, receiptPathOf(logPath)), { force: true });
      await this.#removeEmpty(dirname(logPath));
      removed++;
    }
    if (removed > 0) this.onRemoved('disk', removed);
    return removed;
  }

  /** @returns how many objects went. */
  async fromStore(signal?: AbortSignal): Promise<number> {
    const { storeMs } = this.options;
    if (this.store === null || storeMs <= 0) return 0;
    let removed = 0;
    let old: string[] = [];
    for await (const { key, modifiedAtMs } of this.store.list('dag_id=')) {
      if (signal?.aborted === true) break;
      if (Date.now() - modifiedAtMs < storeMs) continue;
      old.push(key);
      if (old.length < DELETE_AT_ONCE) continue;
      await this.store.delete(old);
      removed += old.length;
      old = [];
    }
    await this.store.delete(old);
    removed += old.length;
    if (removed > 0) this.onRemoved('store', removed);
    return removed;
  }

  /** Asked again now: a receipt is as old as its log, and objects can be deleted by others. */
  async #isStored(logPath: string, size: number): Promise<boolean> {
    const receipt = await readReceipt(this.options.folder, logPath);
    if (receipt === null || receipt.size !== size) return false;
    const stored = await (this.store as ObjectStore).head(receipt.key);
    if (stored !== null && stored.size === size) return true;
    this.logger.warn('a shipped log is missing from the store; it stays here and is shipped again', { path: logPath });
    await rm(join(this.options.folder, receiptPathOf(logPath)), { force: true });
    return false;
  }

  async #removeEmpty(below: string): Promise<void> {
    for (let at = below; at !== '' && at !== '.'; at = dirname(at)) {
      try {
        await rmdir(join(this.options.folder, at));
      } catch {
        return; // Not empty: something else lives there.
      }
    }
  }
}
