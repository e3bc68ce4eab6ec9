import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ManagedService, Signal, pause } from '@millrace/lifecycle';
import { logPartKey } from '@millrace/object-store';
import type { ObjectStore } from '@millrace/object-store';
import { END_LINE_MAX_BYTES, endsTry, openLogFile } from '@millrace/task-logs';
import type { Logger } from '@millrace/telemetry';
import { logFiles } from './log-files.js';
import { readReceipt, writeReceipt } from './receipt.js';

export interface LogShipperOptions {
  readonly folder: string;
  readonly everyMs: number;
  /** A log without an end (its worker was killed) counts as ended when nothing was added for so long. */
  readonly silentMs: number;
}

export interface ShippingObserver {
  shipped(bytes: number): void;
  failed(): void;
  /** Age of the oldest ended log that is not shipped; 0: none. */
  lag(ms: number): void;
}

export interface ShippingReport {
  shipped: number;
  failed: number;
  waiting: number;
}

const BEGINNING_BYTES = 512;
const PARALLEL = 4;
/** Passes between looks at logs that have a receipt: a try that went on here has grown since. */
const RECHECK_EVERY = 20;

/**
 * Puts ended logs into the store. A receipt is written only after the store was asked and has all of it, so a crash at any moment costs
 * one upload that is made again.
 */
export class LogShipper extends ManagedService {
  readonly name = 'log-shipper';
  /** Named race points for fault tests. */
  readonly signals = { uploaded: new Signal('after-upload-before-receipt') };
  #loop: Promise<void> | undefined;
  #pass = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly options: LogShipperOptions,
    private readonly observer: ShippingObserver,
    private readonly logger: Logger,
  ) {
    super();
  }

  protected async open(signal: AbortSignal): Promise<void> {
    this.#loop = this.#run(signal);
  }

  protected async close(): Promise<void> {
    await this.#loop;
  }

  /** Looks at every log once. Rejects when the folder cannot be read. */
  async once(signal?: AbortSignal): Promise<ShippingReport> {
    const report: ShippingReport = { shipped: 0, failed: 0, waiting: 0 };
    const isRecheck = this.#pass++ % RECHECK_EVERY === 0;
    let oldestMs = 0;
    const running = new Set<Promise<void>>();
    for await (const { logPath, hasReceipt } of logFiles(this.options.folder)) {
      if (signal?.aborted === true) break;
      if (hasReceipt && !isRecheck) continue;
      const work = this.#consider(logPath, hasReceipt, report)
        .then((ageMs) => void (oldestMs = Math.max(oldestMs, ageMs)))
        .finally(() => running.delete(work));
      running.add(work);
      if (running.size >= PARALLEL) await Promise.race(running);
    }
    await Promise.all(running);
    this.observer.lag(oldestMs);
    return report;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let isFailing = false;
    while (!signal.aborted) {
      try {
        const report = await this.once(signal);
        if (isFailing && report.failed === 0) this.logger.info('logs are shipped again', { store: this.store.url });
        isFailing = report.failed > 0;
        if (report.shipped > 0) this.logger.debug('logs shipped', { ...report, store: this.store.url });
      } catch (error) {
        if (!isFailing) this.logger.warn('logs cannot be shipped now; tried again', { store: this.store.url, error: textOf(error) });
        isFailing = true;
      }
      await pause(this.options.everyMs, signal);
    }
  }

  /** @returns how long the log has been waiting: 0 when it is shipped, or not to be yet. */
  async #consider(logPath: string, hasReceipt: boolean, report: ShippingReport): Promise<number> {
    const path = join(this.options.folder, logPath);
    const file = await stat(path).catch(() => undefined);
    if (file === undefined) return 0;
    if (hasReceipt && (await readReceipt(this.options.folder, logPath))?.size === file.size) return 0;
    const silentMs = Date.now() - file.mtimeMs;
    try {
      const { isEnded, beginning } = await this.#look(logPath);
      if (!isEnded && silentMs < this.options.silentMs) {
        report.waiting++;
        return 0;
      }
      const key = logPartKey(logPath, beginning);
      await this.store.putFile(key, path);
      this.signals.uploaded.emit();
      const stored = await this.store.head(key);
      if (stored === null || stored.size < file.size) throw new Error(`the store has ${stored === null ? 'nothing' : `${stored.size} bytes`} of ${file.size} after the upload`);
      await writeReceipt(this.options.folder, logPath, { key, size: stored.size, shippedAtMs: Date.now() });
      report.shipped++;
      this.observer.shipped(stored.size);
      return 0;
    } catch (error) {
      report.failed++;
      this.observer.failed();
      this.logger[report.failed === 1 ? 'warn' : 'debug']('a log could not be shipped; tried again', { path: logPath, store: this.store.url, error: textOf(error) });
      return Math.max(1, silentMs);
    }
  }

  async #look(logPath: string): Promise<{ readonly isEnded: boolean; readonly beginning: Buffer }> {
    const opened = await openLogFile(this.options.folder, logPath);
    if ('refused' in opened) throw new Error(opened.refused);
    try {
      const beginning = Buffer.alloc(Math.min(BEGINNING_BYTES, opened.size));
      await opened.file.read(beginning, 0, beginning.length, 0);
      const tail = Buffer.alloc(Math.min(END_LINE_MAX_BYTES, opened.size));
      await opened.file.read(tail, 0, tail.length, opened.size - tail.length);
      return { isEnded: endsTry(tail), beginning };
    } finally {
      await opened.file.close();
    }
  }
}

function textOf(error: unknown): string {
  const { message, name } = error as { message?: string; name?: string };
  return message !== undefined && message !== '' ? message : (name ?? String(error));
}
