import { FolderProcessor } from '@millrace/bundles';
import type { DagsFolder, Evaluator, FileOutcome, FoundPlugin } from '@millrace/bundles';
import { retryForever } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { isRefusal } from './bundles-client.js';
import type { BundlesClient } from './bundles-client.js';
import { commitOf } from './git/git-checkout.js';
import { FolderWatch } from './folder-watch.js';
import type { ProcessorMetrics } from './processor-metrics.js';

export interface FolderPublisherOptions {
  readonly parallelism: number;
  readonly rescanEveryMs: number;
}

/** Keeps the api's picture of one dags folder up to date. */
export class FolderPublisher {
  private readonly processor: FolderProcessor;
  private readonly watch: FolderWatch;
  private reported: string | null = null;
  private reportedPlugins: string | null = null;
  private readonly refused = new Set<string>();
  private somethingPassed = false;
  /** Of the first of the parts of a long look. */
  private lookBeganAt: number | null = null;
  private lost = false;
  private readable = true;

  constructor(
    private readonly folder: DagsFolder,
    evaluator: Evaluator,
    private readonly api: BundlesClient,
    private readonly metrics: ProcessorMetrics,
    private readonly logger: Logger,
    private readonly options: FolderPublisherOptions,
  ) {
    this.processor = new FolderProcessor(folder, evaluator, options.parallelism);
    this.watch = new FolderWatch(folder.path);
  }

  /** Null while all is well. */
  get trouble(): string | null {
    if (!this.readable) return `${this.folder.path} cannot be read`;
    return this.lost ? 'the api cannot be reached' : null;
  }

  /** Somebody wants this file read again though it did not change. Of another folder: nothing. */
  processAgain(folderName: string, path: string): void {
    if (folderName !== this.folder.name) return;
    this.processor.forget(path);
    this.watch.wake();
  }

