import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { FolderProcessor } from '@millrace/bundles';
import type { Evaluator } from '@millrace/bundles';
import type { bundlesProto } from '@millrace/contracts';
import { pause } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import { isRefusal } from './bundles-client.js';
import type { BundlesClient, SourceClaim } from './bundles-client.js';

/** How long the api may keep a question for work open. */
const WAIT_FOR_WORK_MS = 10_000;
const AFTER_FAILURE_MS = 2_000;
const QUICK_MS = 500;
/** Contents asked for at once; a message may have 32 MiB. */
const READ_MAX_BYTES = 16 * 1_048_576;

/**
 * Documents and deployed bundles: what the api keeps instead of a folder is processed here as a folder would be, and told back. Each is
 * handed to one processor; what a processor that dies had is handed to another.
 */
export class SourceChecker {
  private failing = false;

  constructor(
    private readonly id: string,
    private readonly evaluator: Evaluator,
    private readonly api: BundlesClient,
    private readonly logger: Logger,
    private readonly options: { readonly parallelism: number; readonly pluginFolders: readonly string[] },
  ) {}

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const askedAt = performance.now();
        const { source } = await this.api.takeSource(this.id, WAIT_FOR_WORK_MS);
        this.failing = false;
        if (source !== undefined) await this.check(source, signal);
        // An api that answers at once though it has nothing is not asked in a circle.
        else if (performance.now() - askedAt < QUICK_MS) await pause(QUICK_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (!this.failing) this.logger.warn('documents and deployments cannot be checked now; trying again', { reason });
        this.failing = true;
        await pause(AFTER_FAILURE_MS, signal);
      }
    }
  }

  private async check(source: bundlesProto.SourceToCheck, signal: AbortSignal): Promise<void> {
    const claim: SourceClaim = { sourceId: source.sourceId, revision: source.revision, processorId: this.id };
    const fields = { [source.kind]: source.name, revision: source.revision };
    const startedAt = performance.now();
    const folder = await mkdtemp(join(tmpdir(), 'millrace-source-'));
    try {
      const failure = await this.fill(folder, claim, source.files);
      const told = failure === '' ? await this.process(folder, claim, source, signal) : { files: 0, goOn: true };
      if (!told.goOn) return this.logger.info('another dag-processor has it now', fields);
      await this.api.finishSource(claim, failure);
      this.logger.info('checked', { ...fields, dag_files: told.files, ms: Math.round(performance.now() - startedAt) });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.api.finishSource(claim, error.details);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Writes the files below the folder. @returns why it cannot; empty: they are there */
  private async fill(folder: string, claim: SourceClaim, files: readonly bundlesProto.SourceFile[]): Promise<string> {
    for (const batch of batches(files)) {
      const { contents } = await this.api.readSourceFiles({ sourceId: claim.sourceId, revision: claim.revision, hashes: [...new Set(batch.map((file) => file.hash))] });
      const byHash = new Map(contents.map(({ hash, content }) => [hash, content]));
      for (const { path, hash } of batch) {
        const content = byHash.get(hash);
        if (content === undefined) return `the content of ${path} is gone; deploy again`;
        const file = join(folder, path);
        // The api has checked the paths; whoever speaks for it may be wrong.
        if (!file.startsWith(folder + sep)) return `the path ${path} leads out of the folder`;
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
    }
    return '';
  }

  private async process(folder: string, claim: SourceClaim, source: bundlesProto.SourceToCheck, signal: AbortSignal): Promise<{ readonly files: number; readonly goOn: boolean }> {
    const isDocument = source.kind === 'document';
    // A document lies alone and may use the plugins of this installation; a bundle has its own beside its dags, and those too.
    const plugins = isDocument ? this.options.pluginFolders : [join(folder, 'plugins'), ...this.options.pluginFolders];
    const looker = new FolderProcessor({ name: source.name, path: isDocument ? folder : join(folder, 'dags'), pluginFolders: plugins }, this.evaluator, this.options.parallelism, { settleMs: 0, failureSettleMs: 0, removalSettleMs: 0 });
    const bundleName = isDocument ? 'documents' : source.name;
    let files = 0;
    let goOn = true;
    try {
      for (;;) {
        const look = await looker.look(async (outcome) => {
          if (!goOn) return;
          files++;
          ({ goOn } = await this.api.tellSourceFile(claim, bundleName, { ...outcome, file: `${bundleName}/${outcome.path}` }));
        });
        if (look.present === null || look.lookAgainMs === null || !goOn) return { files, goOn };
        await pause(look.lookAgainMs, signal);
        signal.throwIfAborted();
      }
    } finally {
      await looker.close();
    }
  }
}

function batches(files: readonly bundlesProto.SourceFile[]): bundlesProto.SourceFile[][] {
  const all: bundlesProto.SourceFile[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const file of files) {
    if (bytes + file.size > READ_MAX_BYTES) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)!.push(file);
    bytes += file.size;
  }
  return all;
}