  /** As if something had changed. */
  wake(): void {
    this.watch.wake();
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = this.options.rescanEveryMs;
      try {
        waitMs = Math.min(waitMs, (await this.once(signal)) ?? waitMs);
      } catch (error) {
        if (signal.aborted) break;
        this.logger.error('looking at the dags folder failed; it is tried again', { folder: this.folder.path, error });
      }
      await this.watch.wait(waitMs, signal);
    }
    this.watch.close();
    await this.processor.close();
  }

  /** One look: processes and publishes what changed. @returns when to look again at the latest, milliseconds; null: no need */
  async once(signal: AbortSignal): Promise<number | null> {
    const refusedBefore = [...this.refused];
    this.lookBeganAt ??= performance.now();
    const look = await this.processor.look((outcome) => this.publish(outcome, signal));
    if ((look.present !== null) !== this.readable) {
      this.readable = look.present !== null;
      if (this.readable) this.logger.info('the dags folder can be read again', { folder: this.folder.path });
      else this.logger.warn('the dags folder cannot be read; its dags stay as they are', { folder: this.folder.path });
    }
    this.watch.follow(look.folders);
    if (look.isComplete) {
      this.metrics.lookSeconds.observe({ folder: this.folder.name }, (performance.now() - this.lookBeganAt) / 1_000);
      this.lookBeganAt = null;
    }
    if (look.present === null) return null;
    this.metrics.present.set({ folder: this.folder.name }, look.present.length);
    const present = look.present;
    await this.reportPlugins(look.plugins ?? [], signal);
    // What stood against a refused file (its dag's id belongs to another file) passes when that other file changes or goes.
    if (look.changed.some((outcome) => !this.refused.has(outcome.path))) this.somethingPassed = true;
    // Not after each part of a long look: they would be processed again and again.
    let again = look.isComplete && this.somethingPassed ? refusedBefore : [];
    if (look.isComplete) this.somethingPassed = false;
    if (JSON.stringify(present) !== this.reported) {
      const { staleDags } = await this.untilAnswered('reporting the folder', () => this.api.reportFolder(this.folder.name, present), signal);
      this.reported = JSON.stringify(present);
      if (staleDags > 0) this.logger.info('dags are stale, because their files are gone', { folder: this.folder.name, dags: staleDags });
      again = [...this.refused];
    }
    for (const path of again) this.processor.forget(path);
    if (again.length > 0) return 0;
    return look.lookAgainMs;
  }

  private async reportPlugins(plugins: readonly FoundPlugin[], signal: AbortSignal): Promise<void> {
    const told = JSON.stringify(plugins.map(({ source, result }) => [source, result.ok ? [result.document, result.bundle?.hash] : result.failure]));
    if (told === this.reportedPlugins) return;
    for (const { source, result } of plugins) if (!result.ok) this.logger.warn('plugin import error', { folder: this.folder.name, plugin: source, error: result.failure.text });
    try {
      await this.untilAnswered('reporting plugins', () => this.api.reportPlugins(this.folder.name, plugins), signal);
      this.reportedPlugins = told;
    } catch (error) {
      // An api of the version before does not know of plugins; the next look tells it again.
      if (!isRefusal(error)) throw error;
      this.logger.warn('the api did not take the plugins', { folder: this.folder.name, reason: error.details });
    }
  }

  private async publish(outcome: FileOutcome, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const fields = { folder: this.folder.name, file: outcome.path };
    let refusal = '';
    try {
      const answer = await this.untilAnswered('publishing a dag file', () => this.api.publish(this.folder.name, outcome, commitOf(outcome.file)), signal);
      refusal = answer.refused;
      const changed = answer.dags.filter((dag) => dag.changed).map((dag) => `${dag.dagId} v${dag.versionNumber}`);
      if (outcome.result.ok && refusal === '') this.logger.info('published', { ...fields, dags: answer.dags.map((dag) => dag.dagId), changed, bundle: outcome.result.bundle.hash, process_ms: outcome.durationMs, publish_ms: Math.round(performance.now() - startedAt) });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal = error.details;
      await this.untilAnswered('publishing an import error', () => this.api.publish(this.folder.name, refusedOutcome(outcome, refusal)), signal).catch((second: unknown) => {
        if (!isRefusal(second)) throw second;
      });
    }
    this.metrics.processSeconds.observe(outcome.durationMs / 1_000);
    this.metrics.publishSeconds.observe((performance.now() - startedAt) / 1_000);
    this.metrics.files.inc({ result: !outcome.result.ok ? 'import_error' : refusal === '' ? 'published' : 'refused' });
    if (!outcome.result.ok) this.logger.warn('import error', { ...fields, error: outcome.result.failure.text });
    if (refusal === '') this.refused.delete(outcome.path);
    else {
      this.refused.add(outcome.path);
      this.logger.warn('the api refused a dag file', { ...fields, reason: refusal });
    }
  }

  private async untilAnswered<T>(what: string, send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const attempt = async (): Promise<{ readonly answer: T } | { readonly refusal: unknown }> => {
      try {
        return { answer: await send() };
      } catch (error) {
        if (isRefusal(error)) return { refusal: error };
        throw error;
      }
    };
    const outcome = await retryForever(attempt, {
      signal,
      maxMs: 5_000,
      onError: (error, failures, pauseMs) => {
        this.lost = true;
        this.metrics.apiFailures.inc();
        const reason = error instanceof Error ? error.message : String(error);
        if (failures === 1 || failures % 10 === 0) this.logger.warn(`${what}: the api does not answer; trying again`, { folder: this.folder.name, reason, failures, again_in_ms: pauseMs });
      },
    });
    if (this.lost) {
      this.lost = false;
      this.logger.info('the api answers again');
      // It may have come back with another database: tell it everything once more.
      this.processor.forgetAll();
      this.reported = null;
      this.reportedPlugins = null;
      this.watch.wake();
    }
    if ('refusal' in outcome) throw outcome.refusal;
    return outcome.answer;
  }
}

/** What the api knows of a file it would not take: the reason, without what it refused. */
function refusedOutcome(outcome: FileOutcome, reason: string): FileOutcome {
  const message = `the api refused the file: ${reason}`;
  return { ...outcome, source: outcome.source.slice(0, 100_000), result: { ok: false, failure: { message, file: outcome.path, line: 0, column: 0, text: `${outcome.path}: ${message}` } } };
}
